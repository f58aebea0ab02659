package locks

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

// again is when a desk that could not do what it should is looked at again.
const again = time.Second

// turn deals with the events that have come: decides, writes if there is something to write, and tells.
func (d *desk) turn(ctx context.Context) {
	// Who asks is told that another replica may be asked, where none of it was written here. After a write that came to nothing because the
	// record is another, that other may be of the same request.
	fails := ErrAway
	// refused are answers that somebody else holds the lock, as memory has it: they are told once the record, as it is now, says so, too.
	var refused []lock.Answer
	for {
		d.mu.Lock()
		batch := slices.Concat(d.left, d.events)
		d.left, d.events = nil, nil
		if _, counts := d.term(batch, fails); !counts {
			d.leaveOpen(refused)
			return
		}
		current := refused != nil || d.mustRead(batch)
		if current {
			doubts := d.doubts
			d.mu.Unlock()
			if !d.read(ctx, batch, doubts, fails) {
				d.leaveOpen(refused)
				return
			}
			d.mu.Lock()
		}
		now := d.keeper.Now()
		home, counts := d.term(batch, fails) // again: who is granted the lock counts from now
		if !counts {
			d.leaveOpen(refused)
			return
		}
		if d.state.Home != "" && d.state.Home != home {
			batch = d.callAgain(batch, home)
		}
		d.state.Home = home
		d.look()
		next, answers := d.state.Next(eventsOf(batch), now)
		if next.Record.Same(d.state.Record) {
			if refused = refusals(answers); len(refused) > 0 && !current {
				d.events = slices.Concat(batch, d.events)
				d.mu.Unlock()
				continue
			}
			d.settle(next)
			told := d.tellers(batch, answers)
			d.mu.Unlock()
			told()
			return
		}
		on, status := d.object, statusOf(next.Record, d.object.Status.Epoch)
		d.under = &next
		d.mu.Unlock()
		if d.write(ctx, on, status, next, batch, answers, fails) {
			return
		}
		fails = ErrUnknown
		d.mu.Lock() // the record was another: the same events, on what it is now
		d.events = slices.Concat(batch, d.events)
		for i := range d.events[:len(batch)] {
			d.events[i].fresh = false
		}
		d.mu.Unlock()
	}
}

// term is the name under which this replica keeps holders. counts is false where it keeps none at present; all who asked were told then, and
// the mutex, which was held, is not any more.
func (d *desk) term(batch []posted, fails error) (home string, counts bool) {
	home, counts = d.keeper.Self.Term()
	if !counts {
		d.later(batch)
		d.mu.Unlock()
		failAll(batch, fails)
	}
	return home, counts
}

// later has the desk looked at again, and those events dealt with then that nobody waits for: before anything is granted, for who has left may
// have had the lock elsewhere. The mutex is held.
func (d *desk) later(batch []posted) {
	for _, p := range batch {
		if e, leaves := p.event.(lock.Leave); leaves && d.state.Minds(e) {
			d.left = append(d.left, p)
		}
	}
	d.timer.Reset(again)
}

// mustRead says whether the record is to be read before anything is decided. The mutex is held.
func (d *desk) mustRead(batch []posted) bool {
	if d.stale {
		return true
	}
	h := d.state.Record.Holder
	return slices.ContainsFunc(batch, func(p posted) bool {
		switch e := p.event.(type) {
		case lock.Ask:
			return p.fresh || h != nil && h.ID == e.ID
		case lock.Release: // another home may have granted it, once more even, and the watch has not told
			held := h != nil && h.ID == e.ID && h.Token == e.Token
			return p.fresh || e.Settle && (!d.state.Knows(e.ID, e.Account) || e.Token != 0 && !held)
		case lock.Force:
			return p.fresh || h == nil || h.Token != e.Token
		}
		return p.fresh
	})
}

