package lock

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// client is a program that wants the lock, again and again, as the protocol says.
type client struct {
	machine
	name  string
	asked int
	// quiet: it wants nothing more once it has what it wants.
	quiet bool

	id      string
	attempt int64
	stream  uint64
	ttl     time.Duration
	patient time.Duration // less than 0: waits for ever, 0: not at all
	// waiting, holding, ending: what it does; since is when it began.
	phase phase
	since time.Duration
	// token and home are what it was told; until is when its time ends, in the world's time, by its own clock.
	token int64
	home  string
	until time.Duration
}

type phase string

const (
	idle    phase = "idle"
	waiting phase = "waiting"
	holding phase = "holding"
	ending  phase = "ending"
)

func (w *world) join(name string) *client {
	c := &client{machine: w.newMachine(), name: name, phase: idle}
	c.act(c.want)
	return c
}

func (c *client) become(p phase) { c.phase, c.since = p, c.now }

// want begins another request.
func (c *client) want() {
	if c.phase != idle || c.quiet {
		return
	}
	c.asked++
	c.id, c.attempt, c.token, c.until, c.home = fmt.Sprintf("%s-%d", c.name, c.asked), 0, 0, 0, ""
	c.ttl = []time.Duration{time.Second, 3 * time.Second, 15 * time.Second}[c.rnd.IntN(3)]
	c.patient = []time.Duration{-1, -1, -1, 0, 5 * time.Second}[c.rnd.IntN(5)]
	c.become(waiting)
	if c.chance(0.1) { // it changes its mind
		id := c.id
		c.wait(c.between(0, 10*time.Second), func() {
			if c.id == id && c.phase == waiting && !c.quiet {
				c.count("cancelled")
				c.give(0)
			}
		})
	}
	c.ask()
}

// rest has it want something again later.
func (c *client) rest() {
	c.token, c.until = 0, 0
	c.become(idle)
	c.wait(c.between(0, 5*time.Second), c.want)
}

// to is the home that a message goes to, by way of any replica; nil if that does not live.
func (c *client) to() *home {
	by := c.homes[c.rnd.IntN(len(c.homes))]
	if c.chance(0.15) {
		return by // it serves the request itself
	}
	return c.named(by.preferred())
}

func (c *client) named(name string) *home {
	at := slices.IndexFunc(c.homes, func(h *home) bool { return h.name == name && !h.dead })
	if at < 0 {
		return nil
	}
	return c.homes[at]
}

// send has a message arrive, perhaps, and returns when.
func (c *client) send(h *home, do func()) (arrives time.Duration, ok bool) {
	d := c.soon()
	switch f := c.faults; {
	case h == nil || c.chance(f.lost):
		c.count("messages lost")
		return 0, false
	case c.chance(f.late):
		c.count("messages late")
		d = c.between(0, 25*time.Second)
	case c.chance(f.slow):
		d = c.between(0, 2*time.Second)
	}
	c.after(d, func() { h.act(do) })
	return c.now + d, true
}

// back has an answer arrive, perhaps.
func (c *client) back(do func()) {
	d := c.soon()
	switch f := c.faults; {
	case c.chance(f.lost):
		return
	case c.chance(f.slow):
		d = c.between(0, 8*time.Second)
	}
	c.after(d, func() { c.act(do) })
}

// ask opens a stream.
func (c *client) ask() {
	c.attempt++
	c.streams++
	c.stream = c.streams
	stream, sent, h := c.streams, c.clock(), c.to()
	e := Ask{Request: Request{ID: c.id, Owner: c.name, Account: "acc"}, TTL: c.ttl, Try: c.patient == 0, Stream: stream, Attempt: c.attempt}
	patient := c.patient
	arrives, ok := c.send(h, func() {
		hear := func(a Answer) { c.back(func() { c.heard(stream, sent, a) }) }
		h.listeners[stream] = listener{e.ID, hear}
		if e.Came = h.clock(); patient > 0 {
			e.Until = e.Came.Add(patient)
		}
		h.say("%s hears %s ask, attempt %d, stream %d", h.name, e.ID, e.Attempt, stream)
		h.post(posted{event: e, hear: func(a Answer) { // where it is not answered by the stream
			h.listeners[stream] = listener{}
			delete(h.listeners, stream)
			hear(a)
		}})
	})
	leave := func() { // the home hears that the stream ended, but not before it began
		d := c.soon()
		if c.chance(c.faults.late) {
			c.count("half open streams")
			d = c.between(0, 40*time.Second)
		}
		if ok {
			c.after(max(arrives-c.now, 0)+d, func() { h.act(func() { h.hangUp(stream) }) })
		}
	}
	c.listen(stream, leave)
	if !ok {
		c.wait(c.between(0, 3*time.Second), func() { c.again(stream, leave) })
	} else if c.chance(c.faults.breaks) {
		c.count("streams broken")
		c.wait(c.between(0, 10*time.Second), func() { c.again(stream, leave) })
	}
	if h != nil {
		c.wait(time.Second, func() { c.lives(h, stream, leave) })
	}
}

