package zenlead

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// calling is a server between whose calls something happens.
func calling(between func(testserver.Call) error) func() *testserver.Locks {
	return func() *testserver.Locks { return &testserver.Locks{Between: between} }
}

// on is an error for some calls of a name.
func on(name string, done bool, err error, numbers ...int) func(testserver.Call) error {
	return func(c testserver.Call) error {
		for _, n := range numbers {
			if c.Name == name && c.IsDone == done && c.Number == n {
				return err
			}
		}
		return nil
	}
}

func TestAWishIsSentAgainUnderTheSameID(t *testing.T) {
	for name, between := range map[string]func(testserver.Call) error{
		"the grant was lost on its way":   on("acquire", true, cut, 1, 2),
		"it did not arrive":               on("acquire", false, cut, 1, 2),
		"the replica ends":                on("acquire", false, testserver.Error("Draining", "another goes on"), 1, 2),
		"the replica cannot say":          on("acquire", true, testserver.Error("Unknown", "ask again"), 1, 2),
		"there is no API server":          on("acquire", false, testserver.Error("Unavailable", "away"), 1, 2),
		"too much is asked":               on("acquire", false, testserver.Error("TooManyRequests", "slow down"), 1, 2),
		"a newer server gives its reason": on("acquire", true, testserver.Error("Novel", "?"), 1, 2),
		"the answer says nothing":         on("acquire", true, io.EOF, 1, 2),
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(between), func(w *lockWorld) {
				l, tried := w.hold(w.client, "a"), w.client.Lock("b")
				sent, grants := w.locks.Acquires(), w.grants("a")
				if len(sent) != 3 || len(grants) != 1 || grants[0].Token != l.Token() {
					w.Fatalf("%d wishes, %v granted, token %d", len(sent), grants, l.Token())
				}
				for _, r := range sent {
					if r.GetAcquisition().GetRequestId() != grants[0].Request || r.GetAcquisition().GetWait() != nil {
						w.Errorf("sent %v", r)
					}
				}
				if err := tried.TryLock(w.Context()); err != nil {
					w.Fatal(err)
				}
				if n := len(w.locks.Releases()); n > 0 {
					w.Errorf("%d releases", n)
				}
			})
		})
	}
}

func TestATryIsTriedAgainAsATry(t *testing.T) {
	eachLocked(t, calling(on("acquire", true, cut, 1)), func(w *lockWorld) {
		l := w.client.Lock("a")
		if err := l.TryLock(w.Context()); err != nil {
			w.Fatal(err)
		}
		for _, r := range w.locks.Acquires() {
			if wait := r.GetAcquisition().GetWait(); wait == nil || wait.AsDuration() != 0 || r.GetAcquisition().GetRequestId() != w.grants("a")[0].Request {
				w.Errorf("sent %v", r)
			}
		}
	})
}

func TestAnAnswerThatDoesNotComeIsAskedForAgain(t *testing.T) {
	eachLocked(t, calling(func(c testserver.Call) error { return stuckOn(c, "acquire", 1) }), func(w *lockWorld) {
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
		defer cancel()
		if err := w.client.Lock("a").TryLock(ctx); err != nil {
			w.Error(err)
		}
	})
}

func TestAWaiterThatIsCutOffKeepsItsPlace(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		first := w.hold(w.client, "a")
		order := make(chan int, 2)
		for i := range 2 {
			go func() {
				if w.client.Lock("a").Lock(w.Context()) == nil {
					order <- i
				}
			}()
			synctest.Wait()
		}
		w.Cut()
		pass(time.Second)
		if err := first.Unlock(w.Context()); err != nil {
			w.Fatal(err)
		}
		if got := <-order; got != 0 || len(w.grants("a")) != 2 {
			w.Errorf("number %d got it", got)
		}
	})
}

func TestWhatEndsAWish(t *testing.T) {
	for reason, want := range map[string]error{
		"Held": ErrHeld, "QueueFull": ErrHeld, "Forbidden": ErrForbidden, "Unauthenticated": ErrUnauthenticated,
		"InvalidArgument": ErrInvalidArgument, "UnknownLock": ErrUnknownLock, "Lost": ErrLost,
	} {
		t.Run(reason, func(t *testing.T) {
			eachLocked(t, calling(on("acquire", false, testserver.Error(reason, "no"), 1, 2)), func(w *lockWorld) {
				l := w.client.Lock("a")
				for _, take := range []func(context.Context) error{l.Lock, l.TryLock} {
					err := take(w.Context())
					said, ok := errors.AsType[*Error](err)
					if !isOnly(err, want) || !ok || said.Reason != reason || !over(l, ErrReleased) {
						w.Errorf("got %v", err)
					}
				}
				pass(time.Minute)
				if n := len(w.locks.Acquires()); n != 2 || len(w.locks.Releases()) > 0 {
					w.Errorf("%d wishes, %d releases", n, len(w.locks.Releases()))
				}
			})
		})
	}
}

