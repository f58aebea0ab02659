package api

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"k8s.io/apimachinery/pkg/types"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
)

func incoming(ctx context.Context, token string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer "+token))
}

var errAway = &net.OpError{Op: "dial", Err: errors.New("connection refused")}

func TestWhatIsRememberedOfCallers(t *testing.T) {
	type step struct {
		after  time.Duration
		change func(*judge)
		verb   verb
		token  string
		want   codes.Code
		asked  int // how often the API server was asked by then
	}
	away := func(j *judge) { j.away = errAway }
	back := func(j *judge) { j.away = nil }
	deny := func(j *judge) { j.denied["get"] = true }
	for name, steps := range map[string][]step{
		"a grant for ten seconds": {
			{verb: get, token: "good", want: codes.OK, asked: 1},
			{after: 9 * time.Second, change: deny, verb: get, token: "good", want: codes.OK, asked: 1},
			{after: 2 * time.Second, verb: get, token: "good", want: codes.PermissionDenied, asked: 2},
		},
		"no refusal": {
			{change: deny, verb: get, token: "good", want: codes.PermissionDenied, asked: 1},
			{change: func(j *judge) { j.denied["get"] = false }, verb: get, token: "good", want: codes.OK, asked: 2},
		},
		"a grant for ten minutes while the API server is away": {
			{verb: get, token: "good", want: codes.OK, asked: 1},
			{after: 9 * time.Minute, change: away, verb: get, token: "good", want: codes.OK, asked: 2},
			{after: 2 * time.Minute, verb: get, token: "good", want: codes.Unavailable, asked: 3},
		},
		"not a grant of another token": {
			{verb: get, token: "good", want: codes.OK, asked: 1},
			{change: away, verb: get, token: "good2", want: codes.Unavailable, asked: 2},
		},
		"not a grant for something else": {
			{verb: get, token: "good", want: codes.OK, asked: 1},
			{change: away, verb: watch, token: "good", want: codes.Unavailable, asked: 2},
		},
		"not a grant to move the lead, while the API server is away": {
			{verb: update, token: "good", want: codes.OK, asked: 1},
			{after: 11 * time.Second, change: away, verb: update, token: "good", want: codes.Unavailable, asked: 2},
		},
		"not a grant that was taken back": {
			{verb: get, token: "good", want: codes.OK, asked: 1},
			{after: 11 * time.Second, change: deny, verb: get, token: "good", want: codes.PermissionDenied, asked: 2},
			{change: away, verb: get, token: "good", want: codes.Unavailable, asked: 3},
		},
		"a grant that was renewed": {
			{verb: get, token: "good", want: codes.OK, asked: 1},
			{after: 11 * time.Second, verb: get, token: "good", want: codes.OK, asked: 2},
			{after: 9*time.Minute + 55*time.Second, change: away, verb: get, token: "good", want: codes.OK, asked: 3},
			{change: back, verb: get, token: "good", want: codes.OK, asked: 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &judge{denied: map[string]bool{}}
				a := &access{tokens: j, rights: j, now: time.Now, decided: utilcache.NewLRUExpireCache(8)}
				for i, s := range steps {
					time.Sleep(s.after)
					if s.change != nil {
						s.change(j)
					}
					_, err := a.admit(incoming(t.Context(), s.token), s.verb, web)
					got := codes.OK
					var f *failure
					if errors.As(err, &f) {
						got = f.code
					}
					if got != s.want || j.asked != s.asked {
						t.Errorf("step %d: %v (%v), and the API server was asked %d times; want %v and %d", i, got, err, j.asked, s.want, s.asked)
					}
				}
			})
		})
	}
}

func TestWhoAsksTooMuch(t *testing.T) { synctest.Test(t, whoAsksTooMuch) }

func whoAsksTooMuch(t *testing.T) {
	c := newCallers()
	for range requestsAtOnce {
		if err := c.request("ann"); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.request("ann"); failureOf(err).reason != reasonTooMany {
		t.Errorf("one more: %v", err)
	}
	if err := c.request("bob"); err != nil {
		t.Errorf("another caller: %v", err)
	}
	var ends []func()
	for range streamsAtOnce {
		end, err := c.stream("ann")
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	if _, err := c.stream("ann"); failureOf(err).reason != reasonTooMany {
		t.Errorf("one stream more: %v", err)
	}
	ends[0]()
	if _, err := c.stream("ann"); err != nil {
		t.Errorf("after one ended: %v", err)
	}
}

func TestWhatIsAsked(t *testing.T) {
	for name, tc := range map[string]struct {
		pool types.NamespacedName
		want string
	}{
		"one pool":           {web, `leaderpolicies "web" in namespace "default"`},
		"those of one place": {types.NamespacedName{Namespace: "shop"}, `leaderpolicies in namespace "shop"`},
		"all":                {types.NamespacedName{}, "leaderpolicies in all namespaces"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := object(tc.pool); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}
