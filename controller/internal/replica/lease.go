package replica

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// requestTimeout bounds one request; a renewal that takes longer is as good as none.
const requestTimeout = renewEvery

// lease is this replica's Lease as it last wrote or read it; nil: it does not know.
type lease struct{ *coordinationv1.Lease }

// Start makes the Lease, and renews it until ctx ends. It is a runnable of a manager.
func (r *Replica) Start(ctx context.Context) error {
	logger := log.FromContext(ctx).WithName("replica")
	logger.Info("One of the replicas", "lease", r.Namespace+"/"+r.own.current())
	for failed := false; ctx.Err() == nil; {
		err := r.renew(ctx)
		if err != nil { // it was deleted or edited: once more, on what is there
			err = r.renew(ctx)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			failed = true
			logger.Info("Others act on pools as if this replica were not there", "why", err.Error())
		case failed:
			failed = false
			logger.Info("The Lease is renewed again")
		}
		if err := r.sweep(ctx); err != nil {
			logger.V(1).Info("Leases of replicas that never came back are left", "why", err.Error())
		}
		select {
		case <-time.After(renewEvery):
		case <-r.newcomer:
		case <-ctx.Done():
		}
	}
	return nil
}

// renew writes the Lease. After an error it is read anew by the next renewal.
func (r *Replica) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if r.own.lapsed(r.Now()) {
		r.end(ctx, "it was not renewed in time")
	}
	known, err := r.known(ctx)
	if err != nil {
		return err
	}
	sent := r.Now()
	l := r.next(known, sent)
	r.echo.sent(l.Spec.RenewTime.Time, sent)
	r.own.tried(l.Spec.RenewTime.Time, sent)
	if known == nil {
		err = r.Client.Create(ctx, l)
	} else {
		err = r.Client.Update(ctx, l)
	}
	if err != nil {
		r.held = lease{}
		return fmt.Errorf("renew Lease %s/%s: %w", l.Namespace, l.Name, err)
	}
	r.held = lease{l}
	if !r.own.confirm(string(l.UID), sent, r.Now()) {
		r.end(ctx, "its renewal was confirmed too late")
		return fmt.Errorf("renew Lease %s/%s: the answer came too late", l.Namespace, l.Name)
	}
	return nil
}

// end ends this replica's own term: it goes on under another name. Nobody knows whom the others have given up meanwhile.
func (r *Replica) end(ctx context.Context, why string) {
	name := newName()
	log.FromContext(ctx).WithName("replica").Info("Another name, as the Lease of the old one does not count any more", "lease", r.Namespace+"/"+name, "why", why)
	r.held = lease{}
	r.own.begin(name)
}

// known returns the Lease as it is, nil if there is none yet. Where it is gone, another one of its name, or written by somebody else, the
// replica's term has ended.
func (r *Replica) known(ctx context.Context) (*coordinationv1.Lease, error) {
	if r.held.Lease != nil {
		return r.held.Lease, nil
	}
	l, name := &coordinationv1.Lease{}, r.own.current()
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: name}, l)
	switch {
	case apierrors.IsNotFound(err):
		if r.own.had() {
			r.end(ctx, "it was deleted")
		}
		return nil, nil //nolint:nilnil // none is an answer
	case err != nil:
		return nil, fmt.Errorf("read Lease %s/%s: %w", r.Namespace, name, err)
	case !r.own.wrote(l):
		r.end(ctx, "somebody else wrote it")
		return nil, nil //nolint:nilnil // none of the new name
	}
	return l, nil
}

// next returns the Lease to be written after known. It bears the UID and resourceVersion of known: a Lease that was
// deleted or edited meanwhile is not overwritten.
func (r *Replica) next(known *coordinationv1.Lease, at time.Time) *coordinationv1.Lease {
	now := &metav1.MicroTime{Time: at.Truncate(time.Microsecond)} // as it comes back
	l := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: r.own.current(), Labels: map[string]string{managedBy: "zen-lead"},
		},
		Spec: coordinationv1.LeaseSpec{AcquireTime: now},
	}
	if known != nil {
		l = known.DeepCopy()
	}
	if r.Address != "" {
		metav1.SetMetaDataAnnotation(&l.ObjectMeta, v1alpha1.AddressAnnotation, r.Address)
	}
	l.Spec.HolderIdentity = new(strings.TrimPrefix(l.Name, LeasePrefix))
	l.Spec.LeaseDurationSeconds = new(int32(duration / time.Second))
	l.Spec.RenewTime = now
	return l
}

// sweep deletes the Leases of replicas that never came back.
func (r *Replica) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var errs []error
	for _, l := range r.peers.abandoned(abandonedAfter, r.Now()) {
		errs = append(errs, remove(ctx, r.Client, l))
	}
	return errors.Join(errs...)
}

// Release deletes the Lease, so that pools prefer others at once. If it cannot, they do when the Lease has passed. It is
// called when Start has returned and nothing is decided any more.
func (r *Replica) Release(ctx context.Context) {
	r.own.begin(newName()) // from here on nothing is acknowledged
	if r.held.Lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := remove(ctx, r.Client, r.held.Lease); err != nil {
		log.FromContext(ctx).WithName("replica").Info("The Lease is left to pass", "why", err.Error())
	}
}

// remove deletes exactly the version that is given: a replica that came back meanwhile keeps its Lease.
func remove(ctx context.Context, c client.Writer, l *coordinationv1.Lease) error {
	err := c.Delete(ctx, l.DeepCopy(), client.Preconditions{UID: &l.UID, ResourceVersion: &l.ResourceVersion})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete Lease %s/%s: %w", l.Namespace, l.Name, err)
	}
	return nil
}
