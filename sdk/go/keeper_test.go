package zenlead

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// quartz is this machine's clocks, of which each can be moved on.
type quartz struct {
	mu         sync.Mutex
	mono, wall time.Duration
}

func (q *quartz) now() instant {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := machineClock()
	return instant{mono: i.mono + q.mono, wall: i.wall.Add(q.wall)}
}

func (q *quartz) jump(mono, wall time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mono, q.wall = q.mono+mono, q.wall+wall
}

// silentFrom is a server that renews nothing from a request on, and does not say so.
func silentFrom(number int) func(testserver.Call) error {
	return func(c testserver.Call) error {
		if c.Name == "renew" && c.Number >= number {
			<-c.Done()
			return c.Err()
		}
		return nil
	}
}

func TestALockIsKept(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		began := time.Now()
		l := w.hold(w.client, "a")
		pass(time.Hour + time.Second)
		if l.Token() == 0 || len(w.grants("a")) != 1 {
			w.Errorf("token %d, %v", l.Token(), l.Err())
		}
		// Every third of the ttl.
		if n := len(w.locks.Renewals()); n != 720 {
			w.Errorf("%d renewals in %v", n, time.Since(began))
		}
		if err := l.Unlock(w.Context()); err != nil {
			w.Error(err)
		}
		pass(time.Hour)
		if n := len(w.locks.Renewals()); n != 720 {
			w.Errorf("%d renewals after it was released", n)
		}
	})
}

func TestAHolderThatIsCutOffStopsBeforeAnotherMayBegin(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, 2 * time.Second, 15 * time.Second, 5 * time.Minute, time.Hour} {
		t.Run(ttl.String(), func(t *testing.T) {
			eachLocked(t, func() *testserver.Locks { return &testserver.Locks{TTL: ttl, Between: silentFrom(3)} }, func(w *lockWorld) {
				began := time.Now()
				l := w.hold(w.client, "a")
				<-l.Done()
				// Two renewals came through, a third of the ttl apart; it goes on for two thirds.
				if stopped := time.Since(began); (stopped - ttl*4/3).Abs() > 10*time.Millisecond {
					w.Errorf("it stopped after %v", stopped)
				}
				work, hard := l.Left()
				if !over(l, ErrLost) || work > 0 || (hard-ttl*17/60).Abs() > 10*time.Millisecond { // of 19/20
					w.Errorf("%v; left %v and %v", l.Err(), work, hard)
				}
				pass(hard)
				if g := w.grants("a"); !g[0].To.IsZero() {
					w.Error("another may have begun")
				}
				pass(ttl)
				if g := w.grants("a"); g[0].To.IsZero() {
					w.Error("it is held for good")
				}
				if n := len(w.locks.Renewals()); ttl > time.Second && n < 5 { // three tries fit
					w.Errorf("%d renewals were sent", n)
				}
			})
		})
	}
}

func TestATimeCountsFromBeforeWhatWasAnsweredWasSent(t *testing.T) {
	late := func(c testserver.Call) error {
		switch {
		case c.Name == "renew" && c.Number > 1:
			<-c.Done()
			return c.Err()
		case c.Name == "renew" && c.IsDone:
			<-time.After(1500 * time.Millisecond)
		case c.Name == "acquire" && c.IsDone:
			<-time.After(2 * time.Second)
		}
		return nil
	}
	eachLocked(t, calling(late), func(w *lockWorld) {
		began := time.Now()
		l := w.hold(w.client, "a")
		if work, hard := l.Left(); work > 8*time.Second || hard > 12250*time.Millisecond {
			w.Errorf("after the grant: %v and %v are left", work, hard)
		}
		<-l.Done()
		if stopped := time.Since(began); stopped > 15*time.Second+10*time.Millisecond || stopped < 14*time.Second {
			w.Errorf("it stopped after %v", stopped)
		}
	})
}

func TestALateAnswerBringsNothingBack(t *testing.T) {
	for name, over := range map[string]func(q *quartz){
		"a timer has ended it":   func(*quartz) { pass(2 * time.Second) },
		"no timer has come yet":  func(q *quartz) { q.jump(2*time.Second, 2*time.Second) },
		"by the wall clock only": func(q *quartz) { q.jump(0, 2*time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(silentFrom(1)), func(w *lockWorld) {
				q := &quartz{}
				w.client.shared.now = q.now
				l := w.hold(w.client, "a")
				pass(9 * time.Second)
				sent := q.now()
				over(q)
				l.last().settle(sent, renewed{home: "home-1"})
				if l.Token() != 0 || !isOnly(l.Err(), ErrLost) {
					w.Errorf("it is back: %d, %v", l.Token(), l.Err())
				}
			})
		})
	}
}

