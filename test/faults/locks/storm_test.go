package locks_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/locker"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// storm is many faults at once, on many locks: each crew of lockers, each replica and what is below them have faults of their own.
type storm struct {
	*stand
	locks []string
	ttl   int32
	// apiServer is held by who ends and starts it, and by who cannot do without.
	apiServer sync.Mutex
	crews     []*crew
	faults.Counts
}

// crew is a process of lockers, and its successors.
type crew struct {
	name  string
	n     int
	dice  *rand.Rand
	now   *locker.Process
	wires []*wire
}

func dice(n uint64) *rand.Rand { return rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), n)) }

// man starts a crew's process, where there is none.
func (s *storm) man(c *crew) {
	GinkgoHelper()
	c.n++
	s.mu.Lock()
	seats := slices.Clone(s.seats)
	s.mu.Unlock()
	c.dice.Shuffle(len(seats), func(i, j int) { seats[i], seats[j] = seats[j], seats[i] })
	c.now, c.wires = s.locker(fmt.Sprintf("%s-%d", c.name, c.n), seats, func(o *locker.Options) {
		o.Locks, o.Workers, o.Increments, o.Long, o.Leaves, o.Seed = s.locks, 8, 1, 0.01, 0.02, c.dice.Uint64()
		o.Pause, o.Rest, o.Patience = 20*time.Millisecond, 5*time.Millisecond, 3*time.Second
		if c.dice.IntN(4) == 0 {
			o.Wait = new(time.Duration(c.dice.Int64N(int64(2 * time.Second))))
		}
	})
}

// befall has one fault after the other befall a crew, until ctx ends; then it heals.
func (s *storm) befall(ctx context.Context, c *crew) {
	ttl := seconds(s.ttl)
	lull := func() { pass(ctx, faults.Between(c.dice, time.Second, faults.Longer(3*time.Second, 20*time.Second))) }
	for lull(); ctx.Err() == nil; lull() {
		w := c.wires[c.dice.IntN(len(c.wires))]
		way, named := &w.up, "requests lost"
		if c.dice.IntN(2) == 0 {
			way, named = &w.down, "answers lost"
		}
		before := way.kept.Load()
		switch c.dice.IntN(6) {
		case 0:
			if c.now.Freeze() == nil {
				s.Happened("locker frozen", true)
				pass(ctx, faults.Between(c.dice, 100*time.Millisecond, 3*ttl))
				_ = c.now.Resume() // one that has ended cannot be told
			}
		case 1:
			s.Happened("locker killed", c.now.Kill() == nil)
			s.man(c)
		case 2:
			s.Happened("locker stopped", c.now.Stop() == nil)
			s.man(c)
		case 3:
			w.hangUp()
			s.Happened("connections ended", true)
		case 4:
			way.slow(faults.Between(c.dice, 10*time.Millisecond, ttl/4))
			pass(ctx, faults.Between(c.dice, ttl/2, 2*ttl))
			way.heal()
			s.Happened(strings.Replace(named, "lost", "late", 1), way.kept.Load() > before)
		case 5:
			way.cut()
			pass(ctx, faults.Between(c.dice, ttl/4, 2*ttl))
			way.heal()
			s.Happened(named, way.kept.Load() > before)
		}
	}
	for _, w := range c.wires {
		w.up.heal()
		w.down.heal()
	}
}

