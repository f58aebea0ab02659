package zenlead

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// scene is what one stream does; it may wait for ctx to end.
type scene func(ctx context.Context, send testserver.Send) error

// play answers one watch after the other by the scenes, the last of which is repeated.
type play struct {
	scenes []scene

	mu sync.Mutex
	// resumes and opened are of each stream.
	resumes []string
	opened  []time.Time
}

func (p *play) watch(ctx context.Context, r *zenleadv1.WatchLeaderRequest, send testserver.Send) error {
	p.mu.Lock()
	n := min(len(p.opened), len(p.scenes)-1)
	p.resumes, p.opened = append(p.resumes, r.GetResume()), append(p.opened, time.Now())
	p.mu.Unlock()
	return p.scenes[n](ctx, send)
}

func (p *play) streams() (resumes []string, opened []time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resumes, p.opened
}

// sends is a stream that sends something and ends, with an error if there is one.
func sends(err error, events ...*zenleadv1.WatchLeaderResponse) scene {
	return func(_ context.Context, send testserver.Send) error {
		for _, e := range events {
			if err := send(e); err != nil {
				return err
			}
		}
		return err
	}
}

// stays is a stream that sends something, and then nothing any more.
func stays(events ...*zenleadv1.WatchLeaderResponse) scene {
	return func(ctx context.Context, send testserver.Send) error {
		err := sends(nil, events...)(ctx, send)
		<-ctx.Done()
		return err
	}
}