func TestAHolderThatStoodStill(t *testing.T) {
	for name, jump := range map[string]struct{ mono, wall time.Duration }{
		"the process stood still":     {time.Minute, time.Minute},
		"the machine was suspended":   {0, 11 * time.Second},
		"the wall clock was set back": {11 * time.Second, -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(silentFrom(1)), func(w *lockWorld) {
				q := &quartz{}
				w.client.shared.now = q.now
				l, other := w.hold(w.client, "a"), w.hold(w.client, "b")
				var cause error
				go func() {
					_ = w.client.WithLock(w.Context(), "c", func(ctx context.Context, _ int64) error {
						<-ctx.Done()
						cause = context.Cause(ctx)
						return nil
					})
				}()
				pass(1500 * time.Millisecond)
				if l.Token() == 0 {
					w.Fatal(l.Err())
				}
				q.jump(jump.mono, jump.wall)
				// At once, whether a timer has come or not.
				if l.Token() != 0 || !isOnly(l.Err(), ErrLost) {
					w.Errorf("token %d, %v", l.Token(), l.Err())
				}
				select {
				case <-l.Done():
				default:
					w.Error("it goes on")
				}
				pass(time.Second)
				if !over(other, ErrLost) || !isOnly(cause, ErrLost) {
					w.Errorf("where nobody asked: %v, %v", other.Err(), cause)
				}
			})
		})
	}
}

func TestWhatARenewalIsAnswered(t *testing.T) {
	for reason, test := range map[string]struct {
		// after is when it is over, of which the first renewal is at 5 s; 0 is never.
		after time.Duration
		// again: it is renewed again.
		again bool
	}{
		"Lost":            {5 * time.Second, false},
		"UnknownLock":     {5 * time.Second, false},
		"Forbidden":       {10 * time.Second, false},
		"Unavailable":     {10 * time.Second, true},
		"Unknown":         {10 * time.Second, true},
		"TooManyRequests": {10 * time.Second, true},
		"Novel":           {10 * time.Second, true},
	} {
		t.Run(reason, func(t *testing.T) {
			eachLocked(t, plain, func(w *lockWorld) {
				began := time.Now()
				l, other := w.hold(w.client, "a"), w.hold(w.client, "b")
				w.locks.Refuse("here", "a", reason)
				<-l.Done()
				if stopped := time.Since(began).Round(10 * time.Millisecond); stopped != test.after || !over(l, ErrLost) {
					w.Errorf("it stopped after %v: %v", stopped, l.Err())
				}
				pass(time.Minute)
				n := 0
				for _, list := range w.locks.Renewals() {
					for _, r := range list {
						if r.GetLock() == "a" {
							n++
						}
					}
				}
				if again := n > 1; again != test.again || other.Token() == 0 {
					w.Errorf("%d renewals; the other one: %v", n, other.Err())
				}
			})
		})
	}
}

func TestTheHomeIsForgottenWhereTheOutcomeIsNotKnown(t *testing.T) {
	for name, test := range map[string]struct {
		between func(testserver.Call) error
		refusal string
		// second is the home that the second renewal names.
		second string
	}{
		"it was renewed":            {nil, "", "home-1"},
		"the answer was lost":       {on("renew", true, cut, 1), "", ""},
		"the question was lost":     {on("renew", false, cut, 1), "", ""},
		"the answer says nothing":   {on("renew", true, io.EOF, 1), "", ""},
		"there is no answer":        {func(c testserver.Call) error { return stuckOn(c, "renew", 1) }, "", ""},
		"zen-lead does not know":    {nil, "Unknown", ""},
		"it cannot say at present":  {nil, "Unavailable", ""},
		"it has not even looked":    {on("renew", false, testserver.Error("TooManyRequests", "slow down"), 1), "", "home-1"},
		"it knows no such token":    {on("renew", false, testserver.Error("Unauthenticated", "expired"), 1), "", "home-1"},
		"it cannot serve that many": {on("renew", true, testserver.Error("Unavailable", "away"), 1), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(test.between), func(w *lockWorld) {
				l := w.hold(w.client, "a")
				w.locks.Refuse("here", "a", test.refusal)
				pass(5500 * time.Millisecond)
				w.locks.Refuse("here", "a", "")
				pass(20 * time.Second)
				homes := []string{}
				for _, list := range w.locks.Renewals() {
					homes = append(homes, list[0].GetHolding().GetHome())
				}
				if l.Token() == 0 || homes[0] != "home-1" || homes[1] != test.second || homes[len(homes)-1] == "" {
					w.Errorf("%q, %v", homes, l.Err())
				}
			})
		})
	}
}