// TestAWishThatEndedUnheardIsFollowedByAnother: who waits has released nothing, and is not told so.
func TestAWishThatEndedUnheardIsFollowedByAnother(t *testing.T) {
	eachLocked(t, calling(func(c testserver.Call) error {
		if err := on("acquire", true, cut, 1)(c); err != nil {
			return err
		}
		return on("acquire", false, testserver.Error("Finished", "no"), 2)(c)
	}), func(w *lockWorld) {
		first := w.client.Lock("a")
		if err := first.Lock(w.Context()); err != nil || first.Token() == 0 {
			w.Fatalf("%v, token %d", err, first.Token())
		}
		asked := w.locks.Acquires()
		if n := len(asked); n != 3 || asked[0].GetAcquisition().GetRequestId() != asked[1].GetAcquisition().GetRequestId() ||
			asked[1].GetAcquisition().GetRequestId() == asked[2].GetAcquisition().GetRequestId() {
			w.Errorf("asked %v", asked)
		}
	})
}

// TestAWaitEndsWithItsContext, and is given up, also where the cause is what became of another lock: it says nothing of this one.
func TestAWaitEndsWithItsContext(t *testing.T) {
	for name, cause := range map[string]error{"released": ErrReleased, "said to be lost": &Error{Reason: "Lost", kind: ErrLost}} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, plain, func(w *lockWorld) {
				other := w.client.Lock("a")
				if err := other.Lock(w.Context()); err != nil {
					w.Fatal(err)
				}
				ctx, cancel := context.WithCancelCause(w.Context())
				taken := make(chan error)
				go func() { taken <- w.client.Lock("a").Lock(ctx) }()
				pass(time.Second)
				cancel(cause)
				if err := <-taken; !errors.Is(err, cause) {
					w.Errorf("got %v", err)
				}
				pass(time.Second)
				if n := len(w.locks.Releases()); n != 1 {
					w.Errorf("%d releases", n)
				}
			})
		})
	}
}

func TestAWishThatEndsInTheDarkIsGivenUp(t *testing.T) {
	for reason, releases := range map[string]int{"Held": 1, "Forbidden": 1} {
		t.Run(reason, func(t *testing.T) {
			eachLocked(t, calling(func(c testserver.Call) error {
				if err := on("acquire", true, cut, 1)(c); err != nil {
					return err
				}
				return on("acquire", false, testserver.Error(reason, "no"), 2)(c)
			}), func(w *lockWorld) {
				if err := w.client.Lock("a").TryLock(w.Context()); err == nil {
					w.Error("it is taken")
				}
				pass(time.Second)
				if n := len(w.locks.Releases()); n != releases {
					w.Fatalf("%d releases", n)
				}
				if w.grants("a")[0].To.IsZero() {
					w.Error("it is still held")
				}
			})
		})
	}
}

func TestAWaiterThatGoesLeavesNothing(t *testing.T) {
	because := errors.New("the program ends")
	for name, test := range map[string]struct {
		between func(testserver.Call) error
		// freed is within which time.
		freed time.Duration
	}{
		"it waits":                         {nil, 0},
		"the first release is lost":        {on("release", false, cut, 1, 2), time.Second},
		"the first release is not heard":   {on("release", true, cut, 1, 2), time.Second},
		"its release is not answered":      {func(c testserver.Call) error { return stuckOn(c, "release", 1) }, 6 * time.Second},
		"it has gone before it was let in": {func(c testserver.Call) error { return stuckOn(c, "acquire", 2) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(test.between), func(w *lockWorld) {
				w.hold(w.client, "a")
				ctx, cancel := context.WithCancelCause(w.Context())
				ended := make(chan error, 1)
				go func() { ended <- w.client.Lock("a").Lock(ctx) }()
				pass(time.Second)
				cancel(because)
				synctest.Wait()
				if len(ended) == 0 {
					w.Fatal("it goes on")
				}
				if err := <-ended; !errors.Is(err, because) || isOnly(err, ErrUnknown) {
					w.Errorf("got %v", err)
				}
				pass(test.freed)
				releases := w.locks.Releases()
				if w.locks.Waiting("here", "a") != 0 || len(releases) == 0 {
					w.Fatalf("%d wait, %v", w.locks.Waiting("here", "a"), releases)
				}
				for _, r := range releases {
					if r.GetToken() != 0 || r.GetRequestId() != w.locks.Acquires()[1].GetAcquisition().GetRequestId() {
						w.Errorf("released %v", r)
					}
				}
			})
		})
	}
}

