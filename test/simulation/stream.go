package simulation

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// stream is the watch of one kind that one process keeps, and the part of its cache that the watch fills. It keeps the order
// of writes to its kind, as a real one does, and is late by a time of its own. One that breaks loses what was on its way,
// and lists: of what happened in between it learns the outcome.
type stream struct {
	process  *process
	kind     api.Kind
	selector labels.Selector
	handler  handler.EventHandler
	passes   []predicate.Predicate
	// dice draw when events arrive, asking when lists do.
	dice, asking *dice

	mu      sync.Mutex
	phase   phase
	objects map[client.ObjectKey]client.Object
	pending []late
	timer   *time.Timer
	// last is when the last event that was drawn arrives: none overtakes another.
	last time.Time
}

type phase int

const (
	// closed: nothing is watched.
	closed phase = iota
	// listing: a list is on its way, and what is written after it waits for it.
	listing
	open
)

type late struct {
	api.Event

	due time.Time
}

// see is called with every write to the API server.
func (s *stream) see(e api.Event) {
	e, heard := e.Selected(s.selector)
	if !heard {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == closed {
		return
	}
	s.pending = append(s.pending, late{e, s.arrival()})
	s.arm()
}

func (s *stream) selects(o client.Object) bool { return s.selector.Matches(labels.Set(o.GetLabels())) }

// arrival draws when an event that was just written is heard of.
func (s *stream) arrival() time.Time {
	w := s.process.world.weather()
	lag := s.dice.between(100*time.Microsecond, w.lag)
	if s.dice.in(w.stall) {
		lag += s.dice.between(200*time.Millisecond, 8*time.Second)
		s.process.world.count(WatchesStalled)
	}
	at := time.Now().Add(lag)
	if !at.After(s.last) {
		at = s.last.Add(time.Duration(1000 + s.dice.intN(20000)))
	}
	s.last = at
	return at
}

// arm sees to it that what is pending is delivered.
func (s *stream) arm() {
	switch {
	case s.phase != open || len(s.pending) == 0:
	case s.timer == nil:
		s.timer = time.AfterFunc(time.Until(s.pending[0].due), s.deliver)
	default:
		s.timer.Reset(time.Until(s.pending[0].due))
	}
}

// deliver hands on what is due, unless the process cannot listen.
func (s *stream) deliver() {
	if s.process.stopped() {
		return
	}
	var due []late
	s.mu.Lock()
	now := time.Now()
	for s.phase == open && len(s.pending) > 0 && !s.pending[0].due.After(now) {
		due = append(due, s.pending[0])
		s.pending = s.pending[1:]
	}
	s.arm()
	s.mu.Unlock()
	for _, e := range due {
		s.take(e.Event, false)
	}
}

// wake delivers what came while the process did not listen, one by one. Twice is the same as once.
func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != open {
		return // the list that comes calls it
	}
	latest := time.Now()
	for i := range s.pending {
		if e := &s.pending[i]; !e.due.After(latest) {
			e.due = latest.Add(s.dice.between(time.Microsecond, 5*time.Millisecond))
		}
		latest = s.pending[i].due
	}
	s.last = latest
	s.arm()
}

// take puts an event into the cache and tells the controller; first says that the cache is being filled.
func (s *stream) take(e api.Event, first bool) {
	o := s.process.world.stripped(s.kind, e.Object)
	key := client.ObjectKeyFromObject(o)
	s.mu.Lock()
	old := s.objects[key]
	if e.Type == api.Deleted {
		delete(s.objects, key)
	} else {
		s.objects[key] = o
	}
	s.mu.Unlock()
	switch {
	case e.Type == api.Deleted && old == nil:
	case e.Type == api.Deleted:
		s.tell(nil, o, api.Deleted, false)
	case old == nil:
		s.tell(nil, o, api.Added, first)
	default:
		s.tell(old, o, api.Modified, false)
	}
}

// tell calls the controller's predicates and handler. What the handler adds gets into the queue at once: no worker takes
// the first of it before the second is there.
func (s *stream) tell(old, o client.Object, what api.Type, first bool) {
	created := event.CreateEvent{Object: o, IsInInitialList: first}
	updated := event.UpdateEvent{ObjectOld: old, ObjectNew: o}
	deleted := event.DeleteEvent{Object: o}
	ctx, q := context.Background(), &batch{PriorityQueue: s.process.queue}
	switch what {
	case api.Added:
		if all(s.passes, func(p predicate.Predicate) bool { return p.Create(created) }) {
			s.handler.Create(ctx, created, q)
		}
	case api.Modified:
		if all(s.passes, func(p predicate.Predicate) bool { return p.Update(updated) }) {
			s.handler.Update(ctx, updated, q)
		}
	case api.Deleted:
		if all(s.passes, func(p predicate.Predicate) bool { return p.Delete(deleted) }) {
			s.handler.Delete(ctx, deleted, q)
		}
	}
	q.flush()
}

func all(of []predicate.Predicate, passes func(predicate.Predicate) bool) bool {
	return !slices.ContainsFunc(of, func(p predicate.Predicate) bool { return !passes(p) })
}

// breakOff loses what is on its way; after a while the stream lists anew.
func (s *stream) breakOff(after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != open {
		return
	}
	s.phase, s.pending = closed, nil
	s.process.world.count(WatchesBroken)
	time.AfterFunc(after, func() { s.list(s.again) })
}

// list asks for all objects until it gets them, hands them over in order, and watches from there.
func (s *stream) list(take func([]client.Object)) {
	p := s.process
	for {
		if p.awake() != nil {
			return
		}
		time.Sleep(s.asking.between(200*time.Microsecond, 20*time.Millisecond))
		if p.world.reachable() {
			break
		}
		time.Sleep(time.Second + time.Duration(s.asking.intN(500_000_000)))
	}
	var all []client.Object
	p.world.server.List(s.kind, func(objects []client.Object) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.phase, s.pending = listing, nil
		for _, o := range objects {
			if s.selects(o) {
				all = append(all, o)
			}
		}
	})
	time.Sleep(s.asking.between(200*time.Microsecond, 20*time.Millisecond))
	if p.awake() != nil {
		return
	}
	api.Sort(all)
	take(all)
	s.mu.Lock()
	s.phase = open
	s.mu.Unlock()
	s.wake()
}

// first fills the cache before anybody reads it.
func (s *stream) first(all []client.Object) {
	for _, o := range all {
		s.take(api.Event{Type: api.Added, Object: o}, true)
	}
}

// again makes the cache what a list says, object by object, and tells everything in it anew, as an informer does.
func (s *stream) again(all []client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	missing := maps.Clone(s.objects)
	var changes []late
	for _, o := range all {
		delete(missing, client.ObjectKeyFromObject(o))
		changes = append(changes, late{Event: api.Event{Type: api.Modified, Object: o}})
	}
	gone := slices.Collect(maps.Values(missing))
	api.Sort(gone)
	for _, o := range gone {
		changes = append(changes, late{Event: api.Event{Type: api.Deleted, Object: o}})
	}
	s.pending = append(changes, s.pending...)
}

// all returns what the cache holds, in order.
func (s *stream) all() []client.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]client.Object, 0, len(s.objects))
	for _, o := range s.objects {
		list = append(list, o)
	}
	api.Sort(list)
	return list
}
