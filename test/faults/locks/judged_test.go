package locks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/locker"
)

// held is a request that got the lock, counted itself its holder until then, and released it.
func held(id string, token int64, asked, granted, until, released time.Duration) *request {
	return &request{id: id, token: token, asked: asked, granted: granted, until: until, releases: released, released: released + 1, releasedBy: locker.OK}
}

// but is the request with something changed.
func (r *request) but(f func(*request)) *request {
	f(r)
	return r
}

func TestHistoriesOfLocksAreJudged(t *testing.T) {
	dies := func(r *request) { r.releases, r.released = 0, 0 }
	says := func(outcome string) func(*request) { return func(r *request) { r.releasedBy = outcome } }
	for name, tc := range map[string]struct {
		history history
		want    porcupine.CheckResult
	}{
		"one after the other": {history{held("a", 10, 1, 2, 90, 20), held("b", 20, 3, 30, 90, 40)}, porcupine.Ok},
		"a smaller token":     {history{held("a", 10, 1, 2, 90, 20), held("b", 9, 3, 30, 90, 40)}, porcupine.Illegal},
		"the same token":      {history{held("a", 10, 1, 2, 90, 20), held("b", 10, 3, 30, 90, 40)}, porcupine.Illegal},
		"two at once":         {history{held("a", 10, 1, 2, 90, 50), held("b", 20, 3, 30, 90, 60)}, porcupine.Illegal},
		"one that died, after its time has passed":                          {history{held("a", 10, 1, 2, 90, 0).but(dies), held("b", 20, 3, 91, 99, 95)}, porcupine.Ok},
		"one that died, before its time has passed":                         {history{held("a", 10, 1, 2, 90, 0).but(dies), held("b", 20, 3, 80, 99, 95)}, porcupine.Illegal},
		"a renewal that is acknowledged after the next was granted":         {history{held("a", 10, 1, 2, 9, 0).but(dies).but(renews(40, 41, locker.OK)), held("b", 20, 3, 30, 99, 60)}, porcupine.Illegal},
		"a renewal of who holds the lock, told that it is lost":             {history{held("a", 10, 1, 2, 90, 50).but(renews(20, 21, "Lost"))}, porcupine.Illegal},
		"a release that is not known, and happened":                         {history{held("a", 10, 1, 2, 90, 20).but(says(locker.Unheard)), held("b", 20, 3, 30, 99, 40)}, porcupine.Ok},
		"a release that is told Lost, of who holds the lock":                {history{held("a", 10, 1, 2, 90, 20).but(says("Lost"))}, porcupine.Illegal},
		"a release that is told Lost, after its time":                       {history{held("a", 10, 1, 2, 15, 40).but(says("Lost")), held("b", 20, 3, 30, 99, 50)}, porcupine.Ok},
		"one that is told Held, of a lock that is free":                     {history{held("a", 10, 1, 2, 90, 20), refused("b", 30, 31, "Held")}, porcupine.Illegal},
		"one that is told Held, of a lock that somebody may have":           {history{{id: "may", asked: 1}, refused("b", 30, 31, "Held")}, porcupine.Ok},
		"one that is told Held, of a lock that nobody had by the record":    {history{{id: "a", asked: 1}, refused("b", 30, 31, "Held")}, porcupine.Illegal},
		"one that is told Lost when its time has passed, and nobody has it": {history{held("ran out", 10, 1, 2, 15, 40).but(says("Lost"))}, porcupine.Ok},
		"one that is told Lost before its time has passed":                  {history{held("ran out", 10, 1, 2, 35, 20).but(says("Lost"))}, porcupine.Illegal},
		"one that is told Held, of a lock that was given back":              {history{{id: "had", asked: 1, granted: 40, token: 100}, refused("b", 8, 9, "Held")}, porcupine.Ok},
		"one that is told Held, of a lock that somebody had left":           {history{{id: "had", asked: 1, leaves: 10, left: 20, leftBy: locker.OK}, refused("b", 30, 31, "Held")}, porcupine.Illegal},
	} {
		t.Run(name, func(t *testing.T) {
			record := map[string][]span{"may": {{token: 99, from: 5}}, "had": {{token: 99, from: 5, to: 15}}, "ran out": {{token: 10, from: 2, to: 30}}}
			if got := judgeLock(tc.history.operations(record)); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

func renews(sent, answered time.Duration, by string) func(*request) {
	return func(r *request) { r.renewals = append(r.renewals, renewal{sent: sent, answered: answered, by: by}) }
}

func refused(id string, asked, refused time.Duration, why string) *request {
	return &request{id: id, asked: asked, refused: refused, why: why}
}

func TestHistoriesOfCellsAreJudged(t *testing.T) {
	increments := func(by string, values ...int64) *request {
		r := &request{}
		for i, v := range values {
			r.increments = append(r.increments, increment{from: time.Duration(10 * i), wrote: time.Duration(10*i + 5), fenced: v, open: v, written: true, by: by})
		}
		return r
	}
	for name, tc := range map[string]struct {
		request *request
		want    porcupine.CheckResult
	}{
		"one after the other":        {increments(locker.OK, 1, 2, 3), porcupine.Ok},
		"one that undoes another":    {increments(locker.OK, 1, 2, 2), porcupine.Illegal},
		"one that nobody knows of":   {increments(locker.Unheard, 1, 1, 2), porcupine.Ok},
		"one that the fence refused": {increments(locker.Refused, 7), porcupine.Ok},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (history{tc.request}).judgeCell(true); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
	if got := (history{increments(locker.Refused, 7)}).judgeCell(false); got != porcupine.Illegal {
		t.Errorf("what the fence refused is in the open cell: %v", got)
	}
}

// again is what is said of a request that gets the lock again where the record has it among those that have ended, or has not.
func again(r *request, recorded bool) error {
	free := by(2, "", 0)
	if recorded {
		free.status.Finished = []string{"other", markOf(&v1alpha1.LockHolder{RequestID: r.id}) + "!"}
	}
	forgotten, err := endsOnce("l", history{r}, []version{by(1, r.id, 10), free, by(3, r.id, 100)})
	if recorded == (forgotten > 0) && r.token == 10 {
		return fmt.Errorf("%d are forgotten", forgotten)
	}
	return err
}

// by is a version by which a request holds the lock; "" is nobody.
func by(at time.Duration, id string, token int64) version {
	v := version{at: at, revision: int64(at)}
	if id != "" {
		v.status.Holders = []v1alpha1.LockHolder{{RequestID: id, Token: token}}
	}
	return v
}

func TestWhatIsWrongIsFound(t *testing.T) {
	a, b := held("a", 10, 1, 2, 90, 20), held("b", 20, 3, 30, 95, 40)
	good := []version{by(2, "a", 10), by(20, "", 0), by(30, "b", 20), by(40, "", 0)}
	waited := func(r *request) *request {
		w := *r
		w.placed, w.attempts, w.home = w.asked+1, 1, "h"
		return &w
	}
	for name, err := range map[string]error{
		"a token that does not grow":              tokensGrow("l", []version{by(1, "a", 10), by(2, "", 0), by(3, "b", 10)}),
		"a token that changes":                    tokensGrow("l", []version{by(1, "a", 10), by(2, "a", 11)}),
		"a request that holds the lock again":     again(a, true),
		"a grant that is not in the record":       whatIsToldIsWritten("l", history{a}, nil),
		"a grant by another token":                whatIsToldIsWritten("l", history{a}, []version{by(2, "a", 11)}),
		"an increment that is lost":               nothingLost("l", history{{increments: []increment{{by: locker.OK, written: true, fenced: 1}}}}, locker.Cells{}),
		"a grant to who had left":                 whoLeftGetsNothing("l", history{{id: "a", left: 1, leftBy: locker.OK}}, []version{by(slack+2, "a", 10)}),
		"a grant to who had been told Held":       whoLeftGetsNothing("l", history{refused("a", 1, 1, "Held")}, []version{by(slack+2, "a", 10)}),
		"a grant before its turn":                 inOrder("l", history{waited(held("a", 20, 1, 50, 90, 60)), waited(held("b", 10, 10, 30, 90, 40))}),
		"Held of a lock that is free":             linearizable("l", history{refused("a", 1, 2, "Held")}, nil, nil),
		"Held long after a deletion":              linearizable("l", history{refused("a", 2+buried, 3+buried, "Held")}, nil, []operation{{do: deletes, returned: 1}}),
		"a grant while the last counts itself in": neverTwo("l", history{held("a", 10, 1, 2, 90, 50), b}, good),
	} {
		if err == nil {
			t.Error("not found: " + name)
		}
	}
	for name, err := range map[string]error{
		"tokens":  tokensGrow("l", good),
		"buried":  linearizable("l", history{refused("a", 1, 2, "Held")}, nil, []operation{{do: deletes, returned: 1}}),
		"untold":  again(b, true),
		"late":    again(a, false),
		"answers": whatIsToldIsWritten("l", history{a, b}, good),
		"order":   inOrder("l", history{waited(a), waited(b)}),
		"time":    neverTwo("l", history{a, b}, good),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
