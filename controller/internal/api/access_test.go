package api

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"
)

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
			{after: 6 * time.Second, change: deny, verb: get, token: "good", want: codes.OK, asked: 1},
			{after: 5 * time.Second, verb: get, token: "good", want: codes.PermissionDenied, asked: 2},
		},
		"a grant that is asked for anew before it ends, while its caller goes on": {
			{verb: get, token: "good", want: codes.OK, asked: 1},
			{after: 8 * time.Second, verb: get, token: "good", want: codes.OK, asked: 2},
			{after: 6 * time.Second, verb: get, token: "good", want: codes.OK, asked: 2},
		},
		"not a grant that was found to be taken back meanwhile": {
			{verb: get, token: "good", want: codes.OK, asked: 1},
			{after: 8 * time.Second, change: deny, verb: get, token: "good", want: codes.OK, asked: 2},
			{verb: get, token: "good", want: codes.PermissionDenied, asked: 3},
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
				a := newJudge(j, j)
				for i, s := range steps {
					time.Sleep(s.after)
					if s.change != nil {
						s.change(j)
					}
					_, err := a.admit(t.Context(), "Bearer "+s.token, s.verb, web)
					synctest.Wait()
					got := codes.OK
					if f, ok := errors.AsType[*failure](err); ok {
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

func TestStrangersDoNotKeepOthersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &judge{denied: map[string]bool{}}
		a := newJudge(j, j)
		if _, err := a.admit(t.Context(), "Bearer good", get, web); err != nil {
			t.Fatal(err)
		}
		var strangers sync.WaitGroup
		var refused atomic.Int64
		began := time.Now()
		for i := range 10 * strangersAtOnce {
			strangers.Go(func() {
				if _, err := a.admit(t.Context(), "Bearer bad"+strconv.Itoa(i), get, web); failureOf(err).reason == reasonTooMany {
					refused.Add(1)
				}
			})
		}
		if _, err := a.admit(t.Context(), "Bearer good", watch, web); err != nil || time.Since(began) > 0 {
			t.Errorf("who is known waited %v: %v", time.Since(began), err)
		}
		strangers.Wait()
		most := strangersAtOnce + int(reviewTimeout/time.Second)*strangersPerSecond
		if n := int(refused.Load()); n < 10*strangersAtOnce-most || j.asked > most+3 {
			t.Errorf("the API server was asked %d times, %d strangers were put off", j.asked, n)
		}
	})
}

func TestARefusalIsARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newQuietRig()
		r.judge.denied["acquire"] = true
		if _, err := r.s.admit(t.Context(), "Bearer good", get, web); err != nil {
			t.Fatal(err)
		}
		before, last := r.judge.asked, error(nil)
		for i := range 2 * requestsAtOnce {
			name := types.NamespacedName{Namespace: "shop", Name: strconv.Itoa(i)}
			_, last = r.s.locks.admit(t.Context(), "Bearer good", acquireLock, name)
		}
		// About all locks of the namespace, and about the one. The first request had let it in.
		if n := r.judge.asked - before; n != 2*(requestsAtOnce-1) || failureOf(last).reason != reasonTooMany {
			t.Errorf("the API server was asked %d times, and then: %v", n, last)
		}
		time.Sleep(time.Second)
		if _, err := r.s.admit(t.Context(), "Bearer good", get, web); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}

func TestATokenThatIsNotValidAnyMoreChargesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newQuietRig()
		if _, err := r.s.admit(t.Context(), "Bearer good", get, web); err != nil {
			t.Fatal(err)
		}
		r.judge.revoked = "good"
		time.Sleep(checkedFor + time.Second)
		for range 2 * requestsAtOnce {
			if _, err := r.s.admit(t.Context(), "Bearer good", get, web); err == nil {
				t.Fatal("let in")
			}
		}
		if n := r.s.access.callers.of("ann").requests.Tokens(); n < requestsAtOnce-2 {
			t.Errorf("its account has %v requests left", n)
		}
	})
}

func TestWhoAsksTheSameAtOnceIsAskedAboutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &judge{denied: map[string]bool{}, takes: time.Second}
		a := newJudge(j, j)
		var all sync.WaitGroup
		for range 3 * strangersAtOnce {
			all.Go(func() {
				if _, err := a.admit(t.Context(), "Bearer good", get, web); err != nil {
					t.Error(err)
				}
			})
		}
		if all.Wait(); j.asked != 1 {
			t.Errorf("the API server was asked %d times", j.asked)
		}
	})
}

func TestImpatienceIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &judge{denied: map[string]bool{}}
		a := newJudge(j, j)
		if _, err := a.admit(t.Context(), "Bearer good", get, web); err != nil {
			t.Fatal(err)
		}
		j.denied["get"] = true
		time.Sleep(checkedFor + time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.admit(ctx, "Bearer good", get, web); failureOf(err).reason != reasonForbidden {
			t.Errorf("who did not wait for the answer, which is no: %v", err)
		}
	})
}

