package zenlead

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

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
	moved, later, exclusive := led("a", 1), led("a", 1), led("a", 1)
	for _, s := range []*zenleadv1.LeaderState{moved, later, exclusive} {
		s.Leader.Ip = "10.1.2.4"
	}
	later.Since, exclusive.Since = &timestamppb.Timestamp{Seconds: 1}, &timestamppb.Timestamp{Seconds: 1}
	exclusive.Guarantee = "Exclusive"
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
		"what changes within a term, too": {
			scenes:  []scene{beats(event(led("a", 1), "r1"), event(moved, "r2"), event(later, "r3"), event(exclusive, "r4"), event(led("b", 2), "r5"))},
			want:    []string{"a in 1", "a in 1", "a in 1", "a in 1", "b in 2"},
			resumes: []string{""},
		},
		"a revision that a server of another version does not know": {
			scenes: []scene{
				sends(nil, event(led("a", 1), "r1")), sends(testserver.Error("InvalidArgument", "r1?")), beats(event(led("a", 1), "2:1"), event(led("b", 2), "2:2")),
			},
			want:    []string{"a in 1", "b in 2"},
			resumes: []string{"", "r1", ""},
		},
		"the state of another pool is left for another stream": {
			scenes: []scene{stays(event(pool("db", "x", 9), "r9")), beats(event(led("a", 1), "r1"))}, want: []string{"a in 1"}, resumes: []string{"", ""},
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
		"who was behind when it ended is no longer, unless it says so": {
			scenes:  []scene{sends(nil, event(led("b", 2), "r2")), sends(nil, event(led("a", 1), "r1")), beats()},
			want:    []string{"b in 2"},
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
		"a token that has expired time and again": {
			scenes: []scene{
				sends(testserver.Error("Unauthenticated", "old")), sends(nil, event(led("a", 1), "r1")),
				sends(testserver.Error("Unauthenticated", "old")), beats(event(led("b", 2), "r2")),
			},
			want:    []string{"a in 1", "b in 2"},
			resumes: []string{"", "", "r1", "r1"},
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

func TestAStateIsStaleWhereTheReplicaHasSaidSo(t *testing.T) {
	each(t, func(*testing.T) testserver.Answers {
		return testserver.Answers{Watch: (&play{scenes: []scene{sends(nil,
			event(led("a", 1), "r1"), heartbeat(0, true), event(led("b", 2), "r2"), heartbeat(0, false), event(led("c", 3), "r3")), stays()}}).watch}
	}, func(w *world) {
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		for s, err := range w.client.Watch(ctx, "web") {
			if err != nil || s.Stale != (s.Term == 2) {
				w.Errorf("%s: stale is %v, %v", brief(s), s.Stale, err)
			}
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
