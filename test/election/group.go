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
		return s, nil
	case <-ctx.Done():
		return Sighting{}, fmt.Errorf("wait for members: %w", context.Cause(ctx))
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