// stuckOn is no answer to one call, as long as somebody waits for it.
func stuckOn(c testserver.Call, name string, number int) error {
	if c.Name == name && c.Number == number {
		<-c.Done()
		return c.Err()
	}
	return nil
}

func TestAGrantThatNobodyHearsOfIsGivenUp(t *testing.T) {
	slow := func(c testserver.Call) error {
		if c.Name == "acquire" && c.Number == 1 && c.IsDone {
			<-time.After(time.Second)
		}
		return nil
	}
	eachLocked(t, calling(slow), func(w *lockWorld) {
		ctx, cancel := context.WithTimeout(w.Context(), 500*time.Millisecond)
		defer cancel()
		if err := w.client.Lock("a").Lock(ctx); !errors.Is(err, context.DeadlineExceeded) {
			w.Fatalf("got %v", err)
		}
		pass(100 * time.Millisecond)
		if g := w.grants("a"); len(g) != 1 || g[0].To.IsZero() {
			w.Errorf("granted %v", g)
		}
		if err := w.client.Lock("a").TryLock(w.Context()); err != nil {
			w.Error(err)
		}
		pass(time.Second) // until the first handler has ended
	})
}

func TestAClientThatIsClosedGivesUpFirst(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		c := w.another()
		w.hold(w.client, "a")
		ctx, cancel := context.WithCancel(w.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Lock("a").Lock(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.Errorf("got %v", err)
		}
		if err := c.Close(); err != nil || w.locks.Waiting("here", "a") != 0 {
			w.Errorf("%d wait, %v", w.locks.Waiting("here", "a"), err)
		}
	})
}

func TestAClientThatIsClosedDoesNotWaitForLong(t *testing.T) {
	eachLocked(t, calling(func(c testserver.Call) error { return stuckOn(c, "release", 1) }), func(w *lockWorld) {
		c := w.another()
		w.hold(w.client, "a")
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		if err := c.Lock("a").Lock(ctx); !errors.Is(err, context.DeadlineExceeded) {
			w.Fatal(err)
		}
		began := time.Now()
		if _ = c.Close(); time.Since(began) > partingTime {
			w.Errorf("it took %v", time.Since(began))
		}
	})
}

func TestAWishThatNeverLeftNeedsNoRelease(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		dials := 0
		dial := w.dial
		w.dial = func(ctx context.Context, address string) (net.Conn, error) {
			if dials++; dials > 3 {
				return dial(ctx, address)
			}
			return nil, errors.New("nobody is there")
		}
		c := w.another()
		ctx, cancel := context.WithTimeout(w.Context(), 50*time.Millisecond)
		defer cancel()
		err := c.Lock("a").Lock(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || len(err.Error()) < len("take lock here/a: context deadline exceeded; before that: ") {
			w.Errorf("got %v", err)
		}
		pass(time.Minute)
		if n := len(w.locks.Releases()); n > 0 {
			w.Errorf("%d releases", n)
		}
		if err := c.Lock("a").Lock(w.Context()); err != nil {
			w.Error(err)
		}
	})
}

func TestALockIsNotTakenByAClientThatIsClosed(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		c := w.another()
		w.hold(w.client, "a")
		ended := make(chan error, 1)
		go func() { ended <- c.Lock("a").Lock(w.Context()) }()
		synctest.Wait()
		_ = c.Close()
		if err := <-ended; !errors.Is(err, errClosed) {
			w.Errorf("while it waits: %v", err)
		}
		if err := c.Lock("a").TryLock(w.Context()); !errors.Is(err, errClosed) {
			w.Errorf("later: %v", err)
		}
	})
}