func TestAnAnswerThatSaysNothingRenewsNothing(t *testing.T) {
	eachLocked(t, calling(func(c testserver.Call) error {
		if c.Name == "renew" && c.IsDone {
			return io.EOF
		}
		return nil
	}), func(w *lockWorld) {
		began := time.Now()
		l := w.hold(w.client, "a")
		<-l.Done()
		if stopped := time.Since(began); stopped > 10*time.Second || !over(l, ErrLost) {
			w.Errorf("it stopped after %v: %v", stopped, l.Err())
		}
	})
}

func TestManyLocksAreRenewedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &lockWorld{locks: plain(), patience: t.Context()}
		var mu sync.Mutex
		var times []time.Time
		w.locks.Between = func(c testserver.Call) error {
			mu.Lock()
			defer mu.Unlock()
			if c.Name == "renew" && !c.IsDone {
				times = append(times, time.Now())
			}
			return nil
		}
		w.world = newWorld(t, "passthrough:///zen-lead.test:9090", testserver.Answers{Locks: w.locks})
		const many = 10_000
		all := make([]*Lock, many)
		w.client.shared.transport = nextDoor{w.client.shared.transport, w.locks}
		for i := range all {
			all[i] = w.hold(w.client.Namespace(fmt.Sprintf("ns-%d", i%20)), fmt.Sprintf("lock-%d", i))
			if i%100 == 0 {
				<-time.After(40 * time.Millisecond) // they are taken in the course of four seconds
			}
		}
		pass(10 * time.Second) // until they go together
		before := len(w.locks.Renewals())
		pass(10 * time.Second)
		requests := w.locks.Renewals()[before:]
		if len(requests) != 20 {
			t.Errorf("%d requests in two periods", len(requests))
		}
		for _, r := range requests {
			if len(r) != mostRenewed {
				t.Fatalf("a request of %d", len(r))
			}
		}
		times = times[before:]
		for i := range times[1:] {
			if gap := times[i+1].Sub(times[i]); gap < 100*time.Millisecond {
				t.Errorf("a request %v after another", gap)
			}
		}
		for _, l := range all {
			if l.Token() == 0 {
				t.Fatal(l.Err())
			}
		}
	})
}

// nextDoor takes locks without a network, for the sake of time.
type nextDoor struct {
	transport
	locks *testserver.Locks
}

func (n nextDoor) acquire(ctx context.Context, r *zenleadv1.AcquireRequest) (g *zenleadv1.Granted, err error) {
	return g, n.locks.Acquire(ctx, r, func(e *zenleadv1.AcquireResponse) error {
		g = e.GetGranted()
		return nil
	})
}

func TestLocksOfOtherTimesGoByThemselves(t *testing.T) {
	list := []*holding{}
	for _, seconds := range []int{15, 1, 60, 2, 20, 3600, 15} {
		list = append(list, &holding{grant: grant{ttl: time.Duration(seconds) * time.Second}})
	}
	got := ""
	for _, r := range requests(list) {
		got += "|"
		for _, h := range r {
			got += " " + h.ttl.String()
		}
	}
	if got != "| 1s 2s| 15s 15s 20s| 1m0s| 1h0m0s" {
		t.Error(got)
	}
}

func TestARenewalIsSentOnceAtATime(t *testing.T) {
	var mu sync.Mutex
	underWay, most := map[string]int{}, 0
	count := func(id string, by int) {
		mu.Lock()
		defer mu.Unlock()
		underWay[id] += by
		most = max(most, underWay[id])
	}
	eachLocked(t, plain, func(w *lockWorld) {
		slow := &slowRenewals{transport: w.client.shared.transport, count: count}
		w.client.shared.transport = slow
		for i := range 20 {
			l := w.hold(w.client, fmt.Sprintf("lock-%d", i))
			pass(time.Duration(i*37) * time.Millisecond)
			defer func() {
				if l.Token() == 0 {
					w.Error(l.Err())
				}
			}()
		}
		pass(time.Minute)
	})
	if most != 1 {
		t.Errorf("%d at once", most)
	}
}

// slowRenewals takes its time, and counts the renewals of each lock that are under way.
type slowRenewals struct {
	transport
	count func(id string, by int)
}

func (s *slowRenewals) renew(ctx context.Context, list []*zenleadv1.Renewal) []renewed {
	for _, r := range list {
		s.count(r.GetLock(), 1)
		defer s.count(r.GetLock(), -1)
	}
	<-time.After(1200 * time.Millisecond)
	return s.transport.renew(ctx, list)
}
