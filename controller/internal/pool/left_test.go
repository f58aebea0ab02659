package pool

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/replica"
)

// strayPod lets a reconciler that its pool does not prefer look at a pod whose policy is missing until it need not look
// again, or until it is preferred, some time after the first look. It returns when it looked and what it told.
func strayPod(t *testing.T, preferredAfter time.Duration) (looks []time.Duration, told []string) {
	t.Helper()
	c := cached{"pods/a": memberPod("a", corev1.ConditionTrue)}
	r := reconciler(t, &wire{live: c}, c)
	var at time.Duration
	r.Now = func() time.Time { return epoch.Add(at) }
	r.Preferred = func(types.NamespacedName) bool { return at > preferredAfter }
	for again := true; again; {
		result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "web"}})
		if err != nil {
			t.Fatal(err)
		}
		looks = append(looks, at)
		at += result.RequeueAfter
		again = result.RequeueAfter > 0
	}
	return looks, drain(r)
}

func TestWhatADeadReplicaWasToTellIsTold(t *testing.T) {
	for _, after := range []time.Duration{time.Second, replica.Lost} {
		looks, told := strayPod(t, after)
		if len(told) != 1 || !strings.Contains(told[0], EventPolicyMissing) {
			t.Errorf("preferred after %v: told %q, looked after %v; want the event", after, told, looks)
		}
	}
}

func TestWhatALiveReplicaTellsIsNotToldAgain(t *testing.T) {
	const s = time.Second
	looks, told := strayPod(t, time.Hour)
	if want := []time.Duration{0, s, 2 * s, 4 * s, 8 * s, 16 * s, 20 * s}; !slices.Equal(looks, want) {
		t.Errorf("looked after %v, want %v", looks, want)
	}
	if len(told) != 0 {
		t.Errorf("told %q as well", told)
	}
}

func TestWhatIsLeftToAnotherReplica(t *testing.T) {
	a, b := member("a"), member("b")
	event := func(of *Member, note string) Event { return Event{Member: of, Reason: "x", Note: note} }
	const second = time.Second
	type step struct {
		at     time.Duration
		events []Event
		again  time.Duration
	}
	for name, steps := range map[string][]step{
		"nothing":                      {{0, nil, 0}},
		"not what is told of the pool": {{0, []Event{{Reason: "x"}}, 0}},
		"what is news": {
			{0, []Event{event(&a, "1")}, second}, {20 * second, []Event{event(&a, "1")}, 0}, {21 * second, []Event{event(&a, "2")}, second},
		},
		"each from when it was left": {
			{0, []Event{event(&a, "1")}, second},
			{19 * second, []Event{event(&a, "1"), event(&b, "1")}, second},
			{38 * second, []Event{event(&b, "1")}, second},
			{39 * second, []Event{event(&b, "1")}, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			for i, s := range steps {
				if got := m.leave(s.events, epoch.Add(s.at)); got != s.again {
					t.Errorf("step %d: again after %v, want %v", i, got, s.again)
				}
			}
		})
	}
}
