package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/kube-zen/zen-lead/core/term"
)

var (
	// ErrMissing: there is no such Lease.
	ErrMissing = errors.New("the Lease is missing")
	// ErrChanged: the Lease is not the version that was judged any more, and this write did not happen.
	ErrChanged = errors.New("the Lease has changed")
)

// Pool reads and writes the Lease of one pool. It is safe for concurrent use.
type Pool struct {
	leases          coordinationclient.LeaseInterface
	namespace, name string
}

// NewPool returns the pool of a LeaderPolicy's name.
func NewPool(client coordinationclient.LeasesGetter, namespace, name string) *Pool {
	return &Pool{leases: client.Leases(namespace), namespace: namespace, name: name}
}

// Get reads the Lease from the API server. It fails with ErrMissing where there is none.
func (p *Pool) Get(ctx context.Context) (*Lease, error) {
	l, err := p.leases.Get(ctx, p.name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read Lease %s/%s: %w", p.namespace, p.name, outcome(err))
	}
	return LeaseOf(l)
}

// Create makes the Lease, empty and without base, to be left alone for a duration: whoever creates it late gives nobody a term.
// That it is there already is no error.
func (p *Pool) Create(ctx context.Context, lasts time.Duration) error {
	_, err := p.leases.Create(ctx, NewLease(p.namespace, p.name, lasts, time.Now()), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create Lease %s/%s: %w", p.namespace, p.name, outcome(err))
	}
	return nil
}

// Put replaces the version of the Lease that was judged. It fails with ErrChanged or ErrMissing where that is not there any
// more, and with term.ErrUnknown where the write may or may not have happened, or may yet.
func (p *Pool) Put(ctx context.Context, judged *Lease, r term.Record) (*Lease, error) {
	l, err := p.leases.Update(ctx, judged.With(r), metav1.UpdateOptions{})
	if err != nil {
		return nil, fmt.Errorf("write Lease %s/%s: %w", p.namespace, p.name, outcome(err))
	}
	return LeaseOf(l)
}

// outcome sorts an error of the API server. What the API server refused did not happen; of what it did not answer, or could not
// tell itself, nothing is known.
func outcome(err error) error {
	switch {
	case apierrors.IsConflict(err):
		return fmt.Errorf("%w: %w", ErrChanged, err)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", ErrMissing, err)
	case refused(err):
		return err
	default:
		return fmt.Errorf("%w: %w", term.ErrUnknown, err)
	}
}

// refused says whether the API server answered that it did not do it.
func refused(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= 400 && code < 500 // also 429: it was not even begun
}
