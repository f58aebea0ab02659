package zenlead

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
)

func TestAHolderHasStoppedBeforeItReleases(t *testing.T) {
	var l *Lock
	var seen []error
	eachLocked(t, calling(func(c testserver.Call) error {
		if c.Name == "release" {
			seen = append(seen, l.Err())
			if !over(l, ErrReleased) {
				return errors.New("it has not stopped")
			}
		}
		return nil
	}), func(w *lockWorld) {
		l, seen = w.hold(w.client, "a"), nil
		token := l.Token()
		if err := l.Unlock(w.Context()); err != nil || len(seen) != 2 {
			w.Errorf("%v; the server saw %v", err, seen)
		}
		if _, hard := l.Left(); hard > 0 {
			w.Errorf("%v are left", hard)
		}
		if r := w.locks.Releases()[0]; r.GetToken() != token || r.GetRequestId() != w.grants("a")[0].Request {
			w.Errorf("released %v", r)
		}
	})
}

func TestWhatAReleaseIsAnswered(t *testing.T) {
	twice := func(first, second error) func(testserver.Call) error {
		return func(c testserver.Call) error {
			switch {
			case c.Name == "release" && c.Number == 1 && c.IsDone:
				return first
			case c.Name == "release" && c.Number == 2 && c.IsDone:
				return second
			}
			return nil
		}
	}
	lost := testserver.Error("Lost", "somebody else holds it")
	for name, test := range map[string]struct {
		between  func(testserver.Call) error
		want     error
		releases int
	}{
		"done":                             {nil, nil, 1},
		"the answer is lost":               {twice(cut, nil), nil, 2},
		"it did not arrive":                {on("release", false, cut, 1), nil, 2},
		"zen-lead does not know":           {twice(testserver.Error("Unknown", "ask again"), nil), nil, 2},
		"there is no answer":               {func(c testserver.Call) error { return stuckOn(c, "release", 1) }, nil, 2},
		"it was lost":                      {twice(lost, nil), ErrLost, 1},
		"it was lost, or an earlier try":   {twice(cut, lost), ErrUnknown, 2},
		"it is not known who this is":      {twice(testserver.Error("Unauthenticated", "expired"), nil), ErrUnauthenticated, 1},
		"there is no such lock":            {twice(testserver.Error("UnknownLock", "deleted"), nil), ErrUnknownLock, 1},
		"too much is asked for, at first":  {on("release", false, testserver.Error("TooManyRequests", "slow down"), 1), nil, 2},
		"nobody answers until ctx has end": {on("release", false, cut, 1, 2, 3, 4, 5, 6, 7, 8, 9), ErrUnknown, 10},
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(test.between), func(w *lockWorld) {
				l := w.hold(w.client, "a")
				ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
				defer cancel()
				err := l.Unlock(ctx)
				if (err != nil || test.want != nil) && !isOnly(err, test.want) || !over(l, ErrReleased) {
					w.Errorf("got %v; %v", err, l.Err())
				}
				pass(30 * time.Second) // what goes on in the background
				if n := len(w.locks.Releases()); n != test.releases {
					w.Errorf("%d releases", n)
				}
			})
		})
	}
}

func TestAReleaseGoesOnWhenNobodyWaitsForIt(t *testing.T) {
	eachLocked(t, calling(on("release", false, cut, 1)), func(w *lockWorld) {
		l := w.hold(w.client, "a")
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if err := l.Unlock(ctx); !isOnly(err, ErrUnknown) || !errors.Is(err, context.Canceled) {
			w.Errorf("got %v", err)
		}
		pass(time.Second)
		if g := w.grants("a")[0]; g.To.IsZero() {
			w.Error("it is still held")
		}
	})
}

func TestWhatWasLostIsReleasedOnce(t *testing.T) {
	for name, lose := range map[string]func(*lockWorld, *Lock){
		"zen-lead says so, and may wait until its work has ended": func(w *lockWorld, l *Lock) {
			w.locks.Take("here", "a")
			<-l.Done()
		},
		"the client concludes so": func(w *lockWorld, l *Lock) {
			w.locks.Refuse("here", "a", "Unavailable")
			<-l.Done()
		},
		"zen-lead says so when it is released": func(w *lockWorld, _ *Lock) {
			w.locks.Take("here", "a")
			w.hold(w.another(), "a")
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(func(c testserver.Call) error {
				if c.Name == "release" && c.IsDone && name == "zen-lead says so when it is released" {
					return testserver.Error("Lost", "somebody else holds it")
				}
				return nil
			}), func(w *lockWorld) {
				l := w.hold(w.client, "a")
				lose(w, l)
				if n := len(w.locks.Releases()); n != 0 {
					w.Errorf("%d releases before its work has ended", n)
				}
				for range 2 {
					if err := l.Unlock(w.Context()); err != nil && !isOnly(err, ErrLost) && !isOnly(err, ErrReleased) {
						w.Errorf("got %v", err)
					}
				}
				pass(time.Second)
				if n := len(w.locks.Releases()); n != 1 {
					w.Errorf("%d releases", n)
				}
			})
		})
	}
}