func TestAGrantAfterALongWayIsRenewedFirst(t *testing.T) {
	for name, test := range map[string]struct {
		waits, late time.Duration
		between     func(testserver.Call) error
		// renewals are how many there are when it is held.
		renewals int
		err      error
	}{
		"at once":                               {},
		"a short wait":                          {waits: 60 * time.Second},
		"a long wait: a clock may be off":       {waits: 200 * time.Second, renewals: 1},
		"the answer is late":                    {late: 6 * time.Second, renewals: 1},
		"the answer is later than work may be":  {late: 12 * time.Second, renewals: 1},
		"the answer is late, and no renewal is": {late: 6 * time.Second, between: on("renew", false, cut, 1, 2), renewals: 3},
		"the answer is later than the lock":     {late: 20 * time.Second, renewals: 1, err: ErrLost},
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(func(c testserver.Call) error {
				if c.Name == "acquire" && c.IsDone {
					<-time.After(test.late)
				}
				if test.between == nil {
					return nil
				}
				return test.between(c)
			}), func(w *lockWorld) {
				// Somebody who is not heard of holds it for as long.
				began := time.Now()
				if test.waits > 0 {
					other := w.hold(w.another(), "a")
					time.AfterFunc(test.waits, func() { _ = other.Unlock(w.Context()) })
				}
				l := w.client.Lock("a")
				err := l.Lock(w.Context())
				if test.err != nil {
					if !isOnly(err, test.err) {
						w.Errorf("got %v", err)
					}
					return
				}
				if err != nil {
					w.Fatal(err)
				}
				id, mine := w.grants("a")[len(w.grants("a"))-1].Request, 0
				for _, list := range w.locks.Renewals() {
					for _, r := range list {
						if r.GetHolding().GetRequestId() == id {
							mine++
						}
					}
				}
				work, _ := l.Left()
				if mine != test.renewals || work <= 5*time.Second {
					w.Errorf("%d renewals, %v left after %v", mine, work, time.Since(began))
				}
			})
		})
	}
}

func TestAGrantToAClientThatIsBeingClosedIsGivenUp(t *testing.T) {
	eachLocked(t, calling(func(c testserver.Call) error {
		if c.Name == "release" || c.Name == "acquire" && c.Number == 3 && c.IsDone {
			<-time.After(partingTime / 4)
		}
		return nil
	}), func(w *lockWorld) {
		c := w.another()
		w.hold(w.client, "b")
		ctx, cancel := context.WithCancel(w.Context())
		gone := make(chan error, 1)
		go func() { gone <- c.Lock("b").Lock(ctx) }()
		synctest.Wait()
		cancel() // of which the release keeps Close waiting
		l := c.Lock("a")
		taken := make(chan error, 1)
		go func() { taken <- l.Lock(w.Context()) }()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			w.Errorf("got %v", err)
		}
		_ = c.Close()
		if err := <-taken; !errors.Is(err, errClosed) || !over(l, ErrReleased) {
			w.Errorf("got %v; %v", err, l.Err())
		}
		pass(time.Second)
		if g := w.grants("a"); len(g) > 0 && g[0].To.IsZero() {
			w.Error("it is still held")
		}
	})
}

func TestAGrantOfSomethingElseIsNone(t *testing.T) {
	for name, spoil := range map[string]func(*zenleadv1.Granted){
		"of another wish": func(g *zenleadv1.Granted) { g.RequestId = "another" },
		"without a token": func(g *zenleadv1.Granted) { g.Token = 0 },
		"without a ttl":   func(g *zenleadv1.Granted) { g.TtlSeconds = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, plain, func(w *lockWorld) {
				w.client.shared.transport = &spoilt{transport: w.client.shared.transport, spoil: spoil}
				if l := w.hold(w.client, "a"); l.Token() != w.grants("a")[0].Token || len(w.locks.Acquires()) != 2 {
					w.Errorf("token %d after %d wishes", l.Token(), len(w.locks.Acquires()))
				}
			})
		})
	}
}

// spoilt spoils the first grant.
type spoilt struct {
	transport
	spoil func(*zenleadv1.Granted)
}

func (s *spoilt) acquire(ctx context.Context, r *zenleadv1.AcquireRequest) (*zenleadv1.Granted, error) {
	g, err := s.transport.acquire(ctx, r)
	if err == nil && s.spoil != nil {
		s.spoil(g)
		s.spoil = nil
	}
	return g, err
}

func TestWhateverIsSentIsCounted(t *testing.T) {
	eachLocked(t, calling(func(c testserver.Call) error {
		switch {
		case c.Name == "acquire" && c.IsDone && c.Number == 2: // so late that it is renewed before it is held
			<-time.After(6 * time.Second)
		case c.Name != "release" && c.Number == 1:
			return cut
		}
		return nil
	}), func(w *lockWorld) {
		w.hold(w.client, "a")
		pass(12 * time.Second)
		var sent []int64
		for _, r := range w.locks.Acquires() {
			sent = append(sent, r.GetAcquisition().GetAttempt())
		}
		for _, r := range w.locks.Renewals() {
			sent = append(sent, r[0].GetHolding().GetAttempt())
		}
		if !slices.Equal(sent, []int64{1, 2, 3, 4, 5, 6}) {
			w.Errorf("sent %v", sent)
		}
	})
}
