package zenlead

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

func TestAGuardFailsClosed(t *testing.T) {
	mine := event(led("a", 1), "r1")
	aged := led("a", 1)
	aged.AgeMs = 14_000
	nameless := led("a", 1)
	nameless.Leader.Uid = ""
	// at is what the guard says so long after it was made.
	type at struct {
		after time.Duration
		term  int64
		err   error
	}
	for name, test := range map[string]struct {
		scenes []scene
		want   []at
		// streams is how many there are in the end, where that matters.
		streams int
	}{
		"it leads as long as heartbeats come": {
			scenes: []scene{beats(mine)}, streams: 1,
			want: []at{{time.Second, 1, nil}, {29 * time.Second, 1, nil}, {9 * time.Minute, 1, nil}},
		},
		"nothing has been heard yet": {
			scenes: []scene{stays()},
			want:   []at{{time.Second, 0, ErrUnavailable}},
		},
		"heartbeats before the state say nothing": {
			scenes: []scene{beats(heartbeat(0, false))},
			want:   []at{{time.Second, 0, ErrUnavailable}, {21 * time.Second, 0, ErrUnavailable}},
		},
		"silence, until another stream is heard": {
			scenes: []scene{stays(mine), beats(mine)},
			want:   []at{{14900 * time.Millisecond, 1, nil}, {15100 * time.Millisecond, 0, ErrStale}, {29 * time.Second, 0, ErrStale}, {31 * time.Second, 1, nil}},
		},
		"the age of what is said counts": {
			scenes: []scene{stays(event(aged, "r1"))},
			want:   []at{{900 * time.Millisecond, 1, nil}, {1100 * time.Millisecond, 0, ErrStale}},
		},
		"the age that a heartbeat states counts, too": {
			scenes: []scene{after(time.Second, stays(heartbeat(14_000, false)), mine)},
			want:   []at{{900 * time.Millisecond, 1, nil}, {1900 * time.Millisecond, 1, nil}, {2100 * time.Millisecond, 0, ErrStale}},
		},
		"an age from the future is none": {
			scenes: []scene{after(time.Second, stays(heartbeat(-60_000, false)), mine)},
			want:   []at{{15900 * time.Millisecond, 1, nil}, {16100 * time.Millisecond, 0, ErrStale}},
		},
		"an age that no clock can count": {
			scenes: []scene{after(time.Second, stays(heartbeat(1<<62, false)), mine)},
			want:   []at{{2 * time.Second, 0, ErrStale}},
		},
		"the replica has lost the API server, and found it again": {
			scenes: []scene{after(time.Second, after(time.Second, beats(heartbeat(0, false)), heartbeat(0, true)), mine)},
			want:   []at{{900 * time.Millisecond, 1, nil}, {1500 * time.Millisecond, 0, ErrStale}, {2500 * time.Millisecond, 1, nil}},
		},
		"a stale replica stays so on the next stream, until it says otherwise": {
			scenes: []scene{sends(nil, mine, heartbeat(0, true)), after(time.Second, stays(heartbeat(0, false)), event(led("a", 2), "r2"))},
			want:   []at{{900 * time.Millisecond, 0, ErrStale}, {1200 * time.Millisecond, 2, nil}},
		},
		"another leads": {
			scenes: []scene{after(time.Second, beats(event(led("b", 2), "r2")), mine)},
			want:   []at{{900 * time.Millisecond, 1, nil}, {1100 * time.Millisecond, 0, nil}},
		},
		"nobody leads any more": {
			scenes: []scene{after(time.Second, beats(event(led("", 1), "r2")), mine)},
			want:   []at{{900 * time.Millisecond, 1, nil}, {1100 * time.Millisecond, 0, nil}},
		},
		"it leads again, in another term": {
			scenes: []scene{after(time.Second, beats(event(led("b", 2), "r2"), event(led("a", 3), "r3")), mine)},
			want:   []at{{900 * time.Millisecond, 1, nil}, {1100 * time.Millisecond, 3, nil}},
		},
		"a leader whose UID is not known is another": {
			scenes: []scene{beats(event(nameless, "r1"))},
			want:   []at{{time.Second, 0, nil}},
		},
		"the signs of life of a replica that is behind do not count": {
			scenes: []scene{after(time.Second, beats(event(led("b", 0), "r0")), mine), stays()},
			want:   []at{{900 * time.Millisecond, 1, nil}, {14 * time.Second, 1, nil}, {16 * time.Second, 0, ErrStale}},
		},
		"what arrives after too long a silence says nothing about now": {
			scenes: []scene{after(20*time.Second, beats(heartbeat(0, false)), mine), stays()},
			want:   []at{{14 * time.Second, 1, nil}, {19 * time.Second, 0, ErrStale}, {21 * time.Second, 0, ErrStale}},
		},
		"the stream ends, and the next is there in time": {
			scenes: []scene{after(9*time.Second, sends(nil), mine), after(time.Second, beats(heartbeat(0, false)))},
			want:   []at{{9 * time.Second, 1, nil}, {12 * time.Second, 1, nil}, {time.Minute, 1, nil}},
		},
		"the pool is deleted": {
			scenes: []scene{sends(testserver.Error("UnknownPool", "gone"), mine)},
			want:   []at{{time.Second, 0, ErrUnknownPool}, {time.Hour, 0, ErrUnknownPool}},
		},
		"the right is taken away": {
			scenes: []scene{after(time.Second, sends(testserver.Error("Forbidden", "no")), mine)},
			want:   []at{{900 * time.Millisecond, 1, nil}, {1100 * time.Millisecond, 0, ErrForbidden}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var p *play
			each(t, func(*testing.T) testserver.Answers {
				p = &play{scenes: test.scenes}
				return testserver.Answers{Watch: p.watch}
			}, func(w *world) {
				began := time.Now()
				g, err := w.client.Guard(w.Context(), "web", "uid-of-a")
				if err != nil {
					w.Fatal(err)
				}
				for _, want := range test.want {
					<-time.After(want.after - time.Since(began))
					synctest.Wait()
					term, err := g.Term(), g.Err()
					if term != want.term || !errors.Is(err, want.err) || (err == nil) != (want.err == nil) {
						w.Errorf("after %v: term %d, %v", want.after, term, err)
					}
					if g.IsLeader() != (want.term != 0) {
						w.Errorf("after %v: IsLeader is %v", want.after, g.IsLeader())
					}
				}
				if resumes, _ := p.streams(); test.streams != 0 && len(resumes) != test.streams {
					w.Errorf("%d streams", len(resumes))
				}
			})
		})
	}
}

