package locks

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

// Wish is a request for a lock.
type Wish struct {
	lock.Request
	// Attempt is that of lock.Ask.
	Attempt int64
	TTL     time.Duration
	// Wait is how long to wait; 0: not at all, less: as long as the seat is kept.
	Wait time.Duration
}

// Known returns a lock as the watch has brought it. Nobody changes it.
func (k *Keeper) Known(name types.NamespacedName) (*v1alpha1.ManualLock, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	o, ok := k.known[name]
	return o, ok
}

// Find returns a lock as the watch has brought it, or as it is where the watch has not.
func (k *Keeper) Find(ctx context.Context, name types.NamespacedName) (*v1alpha1.ManualLock, error) {
	if o, ok := k.Known(name); ok {
		return o, nil
	}
	o, err := k.store.read(ctx, name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, ErrGone
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	return o, nil
}

// Ask asks for a lock, and returns where the answer comes.
func (k *Keeper) Ask(ctx context.Context, name types.NamespacedName, w Wish) *Seat {
	came := k.Now()
	ask := lock.Ask{Request: w.Request, Attempt: w.Attempt, TTL: w.TTL, Try: w.Wait == 0, Stream: k.streams.Add(1), Came: came}
	if w.Wait > 0 {
		ask.Until = came.Add(w.Wait)
	}
	var seat *Seat
	term, _ := k.Self.Term()
	k.with(name, func(d *desk) bool {
		seat = newSeat(d, term, ask)
		return d.post(ctx, posted{event: ask, told: seat.end, seat: seat})
	})
	return seat
}

// sit has a seat hear of its request, in place of an older one. Who has no right to that place, or comes late, hears that alone. The mutex is
// held.
func (d *desk) sit(s *Seat) {
	if old, ok := d.seats[s.id]; ok {
		if old.account != s.account || old.attempt > s.attempt {
			return
		}
		old.end(lock.Answer{ID: s.id, Err: lock.ErrOvertaken})
	}
	d.seats[s.id] = s
}

// Release gives up a lock, or the wait for it.
func (k *Keeper) Release(ctx context.Context, name types.NamespacedName, r lock.Release) error {
	_, err := k.once(ctx, name, posted{event: r})
	return err
}

// Force takes a lock from its holder, and returns when it is free at the latest.
func (k *Keeper) Force(ctx context.Context, name types.NamespacedName, f lock.Force) (time.Duration, error) {
	if _, err := k.once(ctx, name, posted{event: f}); err != nil {
		return 0, err
	}
	d := k.desk(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.state.Record.Holder
	if h == nil || h.Token != f.Token {
		return 0, nil
	}
	at, ok := d.state.Frees()
	if !ok { // its home is not known to have died
		return lock.Wait(k.Lasts) + lock.Wait(h.TTL), nil
	}
	return max(at.Sub(k.Now()), time.Millisecond), nil
}

// Keep is a sign of life of a holder, which knows home as the replica that keeps it. It is false where it is not as simple as that:
// then Renew says.
func (k *Keeper) Keep(name types.NamespacedName, r lock.Renew, home string) bool {
	return home != "" && k.desk(name).renew(r.ID, r.Token, r.Account, home)
}

// Renew is a sign of life of a holder that another replica keeps, or nobody knows which: it reads the record, and makes this replica its home
// by one write if it is not. It returns the home.
func (k *Keeper) Renew(ctx context.Context, name types.NamespacedName, r lock.Renew) (string, error) {
	a, err := k.once(ctx, name, posted{event: r, fresh: true})
	if err != nil {
		return "", err
	}
	return a.Holder.Home, nil
}

// once posts one event and waits for its answer.
func (k *Keeper) once(ctx context.Context, name types.NamespacedName, p posted) (lock.Answer, error) {
	answer := make(chan lock.Answer, 1)
	p.told = func(a lock.Answer) { answer <- a }
	k.with(name, func(d *desk) bool { return d.post(ctx, p) })
	select {
	case a := <-answer:
		return a, a.Err
	case <-ctx.Done():
		return lock.Answer{}, context.Cause(ctx)
	}
}

// HolderOf returns who holds a lock, as far as is known here.
func (k *Keeper) HolderOf(name types.NamespacedName) *lock.Holder {
	o, ok := k.Known(name)
	if !ok {
		return nil
	}
	return recordOf(&o.Status).Holder
}
