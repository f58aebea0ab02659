package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kube-zen/zen-lead/core/term"
)

// ResourceLock lets client-go's elector, and so controller-runtime's manager, contend for the Lease of a pool of mode participant:
// set it as ctrl.Options.LeaderElectionResourceLockInterface. It is safe for concurrent use.
//
// Terms grow, the record is written by compare-and-swap with UID, a Lease that was made anew is left alone as long as whoever held
// the one before may believe in it, and zen-lead knows which pod holds.
//
// Caveats: the loop is still client-go's. It counts its validity from answers, polls while it waits, ends the process when it
// loses the lead, and cannot be asked for a handover. The pool's guarantee is Advisory while it leads. package lead has none of
// that.
type ResourceLock struct {
	pool     *Pool
	self     term.Holder
	describe string

	mu    sync.Mutex
	lease *Lease // as last read or written
	sight term.Sight
	begun time.Time
	term  term.Number
}

var _ resourcelock.Interface = &ResourceLock{}

// NewResourceLock returns the lock of a pool for this process. A namespace must be given: the pods'.
func NewResourceLock(config *rest.Config, namespace, pool string) (*ResourceLock, error) {
	connection, err := Connect(config)
	if err != nil {
		return nil, err
	}
	self, err := Self()
	if err != nil {
		return nil, err
	}
	// client-go takes whoever has its identity for itself, also the process before a restart.
	self.Identity += "_" + self.Process.ID
	self.Process = term.Process{}
	return &ResourceLock{pool: NewPool(connection.Leases, namespace, pool), self: self, describe: namespace + "/" + pool, begun: time.Now()}, nil
}

// Term is the number of the term that this process began last, 0 if it began none: the fencing token of its work. The process
// may have lost that term meanwhile.
func (l *ResourceLock) Term() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(l.term)
}

// Get is part of client-go's interface.
func (l *ResourceLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	lease, err := l.pool.Get(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if errors.Is(err, ErrMissing) {
			l.lease, l.sight = nil, l.sight.Lose(time.Since(l.begun))
		}
		return nil, nil, err
	}
	l.see(lease)
	record := resourcelock.LeaseSpecToLeaderElectionRecord(&lease.object.Spec)
	raw, err := json.Marshal(record)
	return record, raw, err
}

func (l *ResourceLock) see(lease *Lease) {
	l.lease, l.sight = lease, l.sight.See(lease.Record, lease.Owned, time.Since(l.begun))
}

// Create is part of client-go's interface. It makes the Lease and does not hold it: whoever held the one before may still believe
// in it.
func (l *ResourceLock) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	l.mu.Lock()
	lasts := l.sight.Anew(time.Duration(r.LeaseDurationSeconds) * time.Second)
	l.mu.Unlock()
	if err := l.pool.Create(ctx, lasts); err != nil {
		return err
	}
	return fmt.Errorf("%w: Lease %s was made anew, and is waited for", term.ErrHeld, l.describe)
}

// Update is part of client-go's interface.
func (l *ResourceLock) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease == nil {
		return fmt.Errorf("%w: Lease %s was not read", ErrMissing, l.describe)
	}
	next, err := l.next(r)
	if err != nil {
		return err
	}
	lease, err := l.pool.Put(ctx, l.lease, next)
	if err != nil {
		return err
	}
	if l.see(lease); next.Holder == l.self {
		l.term = next.Term()
	}
	return nil
}

// next is the record that client-go's stands for.
func (l *ResourceLock) next(r resourcelock.LeaderElectionRecord) (term.Record, error) {
	next := l.lease.Record
	// What client-go does not look at: whom a release empties the record of, whose record it is, how long one that was made anew is
	// to be left alone, and that clocks differ.
	switch seen := time.Since(l.begun); {
	case r.HolderIdentity == "" && next.Holder != l.self:
		return next, fmt.Errorf("%w: Lease %s names %q: it is not this process's to give up", term.ErrLost, l.describe, next.Holder.Identity)
	case r.HolderIdentity == "":
		next = next.Empty()
	case next.Holder != l.self:
		switch {
		case !l.lease.Owned:
			return next, fmt.Errorf("%w: Lease %s: %s", term.ErrHeld, l.describe, term.WhyStranger)
		case l.sight.LeaveFor(seen) > 0:
			return next, fmt.Errorf("%w: Lease %s: %s", term.ErrHeld, l.describe, term.WhyMissing)
		case l.sight.HeldFor(seen) > 0:
			return next, fmt.Errorf("%w: Lease %s: %s", term.ErrHeld, l.describe, term.WhyHeld)
		}
		next = next.Grant(l.self, 0)
		next.Successor = ""
	}
	next.Duration = time.Duration(r.LeaseDurationSeconds) * time.Second
	next.Renewed = metav1.NewMicroTime(r.RenewTime.Time).Truncate(time.Microsecond)
	return next, nil
}

// RecordEvent is part of client-go's interface. zen-lead tells of changes of the leader itself.
func (l *ResourceLock) RecordEvent(string) {}

// Identity is part of client-go's interface.
func (l *ResourceLock) Identity() string { return l.self.Identity }

// Describe is part of client-go's interface.
func (l *ResourceLock) Describe() string { return l.describe }