func TestAGuardTellsWhatBecameOfTheStream(t *testing.T) {
	for name, test := range map[string]struct {
		scenes []scene
		want   string
	}{
		"it ended": {
			[]scene{sends(nil, event(led("a", 1), "r1")), stays()},
			"guard the lead of here/web: stale: nothing was heard for 15s: unavailable: the stream ended",
		},
		"it was refused": {
			[]scene{sends(testserver.Error("TooManyRequests", "slow down"))},
			"guard the lead of here/web: unavailable: nothing was heard of the pool yet: too many requests: zen-lead answers TooManyRequests: slow down",
		},
		"it was silent": {
			[]scene{stays(event(led("a", 1), "r1"))},
			"guard the lead of here/web: stale: nothing was heard for 15s",
		},
		"it was refused, and is heard again, and is silent": {
			[]scene{sends(testserver.Error("TooManyRequests", "slow down")), stays(event(led("a", 1), "r1"))},
			"guard the lead of here/web: stale: nothing was heard for 15s",
		},
		"it brought something too late": {
			[]scene{after(20*time.Second, beats(heartbeat(0, false)), event(led("a", 1), "r1")), stays()},
			"guard the lead of here/web: stale: nothing was heard for 15s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(*testing.T) testserver.Answers {
				return testserver.Answers{Watch: (&play{scenes: test.scenes}).watch}
			}, func(w *world) {
				g, err := w.client.Guard(w.Context(), "web", "uid-of-a")
				if err != nil {
					w.Fatal(err)
				}
				<-time.After(25 * time.Second)
				if err := g.Err(); err == nil || err.Error() != test.want {
					w.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestAGuardEnds(t *testing.T) {
	because := errors.New("the program ends")
	for name, test := range map[string]struct {
		end  func(*world, context.CancelCauseFunc)
		want error
	}{
		"with its context":    {func(_ *world, cancel context.CancelCauseFunc) { cancel(because) }, because},
		"with the client":     {func(w *world, _ context.CancelCauseFunc) { _ = w.client.Close() }, errClosed},
		"with another client": {func(w *world, _ context.CancelCauseFunc) { _ = w.client.Namespace("there").Close() }, errClosed},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(*testing.T) testserver.Answers {
				return testserver.Answers{Watch: (&play{scenes: []scene{beats(event(led("a", 1), "r1"))}}).watch}
			}, func(w *world) {
				ctx, cancel := context.WithCancelCause(w.Context())
				defer cancel(nil)
				g, err := w.client.Guard(ctx, "web", "uid-of-a")
				if err != nil {
					w.Fatal(err)
				}
				if synctest.Wait(); !g.IsLeader() {
					w.Fatal("it does not lead")
				}
				test.end(w, cancel)
				// At once, and not when the stream has noticed.
				if g.IsLeader() || !errors.Is(g.Err(), test.want) {
					w.Errorf("it leads: %v, %v", g.IsLeader(), g.Err())
				}
				if synctest.Wait(); g.IsLeader() || !errors.Is(g.Err(), test.want) {
					w.Errorf("in the end it leads: %v, %v", g.IsLeader(), g.Err())
				}
			})
		})
	}
}

func TestAGuardKnowsWhatOtherCallsHaveSeen(t *testing.T) {
	each(t, func(*testing.T) testserver.Answers {
		return testserver.Answers{
			Watch: (&play{scenes: []scene{beats(event(led("a", 1), "r1"))}}).watch,
			Leader: func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
				return &zenleadv1.GetLeaderResponse{State: led("b", 2)}, nil
			},
		}
	}, func(w *world) {
		g, err := w.client.Guard(w.Context(), "web", "uid-of-a")
		if err != nil {
			w.Fatal(err)
		}
		if synctest.Wait(); !g.IsLeader() {
			w.Fatal("it does not lead")
		}
		if _, err := w.client.Leader(w.Context(), "web"); err != nil {
			w.Fatal(err)
		}
		if g.IsLeader() || !errors.Is(g.Err(), ErrStale) {
			w.Errorf("it leads: %v, %v", g.IsLeader(), g.Err())
		}
	})
}

