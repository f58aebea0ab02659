package zenlead

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
)

// lockWorld is a world with locks.
type lockWorld struct {
	*world
	locks *testserver.Locks
	// patience ends what would wait for good.
	patience context.Context //nolint:containedctx // of a test, as testing.T has one
}

// Context is that of the test, which some hours end.
func (w *lockWorld) Context() context.Context { return w.patience }

// eachLocked runs a test over both transports.
func eachLocked(t *testing.T, locks func() *testserver.Locks, test func(*lockWorld)) {
	t.Helper()
	var l *testserver.Locks
	each(t, func(*testing.T) testserver.Answers {
		l = locks()
		return testserver.Answers{Locks: l}
	}, func(w *world) {
		ctx, cancel := context.WithTimeout(w.Context(), 3*time.Hour)
		defer cancel()
		test(&lockWorld{world: w, locks: l, patience: ctx})
	})
}

func plain() *testserver.Locks { return &testserver.Locks{} }

// another is another program's client.
func (w *lockWorld) another() *Client {
	w.Helper()
	return w.connect(WithToken("other"), WithCAFile(w.ca))
}

// hold returns a lock that is held.
func (w *lockWorld) hold(c *Client, name string) *Lock {
	w.Helper()
	l := c.Lock(name)
	if err := l.Lock(w.Context()); err != nil {
		w.Fatal(err)
	}
	return l
}

// grants lists who has held a lock.
func (w *lockWorld) grants(name string) []testserver.Grant { return w.locks.Grants("here", name) }

// pass lets time pass, and what is due in it happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// over is whether a lock is not held any more, for a reason.
func over(l *Lock, why error) bool {
	select {
	case <-l.Done():
		return l.Token() == 0 && isOnly(l.Err(), why)
	default:
		return false
	}
}

// cut is an answer that was lost on its way.
var cut = status.Error(codes.Unavailable, "the connection is cut")

func TestALockIsHeldByOneAtATime(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		first := w.hold(w.client, "report")
		second := w.another().Lock("report")
		if err := second.TryLock(w.Context()); !isOnly(err, ErrHeld) {
			w.Fatalf("while another holds it: %v", err)
		}
		said, ok := errors.AsType[*Error](second.TryLock(w.Context()))
		if !ok || said.Reason != "Held" {
			w.Errorf("the server did not say so: %+v", said)
		}
		taken := make(chan error, 1)
		go func() { taken <- second.Lock(w.Context()) }()
		pass(time.Minute)
		if token := first.Token(); token == 0 || second.Token() != 0 || len(taken) > 0 || first.Err() != nil {
			w.Fatalf("tokens %d and %d, %v", token, second.Token(), first.Err())
		}
		token := first.Token()
		if err := first.Unlock(w.Context()); err != nil {
			w.Fatal(err)
		}
		if err := <-taken; err != nil || second.Token() <= token || !over(first, ErrReleased) {
			w.Errorf("tokens %d, then %d; %v", token, second.Token(), err)
		}
		if err := second.Unlock(w.Context()); err != nil {
			w.Error(err)
		}
		if err := first.TryLock(w.Context()); err != nil || first.Err() != nil {
			w.Errorf("held once more: %v, %v", err, first.Err())
		}
	})
}

func TestWhatIsAskedFor(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		w.hold(w.client, "a")
		_ = w.client.Lock("a").TryLock(w.Context())
		w.hold(w.client.Namespace("there"), "1")
		ids := map[string]bool{}
		for i, r := range w.locks.Acquires() {
			a := r.GetAcquisition()
			ids[a.GetRequestId()] = true
			if len(a.GetRequestId()) < 26 || a.GetTtlSeconds() != 0 || a.GetOwner() != owner() || (a.GetWait() != nil) != (i == 1) {
				w.Errorf("wish %d is %v", i, a)
			}
			if want := [][2]string{{"here", "a"}, {"here", "a"}, {"there", "1"}}[i]; r.GetNamespace() != want[0] || r.GetLock() != want[1] {
				w.Errorf("wish %d is for %s/%s", i, r.GetNamespace(), r.GetLock())
			}
		}
		if len(ids) != 3 {
			w.Errorf("%d request ids", len(ids))
		}
	})
}

