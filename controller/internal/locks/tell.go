package locks

import (
	"errors"
	"time"

	"github.com/kube-zen/zen-lead/core/lock"
)

// tellers returns what tells the answers, without the mutex, which is held now.
func (d *desk) tellers(batch []posted, answers []lock.Answer) func() {
	type tell struct {
		who func(lock.Answer)
		a   lock.Answer
	}
	list := make([]tell, 0, len(answers))
	for _, a := range answers {
		if a.Event >= 0 && batch[a.Event].told != nil {
			list = append(list, tell{batch[a.Event].told, a})
		}
		if s, ok := d.seats[a.ID]; ok && s.stream == a.Stream { // who asked again meanwhile gets an answer of its own
			delete(d.seats, a.ID)
			list = append(list, tell{s.end, a})
		}
	}
	places := d.places(batch)
	return func() {
		for _, t := range list {
			t.who(t.a)
		}
		places()
	}
}

// places returns what tells places: those who have just come theirs, and now and then all. The mutex is held.
func (d *desk) places(batch []posted) func() {
	now := d.keeper.Now()
	all := now.Sub(d.toldAt) >= max(tellEvery, time.Duration(d.state.Waiting())*tellOneEvery)
	asked := map[string]bool{}
	for _, p := range batch {
		if ask, ok := p.event.(lock.Ask); ok && !ask.Try {
			asked[ask.ID] = true
		}
	}
	if len(d.seats) == 0 || !all && len(asked) == 0 {
		return func() {}
	}
	if all {
		d.toldAt = now
	}
	holder := ""
	if h := d.state.Record.Holder; h != nil {
		holder = h.Name()
	}
	type tell struct {
		seat *Seat
		p    Place
	}
	var list []tell
	see := func(id string, number int) {
		if s, ok := d.seats[id]; ok {
			list = append(list, tell{s, Place{Number: number, Holder: holder}})
		}
	}
	if all {
		for i, w := range d.state.Queue() {
			see(w.ID, i+1)
		}
	} else {
		for id := range asked {
			if number, waits := d.state.Place(id); waits {
				see(id, number)
			}
		}
	}
	return func() {
		for _, t := range list {
			t.seat.tell(t.p)
		}
	}
}

func failAll(batch []posted, err error) {
	for _, p := range batch {
		if p.told != nil {
			p.told(lock.Answer{Err: err})
		}
	}
}

// refusals are the answers that somebody else holds the lock.
func refusals(answers []lock.Answer) (list []lock.Answer) {
	for _, a := range answers {
		if errors.Is(a.Err, lock.ErrHeld) {
			list = append(list, a)
		}
	}
	return list
}

// leaveOpen tells those who waited that what became of them is not known. Who has just asked was told.
func (d *desk) leaveOpen(refused []lock.Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range refused {
		if s, ok := d.seats[a.ID]; ok && s.stream == a.Stream {
			s.end(lock.Answer{ID: a.ID, Err: ErrUnknown})
			delete(d.seats, a.ID)
			d.left = append(d.left, posted{event: lock.Leave{ID: a.ID, Stream: a.Stream}})
		}
	}
}