// shake has the replicas come to harm, one at a time.
func (s *storm) shake(ctx, spec context.Context) {
	dice := dice(1000)
	match := proxy.Match{Method: "PUT", Resource: "manuallocks/status", Namespace: s.Namespace}
	lull := func() { pass(ctx, faults.Between(dice, time.Second, faults.Longer(3*time.Second, 15*time.Second))) }
	for lull(); ctx.Err() == nil; lull() {
		at := dice.IntN(len(s.seats))
		r := s.seats[at]
		severs := func(what string, sever func() *proxy.Rule, most time.Duration) {
			rule := sever()
			pass(ctx, faults.Between(dice, 300*time.Millisecond, most))
			s.Happened(what, rule.Count() > 0)
			if dice.IntN(2) == 0 {
				rule.Release()
			} else {
				rule.Drop()
			}
		}
		switch dice.IntN(10) {
		case 0:
			if r.Freeze() == nil {
				s.Happened("replica frozen", true)
				pass(ctx, faults.Between(dice, 200*time.Millisecond, faults.Longer(4*time.Second, 20*time.Second)))
				_ = r.Resume()
			}
		case 1:
			s.Happened("replica killed", r.Kill() == nil)
			s.replace(spec, at)
		case 2:
			s.Happened("replica terminated", r.Terminate() == nil)
			s.replace(spec, at)
		case 3:
			severs("grant held", func() *proxy.Rule { return r.proxy.HoldOne(match) }, 7*time.Second)
		case 4:
			severs("answer to a grant held", func() *proxy.Rule { return r.proxy.HoldReply(match, 3) }, 7*time.Second)
		case 5:
			severs("answer to a grant lost", func() *proxy.Rule { return r.proxy.LoseReply(match, 10) }, time.Second)
		case 6:
			severs("replica cut off", r.proxy.Cut, faults.Longer(4*time.Second, 20*time.Second))
		case 7:
			severs("replica deaf", r.proxy.Deafen, faults.Longer(4*time.Second, 20*time.Second))
		case 8:
			severs("watches cut", func() *proxy.Rule {
				rule := r.proxy.Hold(proxy.Match{Watch: true})
				r.proxy.Break()
				return rule
			}, 10*time.Second)
		case 9:
			err := s.Delete(spec, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: zenlead.Namespace, Name: r.name}})
			s.Happened("Lease of a replica deleted", err == nil)
		}
	}
}

// replace puts another replica where one has ended, and leads the wires there.
func (s *storm) replace(ctx context.Context, at int) {
	GinkgoHelper()
	old := s.seats[at]
	func() {
		s.apiServer.Lock() // without one a replica does not start
		defer s.apiServer.Unlock()
		s.seat(ctx)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.seats) - 1
	s.seats[at] = s.seats[last]
	s.seats = s.seats[:last]
	for _, w := range s.wired {
		if w.to.Load() == old.API.GRPC {
			w.leadTo(s.seats[at].API.GRPC)
		}
	}
}

// quake has the API server, etcd and the locks themselves come to harm.
func (s *storm) quake(ctx, spec context.Context) error {
	dice := dice(2000)
	lull := func() {
		pass(ctx, faults.Between(dice, faults.Longer(time.Second, 5*time.Second), faults.Longer(5*time.Second, 60*time.Second)))
	}
	for lull(); ctx.Err() == nil; lull() {
		switch dice.IntN(faults.Longer(1, 4)) {
		case 1, 2: // not in the short form: it takes 19 s until such a lock is free for certain
			name := s.locks[dice.IntN(len(s.locks))]
			if s.remove(spec, name) == nil {
				pass(ctx, faults.Between(dice, 0+1, 500*time.Millisecond))
				if err := s.makes(spec, name, s.ttl); err != nil {
					return err
				}
				s.Happened("lock deleted", true)
			}
		case 0:
			if err := c.Freeze(cluster.Etcd); err != nil {
				return err
			}
			pass(ctx, faults.Between(dice, 100*time.Millisecond, faults.Longer(2*time.Second, 8*time.Second)))
			if err := c.Resume(cluster.Etcd); err != nil {
				return err
			}
			s.Happened("etcd frozen", true)
		case 3:
			if err := s.killAPIServer(ctx, spec, faults.Between(dice, 100*time.Millisecond, 5*time.Second)); err != nil {
				return err
			}
		}
	}
	return nil
}

