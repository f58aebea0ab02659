package zenlead

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

func TestAnAnswerHasAllThatWasSent(t *testing.T) {
	for name, test := range map[string]struct {
		sent *zenleadv1.GetLeaderResponse
		want State
	}{
		"a pool that has a leader": {
			sent: &zenleadv1.GetLeaderResponse{State: led("web-0", 440), Revision: "7"},
			want: State{
				Pool: "web", Namespace: "here", Leader: &Leader{Name: "web-0", UID: "uid-of-web-0", IP: "10.1.2.3", Node: "node-1"},
				Term: 440, Since: time.Unix(1_700_000_440, 0).UTC(), Guarantee: "Advisory",
			},
		},
		"a pool that nobody leads, and nobody ever did": {
			sent: &zenleadv1.GetLeaderResponse{State: &zenleadv1.LeaderState{Pool: "web", Namespace: "here", Guarantee: "Exclusive"}},
			want: State{Pool: "web", Namespace: "here", Guarantee: "Exclusive"},
		},
		"a term that no float has exactly, from a replica that has lost the API server": {
			sent: &zenleadv1.GetLeaderResponse{State: &zenleadv1.LeaderState{Pool: "web", Namespace: "here", Term: 1<<53 - 1, AgeMs: 61_500}, Stale: true},
			want: State{Pool: "web", Namespace: "here", Term: 1<<53 - 1, Age: 61500 * time.Millisecond, Stale: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, always(testserver.Answers{
				Leader: func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
					return test.sent, nil
				},
			}), func(w *world) {
				if got, err := w.client.Leader(w.Context(), "web"); err != nil || !reflect.DeepEqual(got, test.want) {
					w.Errorf("got %+v, %v; want %+v", got, err, test.want)
				}
			})
		})
	}
}

func TestAnAnswerIsAsOldAsItsWayWasLong(t *testing.T) {
	each(t, always(testserver.Answers{
		Leader: func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
			<-time.After(3 * time.Second)
			s := led("web-0", 440)
			s.AgeMs = 500
			return &zenleadv1.GetLeaderResponse{State: s}, nil
		},
		Pools: func(*zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
			<-time.After(3 * time.Second)
			s := led("web-0", 440)
			s.AgeMs = 500
			return &zenleadv1.ListPoolsResponse{Pools: []*zenleadv1.LeaderState{s}}, nil
		},
	}), func(w *world) {
		if got, err := w.client.Leader(w.Context(), "web"); err != nil || got.Age != 3500*time.Millisecond {
			w.Errorf("Leader: the age is %v, %v", got.Age, err)
		}
		for got, err := range w.client.Pools(w.Context()) {
			if err != nil || got.Age != 3500*time.Millisecond {
				w.Errorf("Pools: the age is %v, %v", got.Age, err)
			}
		}
	})
}

func TestWhatIsAsked(t *testing.T) {
	var asked []*zenleadv1.GetLeaderRequest
	each(t, func(*testing.T) testserver.Answers {
		asked = nil
		return testserver.Answers{Leader: func(_ context.Context, r *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
			asked = append(asked, r)
			s := led("web-0", 440)
			s.Namespace = r.GetNamespace()
			return &zenleadv1.GetLeaderResponse{State: s}, nil
		}}
	}, func(w *world) {
		other := w.client.Namespace("there")
		for _, ask := range []func() (State, error){
			func() (State, error) { return w.client.Leader(w.Context(), "web") },
			func() (State, error) { return w.client.Leader(w.Context(), "web", Strong) },
			func() (State, error) { return other.Leader(w.Context(), "web") },
		} {
			if _, err := ask(); err != nil {
				w.Fatal(err)
			}
		}
		want := []struct {
			namespace, consistency string
			minTerm                int64
		}{{"here", "", 0}, {"here", "strong", 440}, {"there", "", 0}}
		for i, r := range asked {
			got := want[i]
			got.namespace, got.consistency, got.minTerm = r.GetNamespace(), r.GetConsistency(), r.GetMinTerm()
			if got != want[i] || r.GetPool() != "web" {
				w.Errorf("question %d is %v, want %v", i, got, want[i])
			}
		}
	})
}

func TestNoCallGoesBackToAnOlderTerm(t *testing.T) {
	for name, test := range map[string]struct {
		// terms are what the replicas answer, one after the other.
		terms []int64
		want  string
		stale bool
	}{
		"a replica that is behind is asked again":            {terms: []int64{440, 430, 441}, want: "web-0 in 441"},
		"one that stays behind is an error":                  {terms: []int64{440, 430, 430}, stale: true},
		"the same term again is no going back":               {terms: []int64{440, 440}, want: "web-0 in 440"},
		"who says nothing of a term is behind all who do so": {terms: []int64{440, 0, 0}, stale: true},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(*testing.T) testserver.Answers {
				left := test.terms
				return testserver.Answers{Leader: func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
					term := left[0]
					left = left[1:]
					return &zenleadv1.GetLeaderResponse{State: led("web-0", term)}, nil
				}}
			}, func(w *world) {
				if _, err := w.client.Leader(w.Context(), "web"); err != nil {
					w.Fatal(err)
				}
				got, err := w.client.Leader(w.Context(), "web")
				if errors.Is(err, ErrStale) != test.stale || !test.stale && (err != nil || brief(got) != test.want) {
					w.Errorf("got %s, %v", brief(got), err)
				}
				if _, said := errors.AsType[*Error](err); said {
					w.Error("it seems that the server said so")
				}
			})
		})
	}
}