func TestAClientThatIsClosedHoldsNothing(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		c := w.another()
		l := w.hold(c, "a")
		if err := c.Close(); err != nil || !over(l, ErrUnknown) {
			w.Errorf("%v; %v", err, l.Err())
		}
		if err := l.Unlock(w.Context()); !isOnly(err, ErrUnknown) {
			w.Errorf("Unlock: %v", err)
		}
		pass(time.Minute)
		if n := len(w.locks.Renewals()) + len(w.locks.Releases()); n > 0 { // what it allowed may go on
			w.Errorf("%d requests", n)
		}
	})
}

func TestWithLock(t *testing.T) {
	mine := errors.New("the report failed")
	for name, test := range map[string]struct {
		between func(testserver.Call) error
		f       func(w *lockWorld, ctx context.Context, token int64) error
		// want are all in the error; none is no error.
		want []error
		// kept: it is not released.
		kept bool
	}{
		"it works": {f: func(w *lockWorld, ctx context.Context, token int64) error {
			if g := w.grants("a"); token != g[0].Token || !g[0].To.IsZero() || ctx.Err() != nil {
				w.Errorf("token %d of %v, %v", token, g, ctx.Err())
			}
			pass(time.Minute)
			return ctx.Err()
		}},
		"it fails": {
			f:    func(*lockWorld, context.Context, int64) error { return mine },
			want: []error{mine},
		},
		"it is lost meanwhile": {
			f: func(w *lockWorld, ctx context.Context, _ int64) error {
				w.locks.Take("here", "a")
				<-ctx.Done()
				if !isOnly(context.Cause(ctx), ErrLost) {
					w.Errorf("the cause is %v", context.Cause(ctx))
				}
				return mine
			},
			want: []error{mine, ErrLost}, kept: true,
		},
		"it is lost meanwhile, and does not notice": {
			f: func(w *lockWorld, _ context.Context, _ int64) error {
				w.locks.Take("here", "a")
				pass(time.Minute)
				return nil
			},
			want: []error{ErrLost}, kept: true,
		},
		"it is cut off": {
			between: silentFrom(1),
			f: func(w *lockWorld, ctx context.Context, _ int64) error {
				<-ctx.Done()
				if g := w.grants("a"); !g[0].To.IsZero() {
					w.Error("another may have begun")
				}
				return context.Cause(ctx)
			},
			want: []error{ErrLost},
		},
		"the release does not come through": {
			between: func(c testserver.Call) error {
				if c.Name == "release" {
					return cut
				}
				return nil
			},
			f: func(*lockWorld, context.Context, int64) error { return nil }, kept: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachLocked(t, calling(test.between), func(w *lockWorld) {
				began := time.Now()
				err := w.client.WithLock(w.Context(), "a", func(ctx context.Context, token int64) error { return test.f(w, ctx, token) })
				if (err == nil) != (len(test.want) == 0) {
					w.Errorf("got %v", err)
				}
				for _, want := range test.want {
					if !errors.Is(err, want) {
						w.Errorf("got %v", err)
					}
				}
				if test.between != nil && time.Since(began) > 16*time.Second {
					w.Errorf("it took %v", time.Since(began))
				}
				pass(time.Millisecond)
				if g := w.grants("a")[0]; g.To.IsZero() && !test.kept {
					w.Error("it is still held")
				}
			})
		})
	}
}

func TestWithLockReleasesWhateverHappens(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		ctx, cancel := context.WithCancel(w.Context())
		err := w.client.WithLock(ctx, "a", func(ctx context.Context, _ int64) error {
			cancel()
			<-ctx.Done()
			if g := w.grants("a"); !g[0].To.IsZero() {
				w.Error("it is released while the function runs")
			}
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) || w.grants("a")[0].To.IsZero() {
			w.Errorf("after ctx has ended: %v", err)
		}
		func() {
			defer func() {
				if said := fmt.Sprint(recover()); said != "no paper" {
					w.Error(said)
				}
			}()
			_ = w.client.WithLock(w.Context(), "a", func(context.Context, int64) error {
				panic("no paper") //nolint:forbidigo // which is what is to be seen through
			})
		}()
		if w.grants("a")[1].To.IsZero() {
			w.Error("it is held after a panic")
		}
	})
}

func TestWithLockRunsNothingWithoutTheLock(t *testing.T) {
	eachLocked(t, plain, func(w *lockWorld) {
		w.hold(w.another(), "a")
		for name, want := range map[string]error{"a": context.DeadlineExceeded, "none": ErrUnknownLock, "A": ErrInvalidArgument} {
			ctx, cancel := context.WithTimeout(w.Context(), time.Second)
			defer cancel()
			if err := w.client.WithLock(ctx, name, func(context.Context, int64) error {
				w.Error("it runs")
				return nil
			}); !errors.Is(err, want) {
				w.Errorf("%s: %v", name, err)
			}
		}
	})
}
