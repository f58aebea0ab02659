package election

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Gone is the name of an event that no member tells: its process has ended.
const Gone = "gone"

// Sighting is what befell one of several members.
type Sighting struct {
	Event
	Of *Member
}

// Group are members whose events are looked at in one place, in the order in which they are received. Its methods are for one
// goroutine.
type Group struct {
	seen    chan Sighting
	members []*Member
	leader  *Member
	reading sync.WaitGroup
}

// NewGroup returns a group without members.
func NewGroup() *Group { return &Group{seen: make(chan Sighting, 1000)} }

// Start starts a member of the group.
func (g *Group) Start(ctx context.Context, o Options) (*Member, error) {
	m, err := Start(ctx, o)
	if err != nil {
		return nil, err
	}
	g.members = append(g.members, m)
	g.reading.Go(func() {
		for e := range m.Events {
			g.seen <- Sighting{e, m}
		}
		g.seen <- Sighting{Event{At: Now(), Name: Gone}, m}
	})
	return m, nil
}

// Next returns the next event of any member.
func (g *Group) Next(ctx context.Context) (Sighting, error) {
	select {
	case s := <-g.seen:
		g.take(s)
		return s, nil
	case <-ctx.Done():
		return Sighting{}, fmt.Errorf("wait for members: %w", context.Cause(ctx))
	}
}

// take notes who works. What two members tell comes in any order: the end of one that is not known to work says nothing.
func (g *Group) take(s Sighting) {
	switch {
	case s.Name == "began":
		g.leader = s.Of
	case s.Of == g.leader && (s.Name == "ended" || s.Name == Gone):
		g.leader = nil
	}
}

// Leader passes over what was received and returns the member that works, by that; it waits for one if none does. On a machine that
// is short of time a leader may lose the lead by itself.
func (g *Group) Leader(ctx context.Context) (*Member, error) {
	for {
		select {
		case s := <-g.seen:
			g.take(s)
			continue
		default:
		}
		if g.leader != nil {
			return g.leader, nil
		}
		if _, err := g.Next(ctx); err != nil {
			return nil, err
		}
	}
}

// Await passes over events up to one that fits.
func (g *Group) Await(ctx context.Context, fits func(Sighting) bool) (Sighting, error) {
	for {
		if s, err := g.Next(ctx); err != nil || fits(s) {
			return s, err
		}
	}
}

// Kill ends every process of the group and waits until they are gone.
func (g *Group) Kill() error {
	go func() {
		for range g.seen { // nobody looks any more
		}
	}()
	var err error
	for _, m := range g.members {
		err = errors.Join(err, m.Kill())
	}
	g.reading.Wait()
	close(g.seen)
	return err
}