func TestGrantsAreForgottenWhenThereAreTooMany(t *testing.T) {
	var g grants
	old, now := time.Unix(0, 0), time.Unix(60, 0)
	for i := range rememberedGrants {
		at := now
		if i%2 == 0 {
			at = old
		}
		g.put(question{pool: types.NamespacedName{Name: strconv.Itoa(i)}}, &grant{at: at})
	}
	if n := g.n.Load(); n != rememberedGrants {
		t.Fatalf("%d are remembered", n)
	}
	g.put(question{verb: watch}, &grant{at: now})
	if n := g.n.Load(); n > rememberedGrants/2+1 || g.get(question{pool: types.NamespacedName{Name: "0"}}) != nil {
		t.Errorf("%d are remembered still, old ones among them", n)
	}
	g.drop(question{verb: watch})
	g.drop(question{verb: watch})
	if g.get(question{verb: watch}) != nil {
		t.Error("what was dropped is remembered")
	}
}

// However many names a caller thinks of, it takes no room from others.
func TestWhatLeavesNoGrant(t *testing.T) {
	for name, pool := range map[string]func(n string) types.NamespacedName{
		"pools that there are not": func(n string) types.NamespacedName {
			return types.NamespacedName{Namespace: "default", Name: "web" + n}
		},
		"a pool in namespaces where it is not":  func(n string) types.NamespacedName { return types.NamespacedName{Namespace: "n" + n, Name: "web"} },
		"namespaces without pools":              func(n string) types.NamespacedName { return types.NamespacedName{Namespace: "default" + n} },
		"namespaces that come before all pools": func(n string) types.NamespacedName { return types.NamespacedName{Namespace: "a" + n} },
	} {
		t.Run(name, func(t *testing.T) {
			r := newQuietRig()
			for _, known := range []types.NamespacedName{web, {Namespace: web.Namespace}, {}} {
				if _, err := r.s.admit(t.Context(), "Bearer good", get, known); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 100 {
				if _, err := r.s.admit(t.Context(), "Bearer good", get, pool(strconv.Itoa(i))); err != nil {
					t.Fatal(err)
				}
			}
			if n := r.s.access.grants.n.Load(); n != 3 {
				t.Errorf("%d grants are remembered", n)
			}
		})
	}
}

// Who brings no token is one caller, whatever else it says.
func TestAnonymousCallersShareOneGrant(t *testing.T) {
	j := &judge{denied: map[string]bool{}, anonymous: true}
	a := newJudge(j, j)
	for i := range 2 * strangersAtOnce {
		n := strconv.Itoa(i)
		for _, header := range []string{"", "Basic " + n, "Bearer  " + n, n} {
			if _, err := a.admit(t.Context(), header, get, web); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := a.grants.n.Load(); n != 1 || j.asked != 1 {
		t.Errorf("%d grants are remembered, and the API server was asked %d times", n, j.asked)
	}
}

func TestWhoAsksTooMuch(t *testing.T) { synctest.Test(t, whoAsksTooMuch) }

func whoAsksTooMuch(t *testing.T) {
	c := newCallers()
	for range requestsAtOnce {
		if err := c.of("ann").request(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.of("ann").request(); failureOf(err).reason != reasonTooMany {
		t.Errorf("one more: %v", err)
	}
	if err := c.of("bob").request(); err != nil {
		t.Errorf("another caller: %v", err)
	}
	var ends []func()
	for range streamsAtOnce {
		end, err := c.of("ann").stream()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	if _, err := c.of("ann").stream(); failureOf(err).reason != reasonTooMany {
		t.Errorf("one stream more: %v", err)
	}
	ends[0]()
	if _, err := c.of("ann").stream(); err != nil {
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
			if got := object("leaderpolicies", tc.pool); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestAnAPIServerThatHangsKeepsNobodyWaitingWhomItHasLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &judge{denied: map[string]bool{}}
		a := newJudge(j, j)
		ask := func(v verb) (time.Duration, error) {
			began := time.Now()
			_, err := a.admit(t.Context(), "Bearer good", v, web)
			return time.Since(began), err
		}
		for _, v := range []verb{get, update} {
			if _, err := ask(v); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(checkedFor + time.Second)
		j.takes = time.Minute
		if took, err := ask(get); err != nil || took > hangsAfter {
			t.Errorf("let in after %v: %v", took, err)
		}
		if took, err := ask(get); err != nil || took > 0 {
			t.Errorf("let in after %v: %v; so much was waited for before", took, err)
		}
		if took, _ := ask(update); took < reviewTimeout {
			t.Errorf("what does not last was answered after %v", took)
		}
		j.takes = 0
		j.denied["get"] = true
		time.Sleep(time.Minute)
		_, _ = ask(get) // asks anew
		synctest.Wait()
		if _, err := ask(get); failureOf(err).reason != reasonForbidden {
			t.Errorf("what it says after that: %v", err)
		}
	})
}