// read reads the object. It is false where that failed, and all who asked were told. doubts is how many there were before.
func (d *desk) read(ctx context.Context, batch []posted, doubts int, fails error) bool {
	o, err := d.keeper.store.read(ctx, d.name)
	d.mu.Lock()
	switch {
	case apierrors.IsNotFound(err):
		told := d.vanish()
		d.mu.Unlock()
		told()
		failAll(batch, ErrGone)
		return false
	case err != nil:
		d.later(batch)
		d.mu.Unlock()
		failAll(batch, fmt.Errorf("%w: %w", fails, err))
		return false
	}
	if d.object == nil || d.object.UID != o.UID || versionOf(o) > d.state.Version {
		d.take(o)
	}
	d.stale = d.doubts != doubts // the watch may have told meanwhile that it is another, or gone
	d.mu.Unlock()
	return true
}

// look brings what is known of the homes of the lock and of its holder. The mutex is held.
func (d *desk) look() {
	home, _ := d.keeper.Self.Home(d.name)
	d.state.Guest = home != d.state.Home
	h := d.state.Record.Holder
	if h == nil || h.Home == d.state.Home {
		return
	}
	d.state.Silent = time.Time{}
	if since, silent := d.keeper.Self.Silent(h.Home); silent {
		d.state.Silent = since
	}
}

// write writes what was decided. It is false where the record was another, and is to be decided upon anew.
func (d *desk) write(
	ctx context.Context, on *v1alpha1.ManualLock, status v1alpha1.ManualLockStatus, next lock.State, batch []posted, answers []lock.Answer, fails error,
) bool {
	now, out, err := d.keeper.store.write(d.keeper.life, on, status)
	d.mu.Lock()
	d.under = nil
	switch out {
	case written:
		was := d.state
		d.object, next.Version = now, versionOf(now)
		if !sameHome(was.Record.Holder, next.Record.Holder) {
			next = next.Begun(d.keeper.Now())
		}
		if a, b := was.Record.Holder, next.Record.Holder; a != nil && b != nil && a.ID != b.ID {
			d.handed = d.keeper.Now()
		}
		d.settle(next)
		told := d.tellers(batch, answers)
		d.mu.Unlock()
		told()
		d.keeper.changed(was.Record.Holder, now)
		return true
	case overtaken:
		d.stale = true
		d.mu.Unlock()
		d.keeper.conflicts.Inc()
		return false
	case gone:
		told := d.vanish()
		d.mu.Unlock()
		told()
		failAll(batch, ErrGone)
		return true
	case refused:
		d.later(batch)
		d.mu.Unlock()
		log.FromContext(ctx).WithName("locks").Info("A lock cannot be written", "lock", d.name.String(), "why", err.Error())
		failAll(batch, fmt.Errorf("%w: %w", fails, err))
		return true
	default: // abandoned
		d.stale = true
		d.mu.Unlock()
		failAll(batch, fmt.Errorf("%w: %w", ErrUnknown, err))
		return true
	}
}

func sameHome(a, b *lock.Holder) bool {
	return a != nil && b != nil && a.Token == b.Token && a.Home == b.Home
}

// settle makes what was decided what is known. The mutex is held.
func (d *desk) settle(next lock.State) {
	d.state = next.After(d.state)
	d.arm()
}

// vanish notes that there is no such lock. The mutex is held.
func (d *desk) vanish() (told func()) {
	d.bury()
	seats := d.seats
	d.seats = map[string]*Seat{}
	for _, p := range d.events { // who has come meanwhile is dealt with next
		if p.seat != nil && seats[p.seat.id] == p.seat {
			d.seats[p.seat.id] = p.seat
			delete(seats, p.seat.id)
		}
	}
	d.object, d.stale = nil, true
	d.state = lock.State{Home: d.state.Home, HomeLasts: d.state.HomeLasts}
	d.timer.Stop()
	return func() {
		for _, s := range seats {
			s.end(lock.Answer{ID: s.id, Err: ErrGone})
		}
	}
}

func eventsOf(batch []posted) []lock.Event {
	list := make([]lock.Event, len(batch))
	for i, p := range batch {
		list[i] = p.event
	}
	return list
}