func TestAnAnswerOfAnotherPoolIsNone(t *testing.T) {
	elsewhere := led("web-0", 440)
	elsewhere.Namespace = "there"
	for name, answer := range map[string]*zenleadv1.LeaderState{
		"another name": pool("db", "db-0", 440), "another namespace": elsewhere, "nothing at all": {},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, always(testserver.Answers{
				Leader: func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
					return &zenleadv1.GetLeaderResponse{State: answer}, nil
				},
			}), func(w *world) {
				if got, err := w.client.Leader(w.Context(), "web"); !isOnly(err, ErrUnavailable) || got != (State{}) {
					w.Errorf("got %+v, %v", got, err)
				}
			})
		})
	}
}

func TestAllPagesAreListed(t *testing.T) {
	for name, test := range map[string]struct {
		list      func(*Client, context.Context) func(func(State, error) bool)
		namespace string
	}{
		"of the namespace": {
			list: func(c *Client, ctx context.Context) func(func(State, error) bool) { return c.Pools(ctx) }, namespace: "here",
		},
		"of all namespaces": {
			list: func(c *Client, ctx context.Context) func(func(State, error) bool) { return c.AllPools(ctx) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			pages := map[string]*zenleadv1.ListPoolsResponse{
				"":       {Pools: []*zenleadv1.LeaderState{pool("a", "web-0", 1), pool("b", "", 2)}, NextPageToken: "page/2"},
				"page/2": {NextPageToken: "page=3"},
				"page=3": {Pools: []*zenleadv1.LeaderState{pool("c", "web-2", 3)}, Stale: true},
			}
			each(t, func(t *testing.T) testserver.Answers {
				return testserver.Answers{Pools: func(r *zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
					if r.GetNamespace() != test.namespace {
						t.Errorf("asked for namespace %q", r.GetNamespace())
					}
					return pages[r.GetPageToken()], nil
				}}
			}, func(w *world) {
				var got []string
				for s, err := range test.list(w.client, w.Context()) {
					if err != nil {
						w.Fatal(err)
					}
					if s.Stale != (s.Pool == "c") {
						w.Errorf("%s is stale: %v", s.Pool, s.Stale)
					}
					got = append(got, s.Pool+": "+brief(s))
				}
				if want := []string{"a: web-0 in 1", "b: nobody in 2", "c: web-2 in 3"}; !reflect.DeepEqual(got, want) {
					w.Errorf("got %q", got)
				}
			})
		})
	}
}

func TestAListGoesBackToNoOlderTerm(t *testing.T) {
	each(t, always(testserver.Answers{
		Leader: func(_ context.Context, r *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
			if r.GetPool() == "deleted" && r.GetMinTerm() > 0 {
				return nil, testserver.Error("UnknownPool", "it is gone")
			}
			return &zenleadv1.GetLeaderResponse{State: pool(r.GetPool(), "web-0", 440)}, nil
		},
		Pools: func(*zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
			return &zenleadv1.ListPoolsResponse{Pools: []*zenleadv1.LeaderState{
				pool("behind", "web-9", 430), pool("deleted", "web-9", 430), pool("unseen", "web-9", 430),
			}}, nil
		},
	}), func(w *world) {
		for _, seen := range []string{"behind", "deleted"} {
			if _, err := w.client.Leader(w.Context(), seen); err != nil {
				w.Fatal(err)
			}
		}
		var got []string
		for s, err := range w.client.Pools(w.Context()) {
			if err != nil {
				w.Fatal(err)
			}
			got = append(got, s.Pool+": "+brief(s))
		}
		if want := []string{"behind: web-0 in 440", "unseen: web-9 in 430"}; !reflect.DeepEqual(got, want) {
			w.Errorf("got %q", got)
		}
	})
}

func TestAListEndsWithAnError(t *testing.T) {
	each(t, always(testserver.Answers{
		Pools: func(r *zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
			if r.GetPageToken() != "" {
				return nil, testserver.Error("Forbidden", "not any more")
			}
			return &zenleadv1.ListPoolsResponse{Pools: []*zenleadv1.LeaderState{pool("a", "web-0", 1)}, NextPageToken: "2"}, nil
		},
	}), func(w *world) {
		var got []error
		for _, err := range w.client.Pools(w.Context()) {
			got = append(got, err)
		}
		if len(got) != 2 || got[0] != nil || !errors.Is(got[1], ErrForbidden) {
			w.Errorf("got %v", got)
		}
	})
}

// pool is led for a pool of another name.
func pool(name, pod string, term int64) *zenleadv1.LeaderState {
	s := led(pod, term)
	s.Pool = name
	return s
}