// listen gives a stream up on which it has heard nothing for long: an answer may be lost.
func (c *client) listen(stream uint64, leave func()) {
	c.wait(c.between(10*time.Second, 20*time.Second), func() { c.again(stream, leave) })
}

// lives notices that a home has died.
func (c *client) lives(h *home, stream uint64, leave func()) {
	switch {
	case c.stream != stream || c.phase != waiting:
	case h.dead:
		c.again(stream, leave)
	default:
		c.wait(time.Second, func() { c.lives(h, stream, leave) })
	}
}

// again opens the next stream in place of this one.
func (c *client) again(stream uint64, leave func()) {
	leave()
	if c.stream == stream && c.phase == waiting {
		c.ask()
	}
}

// heard is the answer on a stream.
func (c *client) heard(stream uint64, sent time.Time, a Answer) {
	if c.stream != stream || c.phase != waiting {
		return
	}
	switch {
	case a.Holder != nil:
		c.say("%s hears that it holds the lock with token %d, after %v", c.id, a.Holder.Token, a.Waited)
		c.token, c.home = a.Holder.Token, a.Holder.Home
		c.become(holding)
		c.believe(sent.Add(a.Waited - time.Duration(float64(a.Waited)*Margin)))
		id := c.id
		c.wait(c.between(0, []time.Duration{10 * time.Millisecond, 3 * time.Second, 20 * time.Second}[c.rnd.IntN(3)]), func() {
			if c.id == id && c.phase == holding {
				c.give(c.token)
			}
		})
		c.keep(a.Waited > c.ttl/3)
	case errors.Is(a.Err, ErrHeld):
		c.count("held")
		c.rest()
	case errors.Is(a.Err, ErrFull):
		c.count("too many wait")
		c.rest()
	case errors.Is(a.Err, ErrFinished), errors.Is(a.Err, ErrLost):
		c.count("ended unheard")
		c.rest()
	case errors.Is(a.Err, ErrForeign):
		c.fail("%s is told %v", c.id, a.Err)
	default:
		c.wait(c.between(0, time.Second), func() { c.again(stream, func() {}) })
	}
}

// believe counts the ttl from a time of its own clock.
func (c *client) believe(from time.Time) {
	until := c.when(from.Add(c.ttl - time.Duration(float64(c.ttl)*Margin)))
	if until > c.until {
		c.until = until
		c.believed(c)
	}
}

// keep renews the lock, every third of its ttl.
func (c *client) keep(now bool) {
	wait := c.ttl / 3
	if now {
		wait = 0
	}
	id := c.id
	c.wait(wait, func() {
		if c.id == id && c.phase == holding {
			c.renew()
		}
	})
}

func (c *client) renew() {
	c.attempt++
	e := Renew{ID: c.id, Account: "acc", Token: c.token, Attempt: c.attempt}
	home, sent := c.home, c.clock()
	h := c.named(home)
	if h == nil {
		if home, h = "", c.to(); h != nil && c.chance(0.5) {
			h = c.homes[c.rnd.IntN(len(c.homes))]
		}
	}
	current := func() bool { return c.id == e.ID && c.attempt == e.Attempt && c.phase == holding }
	c.send(h, func() {
		if h.keep(e, home) {
			c.back(func() { c.renewed(current, sent, Answer{Holder: h.state.Record.Holder}, h.name) })
			return
		}
		h.say("%s hears %s renew, attempt %d", h.name, e.ID, e.Attempt)
		h.post(posted{event: e, hear: func(a Answer) {
			name := ""
			if a.Holder != nil {
				name = a.Holder.Home
			}
			c.back(func() { c.renewed(current, sent, a, name) })
		}})
	})
	c.wait(max(c.ttl/5, 300*time.Millisecond), func() { // no answer
		if current() {
			c.home = ""
			c.renew()
		}
	})
}

func (c *client) renewed(current func() bool, sent time.Time, a Answer, home string) {
	if !current() {
		return
	}
	switch {
	case a.Err == nil:
		c.home = home
		c.attempt++ // whatever else comes of this one is late
		c.believe(sent)
		c.keep(false)
	case errors.Is(a.Err, ErrLost):
		c.count("lost")
		c.say("%s hears: %v", c.id, a.Err)
		c.rest()
	}
}

// give releases the lock, or the wait for it; 0 ends the request whatever has become of it. It asks until it is answered.
func (c *client) give(token int64) {
	c.until = min(c.until, c.now)
	c.become(ending)
	c.release(token)
}

func (c *client) release(token int64) {
	id := c.id
	done := func() bool { return c.id != id || c.phase != ending }
	h := c.to()
	c.send(h, func() {
		h.say("%s hears %s release, token %d", h.name, id, token)
		h.post(posted{event: Release{ID: id, Account: "acc", Token: token}, hear: func(a Answer) {
			c.back(func() {
				if !done() && !errors.Is(a.Err, errAway) {
					c.rest()
				}
			})
		}})
	})
	c.wait(2*time.Second, func() {
		if !done() {
			c.release(token)
		}
	})
}