func TestALockThatIsNotHeld(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		l := w.client.Lock("report")
		if !over(l, ErrReleased) {
			w.Errorf("before: %v", l.Err())
		}
		if work, hard := l.Left(); work > 0 || hard > 0 {
			w.Errorf("left: %v, %v", work, hard)
		}
		if err := l.Unlock(w.Context()); !isOnly(err, ErrReleased) {
			w.Errorf("Unlock: %v", err)
		}
		if err := l.Lock(w.Context()); err != nil {
			w.Fatal(err)
		}
		for range 2 {
			if err := l.Unlock(w.Context()); err != nil && !isOnly(err, ErrReleased) {
				w.Errorf("Unlock: %v", err)
			}
		}
		if n := len(w.locks.Releases()); n != 1 {
			w.Errorf("%d releases", n)
		}
	})
}

func TestALockIsHeldOnceAtATime(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		l := w.hold(w.client, "report")
		if err := l.Lock(w.Context()); !isOnly(err, ErrInvalidArgument) {
			w.Errorf("Lock while held: %v", err)
		}
		other := w.client.Lock("report")
		ctx, cancel := context.WithCancel(w.Context())
		go func() { _ = other.Lock(ctx) }()
		synctest.Wait()
		if err := other.TryLock(w.Context()); !isOnly(err, ErrInvalidArgument) {
			w.Errorf("TryLock while it is asked for: %v", err)
		}
		cancel()
		synctest.Wait()
		if err := other.TryLock(w.Context()); !isOnly(err, ErrHeld) {
			w.Errorf("TryLock later: %v", err)
		}
	})
}

func TestNamesOfLocks(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		for _, name := range []string{"", "A", "a/b", "..", "a.b", "-a", "a-", strings.Repeat("a", 64)} {
			if err := w.client.Lock(name).TryLock(w.Context()); !isOnly(err, ErrInvalidArgument) {
				w.Errorf("%q: %v", name, err)
			}
		}
		if n := len(w.locks.Acquires()); n > 0 {
			w.Errorf("%d wishes", n)
		}
		if err := w.client.Lock(strings.Repeat("0", 63)).TryLock(w.Context()); err != nil {
			w.Error(err)
		}
	})
}

func TestAnOwnerFits(t *testing.T) {
	for name, test := range map[string]struct{ name, want string }{
		"a pod":                  {"report-7x2kp", "report-7x2kp/12345"},
		"nothing is known":       {"", "/12345"},
		"a name that is long":    {strings.Repeat("x", 300), strings.Repeat("x", 122) + "/12345"},
		"a character is not cut": {strings.Repeat("x", 121) + "ü", strings.Repeat("x", 121) + "/12345"},
		"what is no text":        {"a\xffb", "a?b/12345"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ownerOf(test.name, 12345); got != test.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestManyShareALock(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		inside, most, last := 0, 0, int64(0)
		var all sync.WaitGroup
		for i := range 40 {
			c := w.client
			if i%4 == 0 {
				c = w.another()
			}
			all.Go(func() {
				if err := c.WithLock(w.Context(), "counter", func(_ context.Context, token int64) error {
					inside++ // the race detector looks on
					most = max(most, inside)
					if token <= last {
						w.Errorf("token %d after %d", token, last)
					}
					last = token
					<-time.After(10 * time.Millisecond)
					inside--
					return nil
				}); err != nil {
					w.Error(err)
				}
			})
		}
		all.Wait()
		if most != 1 || len(w.grants("counter")) != 40 {
			w.Errorf("%d at once, %d grants", most, len(w.grants("counter")))
		}
	})
}