// killAPIServer kills it, and starts another after a while.
func (s *storm) killAPIServer(ctx, spec context.Context, after time.Duration) error {
	s.apiServer.Lock()
	defer s.apiServer.Unlock()
	if err := c.Kill(cluster.APIServer); err != nil {
		return err
	}
	pass(ctx, after)
	if err := c.Restart(spec, cluster.APIServer); err != nil {
		return err
	}
	s.Happened("API server killed", true)
	return nil
}

// rage has all of it happen until so many cycles are done or the time is over, and returns when all is well again.
func (s *storm) rage(spec context.Context, crews, cycles int, most time.Duration) error {
	ctx, cancel := context.WithTimeout(spec, most)
	defer cancel()
	for i := range crews {
		c := &crew{name: fmt.Sprint("crew-", i), dice: dice(uint64(i))}
		s.crews = append(s.crews, c)
		s.man(c)
	}
	var all sync.WaitGroup
	for _, c := range s.crews {
		all.Go(func() {
			defer GinkgoRecover()
			s.befall(ctx, c)
		})
	}
	all.Go(func() {
		defer GinkgoRecover()
		s.shake(ctx, spec)
	})
	var failed error
	all.Go(func() { failed = s.quake(ctx, spec) })
	for ctx.Err() == nil && s.Count(locker.Released) < cycles {
		pass(ctx, 500*time.Millisecond)
	}
	cancel()
	all.Wait()
	return failed
}

// calm ends the crews, and fails where a lock is not free for who comes.
func (s *storm) calm(ctx context.Context) (wrong error) {
	for _, c := range s.crews {
		_ = c.now.Stop()
	}
	// The longest that a lock stays with who is dead, and its home too.
	ctx, cancel := context.WithTimeout(ctx, (15*time.Second+seconds(s.ttl))*21/20+20*time.Second)
	defer cancel()
	var last []*locker.Process
	for _, name := range s.locks {
		p, _ := s.locker("calm-"+name, s.seats, on(name), once, func(o *locker.Options) { o.Increments = 1 })
		last = append(last, p)
	}
	for _, p := range last {
		select {
		case <-p.Ended():
		case <-ctx.Done():
			wrong = errors.Join(wrong, fmt.Errorf("%s has not got its lock", p.Name))
		}
	}
	return wrong
}

var _ = Describe("Locks under all faults at once", func() {
	It("keep their contracts", func(ctx context.Context) {
		t := newStand(ctx, 2)
		if faults.Full {
			t.stranger(ctx) // until it is replaced
		}
		t.forgets = true
		s := &storm{stand: t, ttl: faults.Longer[int32](2, 3)}
		for range faults.Longer(10, 40) {
			s.locks = append(s.locks, t.lock(ctx, s.ttl))
		}
		began := time.Now()
		Expect(s.rage(ctx, faults.Longer(3, 8), faults.Longer(2000, 100_000), faults.Longer(6*time.Second, 25*time.Minute))).To(Succeed())
		lasted := time.Since(began)
		Expect(s.calm(ctx)).To(Succeed())
		h := t.history()
		line := fmt.Sprintf("%d cycles on %d locks in %.0f s, %d requests, %d of unknown outcome; %v", h.cycles(), len(s.locks), lasted.Seconds(), len(h), h.unknown(), &s.Counts)
		fmt.Println(" ", line)
		AddReportEntry("storm", line)
		Expect(h.cycles()).To(BeNumerically(">", faults.Longer(20, 50_000)))
		Expect(s.All()).NotTo(BeEmpty())
		if faults.Full {
			Expect(h.unknown()).To(BeNumerically(">", 0), "without outcomes that are unknown it shows nothing")
			for _, what := range []string{
				"locker frozen", "locker killed", "locker stopped", "connections ended", "requests lost", "answers lost", "requests late", "answers late",
				"replica frozen", "replica killed", "replica terminated", "grant held", "answer to a grant held", "answer to a grant lost",
				"replica cut off", "replica deaf", "watches cut", "Lease of a replica deleted", "lock deleted", "etcd frozen", "API server killed",
			} {
				Expect(s.All()).To(HaveKey(what))
			}
		}
	}, limit)
})
