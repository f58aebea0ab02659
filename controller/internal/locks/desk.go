package locks

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

// Errors of a desk, beside those of package lock.
var (
	// ErrGone: there is no such lock.
	ErrGone = errors.New("there is no such lock")
	// ErrUnknown: a write may or may not have happened. Ask again with the same request.
	ErrUnknown = errors.New("it is not known whether it was done")
)

// desk is where one lock is dealt with. Events that come while a write is under way are dealt with after it, by one write.
type desk struct {
	keeper *Keeper
	name   types.NamespacedName

	mu sync.Mutex
	// object is as it was last read or written; nil while there is none, or it was not read yet.
	object *v1alpha1.ManualLock
	state  lock.State
	events []posted
	// left are events of which nobody hears what becomes, and which could not be dealt with: they come first when something can be.
	left []posted
	// busy: somebody deals with events. under is what he writes, nil while he writes nothing.
	busy  bool
	under *lock.State
	// due: something was to happen by itself while somebody was busy, who may have decided before its time had come.
	due bool
	// stale: the object is to be read before anything is decided. doubts counts how often the watch has said so: a read that was under way
	// then does not settle it.
	stale  bool
	doubts int
	// missed is the newest that the watch has brought while somebody was busy; nil if it has brought nothing.
	missed *v1alpha1.ManualLock
	seats  map[string]*Seat
	// toldAt is when places were told.
	toldAt time.Time
	timer  *time.Timer
	used   time.Time
	// handed is when the lock last went from one to another in one write, and asked has something in it when an Ask came since.
	handed time.Time
	asked  chan struct{}
	// retired: another desk deals with this lock.
	retired bool
}

// posted is an event, and who hears what becomes of it.
type posted struct {
	event lock.Event
	told  func(lock.Answer)
	// fresh: the record is to be read before it is dealt with. What memory has may have been overtaken by another home.
	fresh bool
	// seat is to hear of it, from when it is posted: of two of one request the later is heard.
	seat *Seat
}

func newDesk(k *Keeper, name types.NamespacedName) *desk {
	d := &desk{keeper: k, name: name, seats: map[string]*Seat{}, asked: make(chan struct{}, 1), stale: true}
	d.state.HomeLasts = k.Lasts
	d.timer = time.AfterFunc(time.Hour, func() { k.happens(name, d.waits()) })
	d.timer.Stop()
	return d
}

// post has an event dealt with: at once, by the caller, or after the write that is under way. ok is false where the desk is retired.
func (d *desk) post(ctx context.Context, events ...posted) (ok bool) {
	d.mu.Lock()
	if d.retired {
		d.mu.Unlock()
		return false
	}
	for _, e := range events {
		if e.seat != nil {
			d.sit(e.seat)
		}
	}
	d.events = append(d.events, events...)
	d.used = d.keeper.Now()
	if d.busy {
		d.due = d.due || len(events) == 0
		if hasEvent[lock.Ask](events) {
			select {
			case d.asked <- struct{}{}:
			default:
			}
		}
		d.mu.Unlock()
		return true
	}
	d.busy = true
	d.mu.Unlock()
	d.work(context.WithoutCancel(ctx))
	return true
}

// work deals with one batch of events; what came meanwhile is dealt with by another goroutine, so that nobody waits for what others go on
// asking.
func (d *desk) work(ctx context.Context) {
	d.linger()
	d.turn(ctx)
	d.mu.Lock()
	if o := d.missed; o != nil {
		d.missed = nil
		d.heed(o)
	}
	more := len(d.events) > 0 || d.due
	d.busy, d.due = more, false
	d.mu.Unlock()
	if more {
		go d.work(ctx)
	}
}

// leave has who does not listen any more lose its place after a while, or the lock.
func (d *desk) leave(s *Seat, told bool) {
	d.mu.Lock()
	waits := d.seats[s.id] == s
	if waits {
		delete(d.seats, s.id)
	}
	d.mu.Unlock()
	if told && !waits {
		return
	}
	go d.post(d.keeper.life, posted{event: lock.Leave{ID: s.id, Stream: s.stream}})
}

// renew is a sign of life of a holder, where this replica is the home that it knows. done is false where it is not that simple.
func (d *desk) renew(id string, token int64, account, home string) (done bool) {
	name, valid := d.keeper.Self.Term()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !valid || home != name || d.state.Home != name || d.stale || !d.state.Keeps(id, token) || d.state.Record.Holder.Account != account {
		return false
	}
	if d.under != nil && !d.under.Keeps(id, token) { // its end is being written
		return false
	}
	if d.missed != nil && d.isNews(d.missed) {
		return false
	}
	d.state = d.state.Heard(d.keeper.Now())
	d.arm()
	return true
}

// waits says whether somebody does.
func (d *desk) waits() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.Waiting() > 0
}

// arm has the desk looked at when the next thing happens by itself. The mutex is held.
func (d *desk) arm() {
	due, ok := d.state.Due()
	if !ok {
		d.timer.Stop()
		return
	}
	d.timer.Reset(max(due.Sub(d.keeper.Now()), time.Millisecond))
}

// saw notes what the watch brings. What this desk wrote itself, or read since, is no news.
func (d *desk) saw(o *v1alpha1.ManualLock) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.retired:
	case d.busy: // who may write nothing, or have written before this
		d.missed = o
	default:
		d.heed(o)
	}
}

// heed takes what the watch has brought, if it is news. The mutex is held.
func (d *desk) heed(o *v1alpha1.ManualLock) {
	switch {
	case d.object == nil:
		d.doubt()
	case !d.isNews(o):
	case d.object.UID != o.UID:
		d.doubt()
		d.keeper.happens(d.name, d.state.Waiting() > 0)
	default:
		d.take(o)
		d.keeper.happens(d.name, d.state.Waiting() > 0)
	}
}

// isNews says whether an object is not what is known, nor older. The mutex is held.
func (d *desk) isNews(o *v1alpha1.ManualLock) bool {
	return d.object == nil || d.object.UID != o.UID || versionOf(o) > d.state.Version
}

// doubt has the object read before anything is decided. The mutex is held.
func (d *desk) doubt() {
	d.stale = true
	d.doubts++
}

// gone notes that the watch has brought the end of an object.
func (d *desk) gone() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.missed = nil
	d.doubt()
}

// take makes an object what is known. The mutex is held.
func (d *desk) take(o *v1alpha1.ManualLock) {
	if d.object == nil || d.object.UID != o.UID {
		d.bury()
		d.state.NotBefore = d.keeper.notBefore(d.name)
	}
	d.object, d.stale = o, false
	d.state.MaxWaiters = maxWaiters(&o.Spec)
	d.state = d.state.Read(recordOf(&o.Status), versionOf(o), d.keeper.Now())
}

// bury remembers until when the holder of an object that is not there any more may go on. The mutex is held.
func (d *desk) bury() {
	h := d.state.Record.Holder
	if h == nil {
		return
	}
	until, ok := d.state.Frees()
	if !ok { // its home may not have heard yet
		until = d.keeper.Now().Add(lock.Wait(d.keeper.Lasts) + lock.Wait(h.TTL))
	}
	d.keeper.bury(d.name, until)
}