// beats is a stream that sends something, and then heartbeats.
func beats(events ...*zenleadv1.WatchLeaderResponse) scene {
	return func(ctx context.Context, send testserver.Send) error {
		for err := sends(nil, events...)(ctx, send); err == nil; err = send(heartbeat(100, false)) {
			select {
			case <-time.After(10 * time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
}

// watched is what a watch of web yields in a time, and the error it ends with.
func (w *world) watched(d time.Duration) (got []string, err error) {
	ctx, cancel := context.WithTimeout(w.Context(), d)
	defer cancel()
	for s, err := range w.client.Watch(ctx, "web") {
		if err != nil {
			got = append(got, "error")
			return got, err
		}
		got = append(got, brief(s))
	}
	return got, nil
}

func TestWhatAWatchYields(t *testing.T) {
	for name, test := range map[string]struct {
		scenes []scene
		want   []string
		// resumes is what each stream is asked to resume.
		resumes []string
		err     error
	}{
		"the state, and then each change": {
			scenes:  []scene{beats(event(led("a", 1), "r1"), event(led("", 1), "r2"), event(led("b", 2), "r3"))},
			want:    []string{"a in 1", "nobody in 1", "b in 2"},
			resumes: []string{""},
		},
		"it resumes with the last revision": {
			scenes:  []scene{sends(nil, event(led("a", 1), "r1"), event(led("b", 2), "r2")), beats(event(led("c", 3), "r3"))},
			want:    []string{"a in 1", "b in 2", "c in 3"},
			resumes: []string{"", "r2"},
		},
		"nothing twice, also if it is sent again": {
			scenes: []scene{
				sends(nil, event(led("a", 1), "r1")), sends(nil, event(led("a", 1), "r2")), beats(event(led("b", 2), "r3"), event(led("b", 2), "r3")),
			},
			want:    []string{"a in 1", "b in 2"},
			resumes: []string{"", "r1", "r2"},
		},
		"a replica that is behind, and catches up": {
			scenes: []scene{
				sends(nil, event(led("b", 2), "r2")), beats(event(led("a", 1), "r1"), event(led("b", 2), "r2"), event(led("c", 3), "r3")),
			},
			want:    []string{"b in 2", "c in 3"},
			resumes: []string{"", "r2"},
		},
		"a replica that stays behind is left for another": {
			scenes: []scene{
				sends(nil, event(led("b", 2), "r2")), beats(event(led("a", 1), "r1")), beats(event(led("c", 3), "r3")),
			},
			want:    []string{"b in 2", "c in 3"},
			resumes: []string{"", "r2", "r2"},
		},
		"a stream that is silent is left for another": {
			scenes:  []scene{stays(event(led("a", 1), "r1")), beats(event(led("b", 2), "r2"))},
			want:    []string{"a in 1", "b in 2"},
			resumes: []string{"", "r1"},
		},
		"a stream that never says anything is left for another": {
			scenes:  []scene{stays(), beats(event(led("a", 1), "r1"))},
			want:    []string{"a in 1"},
			resumes: []string{"", ""},
		},
		"replicas that end, have lost the API server, or are asked too often": {
			scenes: []scene{
				sends(testserver.Error("Draining", "ending"), event(led("a", 1), "r1")), sends(testserver.Error("Stale", "old")),
				sends(testserver.Error("TooManyRequests", "slow")), sends(testserver.Error("SlowReader", "slow"), event(led("b", 2), "r2")),
				sends(testserver.Error("Novel", "?")), beats(event(led("c", 3), "r3")),
			},
			want:    []string{"a in 1", "b in 2", "c in 3"},
			resumes: []string{"", "r1", "r1", "r1", "r2", "r2"},
		},
		"an error of something on the way": {
			scenes:  []scene{sends(errors.New("bad gateway")), beats(event(led("a", 1), "r1"))},
			want:    []string{"a in 1"},
			resumes: []string{"", ""},
		},
		"a pool that there is not ends it": {
			scenes: []scene{sends(testserver.Error("UnknownPool", "none"))}, want: []string{"error"}, resumes: []string{""}, err: ErrUnknownPool,
		},
		"a pool that is deleted ends it": {
			scenes: []scene{sends(testserver.Error("UnknownPool", "gone"), event(led("a", 1), "r1"))},
			want:   []string{"a in 1", "error"}, resumes: []string{""}, err: ErrUnknownPool,
		},
		"a right that is missing ends it": {
			scenes: []scene{sends(testserver.Error("Forbidden", "no"))}, want: []string{"error"}, resumes: []string{""}, err: ErrForbidden,
		},
		"a wrong question ends it": {
			scenes: []scene{sends(testserver.Error("InvalidArgument", "no"))}, want: []string{"error"}, resumes: []string{""}, err: ErrInvalidArgument,
		},
		"a token that has expired is read again": {
			scenes:  []scene{sends(testserver.Error("Unauthenticated", "old")), beats(event(led("a", 1), "r1"))},
			want:    []string{"a in 1"},
			resumes: []string{"", ""},
		},
		"a token that was read again in vain ends it": {
			scenes: []scene{sends(testserver.Error("Unauthenticated", "old"))}, want: []string{"error"}, resumes: []string{"", ""}, err: ErrUnauthenticated,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var p *play
			each(t, func(*testing.T) testserver.Answers {
				p = &play{scenes: test.scenes}
				return testserver.Answers{Watch: p.watch}
			}, func(w *world) {
				got, err := w.watched(5 * time.Minute)
				if !reflect.DeepEqual(got, test.want) || !errors.Is(err, test.err) {
					w.Errorf("got %q, %v", got, err)
				}
				if resumes, _ := p.streams(); !reflect.DeepEqual(resumes, test.resumes) {
					w.Errorf("resumed %q", resumes)
				}
			})
		})
	}
}

func TestAFixedTokenIsNotTriedAgain(t *testing.T) {
	var p *play
	each(t, func(*testing.T) testserver.Answers {
		p = &play{scenes: []scene{sends(testserver.Error("Unauthenticated", "old"))}}
		return testserver.Answers{Watch: p.watch}
	}, func(w *world) {
		w.client = w.connect(WithToken("t"), WithCAFile(w.ca))
		_, err := w.watched(time.Minute)
		if resumes, _ := p.streams(); !errors.Is(err, ErrUnauthenticated) || len(resumes) != 1 {
			w.Errorf("got %v after %d streams", err, len(resumes))
		}
	})
}

func TestAWatchKnowsWhatOtherCallsHaveSeen(t *testing.T) {
	var p *play
	each(t, func(*testing.T) testserver.Answers {
		p = &play{scenes: []scene{beats(event(led("a", 1), "r1")), beats(event(led("b", 2), "r2"))}}
		return testserver.Answers{
			Watch: p.watch,
			Leader: func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
				return &zenleadv1.GetLeaderResponse{State: led("b", 2)}, nil
			},
		}
	}, func(w *world) {
		if _, err := w.client.Leader(w.Context(), "web"); err != nil {
			w.Fatal(err)
		}
		if got, err := w.watched(time.Minute); err != nil || !reflect.DeepEqual(got, []string{"b in 2"}) {
			w.Errorf("got %q, %v", got, err)
		}
	})
}

func TestASilentStreamIsLeftAfterThreeHeartbeats(t *testing.T) {
	for name, test := range map[string]struct {
		first  scene
		within [2]time.Duration
	}{
		"that never said anything": {stays(), [2]time.Duration{30 * time.Second, 31 * time.Second}},
		"that has said something": {func(ctx context.Context, send testserver.Send) error {
			<-time.After(20 * time.Second)
			return stays(heartbeat(0, false))(ctx, send)
		}, [2]time.Duration{50 * time.Second, 51 * time.Second}},
		"but not one that beats": {beats(event(led("a", 1), "r1")), [2]time.Duration{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var p *play
			each(t, func(*testing.T) testserver.Answers {
				p = &play{scenes: []scene{test.first, beats()}}
				return testserver.Answers{Watch: p.watch}
			}, func(w *world) {
				_, _ = w.watched(10 * time.Minute)
				_, opened := p.streams()
				var left time.Duration
				if len(opened) > 1 {
					left = opened[1].Sub(opened[0])
				}
				if left < test.within[0] || left > test.within[1] {
					w.Errorf("left after %v", left)
				}
			})
		})
	}
}

func TestALoopMayTakeItsTime(t *testing.T) {
	var p *play
	each(t, func(*testing.T) testserver.Answers {
		p = &play{scenes: []scene{beats(event(led("a", 1), "r1"), event(led("b", 2), "r2"))}}
		return testserver.Answers{Watch: p.watch}
	}, func(w *world) {
		ctx, cancel := context.WithTimeout(w.Context(), 5*time.Minute)
		defer cancel()
		for _, err := range w.client.Watch(ctx, "web") {
			if err != nil {
				w.Error(err)
			}
			<-time.After(2 * time.Minute)
		}
		if resumes, _ := p.streams(); len(resumes) != 1 {
			w.Errorf("%d streams", len(resumes))
		}
	})
}

func TestReconnectingWaitsLongerAndLonger(t *testing.T) {
	var p *play
	each(t, func(*testing.T) testserver.Answers {
		gone := sends(testserver.Error("Unavailable", "no"))
		scenes := make([]scene, 0, 22)
		for range 20 {
			scenes = append(scenes, gone)
		}
		scenes = append(scenes, func(_ context.Context, send testserver.Send) error {
			err := send(event(led("a", 1), "r1"))
			<-time.After(20 * time.Second)
			return err
		})
		p = &play{scenes: append(scenes, beats())}
		return testserver.Answers{Watch: p.watch}
	}, func(w *world) {
		_, _ = w.watched(10 * time.Minute)
		_, opened := p.streams()
		if len(opened) != 22 {
			w.Fatalf("%d streams", len(opened))
		}
		most := 100 * time.Millisecond
		for i := range 20 {
			if got := opened[i+1].Sub(opened[i]); got < most/2 || got > most {
				w.Errorf("after %d failures it waited %v", i+1, got)
			}
			most = min(2*most, 10*time.Second)
		}
		if got := opened[21].Sub(opened[20]); got > 20*time.Second+100*time.Millisecond {
			w.Errorf("after a success it waited %v", got-20*time.Second)
		}
	})
}

func TestHowAWatchEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*world, context.CancelFunc)
		want error
	}{
		"it just stops with the context":             {func(_ *world, cancel context.CancelFunc) { cancel() }, nil},
		"it yields an error if the client is closed": {func(w *world, _ context.CancelFunc) { _ = w.client.Close() }, errClosed},
	} {
		t.Run(name, func(t *testing.T) {
			var p *play
			each(t, func(*testing.T) testserver.Answers {
				p = &play{scenes: []scene{beats(event(led("a", 1), "r1"))}}
				return testserver.Answers{Watch: p.watch}
			}, func(w *world) {
				ctx, cancel := context.WithCancel(w.Context())
				defer cancel()
				time.AfterFunc(time.Minute, func() { test.end(w, cancel) })
				var got error
				for _, err := range w.client.Watch(ctx, "web") {
					got = err
				}
				if !errors.Is(got, test.want) || test.want == nil && got != nil {
					w.Errorf("got %v", got)
				}
			})
		})
	}
}

func TestALoopThatIsLeftEndsTheStream(t *testing.T) {
	ended := make(chan struct{})
	each(t, func(*testing.T) testserver.Answers {
		ended = make(chan struct{})
		return testserver.Answers{Watch: func(ctx context.Context, _ *zenleadv1.WatchLeaderRequest, send testserver.Send) error {
			defer close(ended)
			return stays(event(led("a", 1), "r1"))(ctx, send)
		}}
	}, func(w *world) {
		for _, err := range w.client.Watch(w.Context(), "web") {
			if err != nil {
				w.Error(err)
			}
			break
		}
		select {
		case <-ended:
		case <-time.After(time.Second):
			w.Error("the stream is still open")
		}
	})
}