func TestAGuardTakesAUID(t *testing.T) {
	each(t, always(testserver.Answers{}), func(w *world) {
		for _, args := range [][2]string{{"web", ""}, {"", "uid-of-a"}} {
			if g, err := w.client.Guard(w.Context(), args[0], args[1]); g != nil || !errors.Is(err, ErrInvalidArgument) {
				w.Errorf("Guard(%q, %q) is %v, %v", args[0], args[1], g, err)
			}
		}
	})
}

func TestATimeThatOneClockAloneSaysIsOver(t *testing.T) {
	for name, pass := range map[string]func(instant) instant{
		"the machine was suspended: the monotonic clock stood still": func(i instant) instant {
			i.wall = i.wall.Add(16 * time.Second)
			return i
		},
		"the time of day was set back": func(i instant) instant {
			return instant{mono: i.mono + 16*time.Second, wall: i.wall.Add(-time.Hour)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(*testing.T) testserver.Answers {
				return testserver.Answers{Watch: (&play{scenes: []scene{beats(event(led("a", 1), "r1"))}}).watch}
			}, func(w *world) {
				g, err := w.client.Guard(w.Context(), "web", "uid-of-a")
				if err != nil {
					w.Fatal(err)
				}
				if synctest.Wait(); !g.IsLeader() {
					w.Fatal("it does not lead")
				}
				w.client.shared.now = func() instant { return pass(machineClock()) }
				if g.IsLeader() || !errors.Is(g.Err(), ErrStale) {
					w.Errorf("it leads: %v, %v", g.IsLeader(), g.Err())
				}
			})
		})
	}
}
