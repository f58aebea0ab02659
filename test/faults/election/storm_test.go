package election_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/proxy"
)

// storm is many faults at once: each seat has a member, and one fault at a time; the API server and etcd have theirs.
type storm struct {
	*contest
	register *register
	dice     *rand.Rand
	faults.Counts
}

// seat is a place in the pool: its member is another after each that ended.
type seat struct {
	name   string
	proxy  *proxy.Proxy
	member *election.Member
	dice   *rand.Rand
}

// befall has one fault after the other befall a seat, until ctx ends; then it heals.
func (s *storm) befall(ctx, spec context.Context, at *seat) error {
	each := []func(context.Context, *seat) error{
		s.freezes, s.kills, s.stops, s.yields, s.yields,
		s.severs("deaf", (*proxy.Proxy).Deafen), s.severs("cut off", (*proxy.Proxy).Cut), s.severs("writes held", requestsLost),
		s.severs("answers lost", func(p *proxy.Proxy) *proxy.Rule { return p.LoseReply(leaseWrite, 3) }),
		s.severs("write late", func(p *proxy.Proxy) *proxy.Rule { return p.HoldOne(leaseWrite) }),
		s.severs("answer late", func(p *proxy.Proxy) *proxy.Rule { return p.HoldReply(leaseWrite, 1) }),
	}
	for {
		pass(ctx, faults.Between(at.dice, 500*time.Millisecond, 3*durations.Lease))
		if ctx.Err() != nil {
			return s.replace(spec, at)
		}
		if err := each[at.dice.IntN(len(each))](ctx, at); err != nil {
			return err
		}
		if err := s.replace(spec, at); err != nil {
			return err
		}
	}
}

// replace starts a member where there is none: one may have ended itself, as its work had not ended in time.
func (s *storm) replace(ctx context.Context, at *seat) (err error) {
	if at.member != nil && !at.member.HasEnded() {
		return nil
	}
	at.member, err = s.start(ctx, at.name, through(at.proxy), s.register.of)
	return err
}

func (s *storm) freezes(ctx context.Context, at *seat) error {
	s.Note(at.member, "frozen")
	if err := at.member.Freeze(); err != nil {
		return nil //nolint:nilerr // it has ended
	}
	s.Happened("frozen", true)
	pass(ctx, faults.Between(at.dice, 100*time.Millisecond, 2*durations.Lease))
	if err := at.member.Resume(); err != nil {
		return err
	}
	s.Note(at.member, "resumed")
	return nil
}

func (s *storm) kills(_ context.Context, at *seat) error {
	s.Happened("killed", true)
	return at.member.Kill()
}

func (s *storm) stops(_ context.Context, at *seat) error {
	s.Happened("stopped", true)
	_ = at.member.Stop() // one that has ended cannot be told
	return nil
}

func (s *storm) yields(_ context.Context, at *seat) error {
	works := s.Works()
	if len(works) == 0 || works[len(works)-1].Member != at.member {
		return nil
	}
	s.Happened("yielded", at.member.Yield() == nil)
	return nil
}

// severs returns a fault of the seat's connection.
func (s *storm) severs(what string, cut func(*proxy.Proxy) *proxy.Rule) func(context.Context, *seat) error {
	return func(ctx context.Context, at *seat) error {
		r := cut(at.proxy)
		pass(ctx, faults.Between(at.dice, 300*time.Millisecond, durations.Lease+time.Second))
		s.Happened(what, r.Count() > 0)
		if at.dice.IntN(2) == 0 {
			r.Release()
		} else {
			r.Drop()
		}
		return nil
	}
}

// shake has the API server, etcd and the Lease come to harm.
func (s *storm) shake(ctx, spec context.Context, dice *rand.Rand, outages int) error {
	lull := func() { pass(ctx, faults.Between(dice, 3*durations.Lease, 6*durations.Lease)) }
	for lull(); ctx.Err() == nil; lull() {
		switch dice.IntN(2) {
		case 0:
			if err := s.remove(spec); err == nil {
				s.Happened("Lease deleted", true)
			}
		case 1:
			if err := c.Freeze(cluster.Etcd); err != nil {
				return err
			}
			s.Happened("etcd frozen", true)
			pass(ctx, faults.Between(dice, 100*time.Millisecond, durations.Lease))
			if err := c.Resume(cluster.Etcd); err != nil {
				return err
			}
		}
		if outages > 0 {
			outages--
			if err := c.Kill(cluster.APIServer); err != nil {
				return err
			}
			pass(ctx, faults.Between(dice, 100*time.Millisecond, 2*durations.Lease))
			if err := c.Restart(spec, cluster.APIServer); err != nil {
				return err
			}
			s.Happened("API server killed", true)
		}
	}
	return nil
}

// rage has all of it happen for a while, to n seats, and returns when all is well again.
func (s *storm) rage(spec context.Context, n, outages int, lasts time.Duration) error {
	ctx, cancel := context.WithTimeout(spec, lasts)
	defer cancel()
	seats := make([]*seat, n)
	for i := range seats {
		name := string(rune('a' + i))
		seats[i] = &seat{name: name, proxy: s.proxy(), dice: rand.New(rand.NewPCG(s.dice.Uint64(), 0))}
		if err := s.replace(spec, seats[i]); err != nil {
			return err
		}
	}
	failed := make(chan error, n+1)
	for _, at := range seats {
		go func() { failed <- s.befall(ctx, spec, at) }()
	}
	shaker := rand.New(rand.NewPCG(s.dice.Uint64(), 0))
	go func() { failed <- s.shake(ctx, spec, shaker, outages) }()
	var all []error
	for range n + 1 {
		all = append(all, <-failed)
	}
	GinkgoWriter.Println(s)
	return errors.Join(all...)
}
