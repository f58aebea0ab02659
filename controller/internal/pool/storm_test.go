package pool

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// drain returns the events that a reconciler has told since the last time.
func drain(r *Reconciler) (all []string) {
	recorder := r.Recorder.(*events.FakeRecorder)
	for {
		select {
		case e := <-recorder.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// moveInAStorm lets a reconciler move pool "web" while all its workers are busy.
func moveInAStorm(t *testing.T) (*Reconciler, *wire, cached, ctrl.Request) {
	t.Helper()
	c := unreadyLeader()
	w := &wire{live: c}
	r := reconciler(t, w, c)
	r.busy.Store(workers - 1) // the pass itself is the last
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "web"}}
	result, err := r.Reconcile(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.sentTo("leases")) != 1 || len(w.sentTo("endpointslices")) == 0 || len(w.sentTo("pods")) == 0 {
		t.Fatalf("the move is not carried out: %v", w.writes)
	}
	if result.RequeueAfter != time.Millisecond || *result.Priority != normal {
		t.Fatalf("result %+v, want to come back behind those that have no leader", result)
	}
	r.busy.Store(0)
	return r, w, c, request
}

func TestInAStormStatusAndEventComeAfterTheMovesOfOthers(t *testing.T) {
	r, w, _, request := moveInAStorm(t)
	if got := w.sentTo("leaderpolicies"); len(got) != 0 || len(drain(r)) != 0 {
		t.Fatalf("status or event came with the move: %v", got)
	}
	if _, err := r.Reconcile(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if got := w.sentTo("leaderpolicies"); len(got) != 1 {
		t.Errorf("status written %d times, want once", len(got))
	}
	if got := drain(r); len(got) != 1 || !strings.Contains(got[0], "b leads in term 102, after a") {
		t.Errorf("told %q, want the change, once", got)
	}
	if got := w.sentTo("leases"); len(got) != 1 {
		t.Errorf("the Lease was written %d times, want once", len(got))
	}
}

func TestWhatWasLeftForLaterEndsWithThePolicy(t *testing.T) {
	r, w, c, request := moveInAStorm(t)
	delete(c, "leaderpolicies/web")
	if _, err := r.Reconcile(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if m := r.memories.of(request.NamespacedName); m.behind != 0 || m.untold != nil {
		t.Errorf("behind %v, untold %v", m.behind, m.untold)
	}
	if got := w.sentTo("leaderpolicies"); len(got) != 0 {
		t.Errorf("the status of a policy that is gone is written: %v", got)
	}
}

func TestWhoIsBehindAndNotPreferredAnyMoreDoesNotSpin(t *testing.T) {
	r, _, _, request := moveInAStorm(t)
	r.Preferred = func(types.NamespacedName) bool { return false }
	result, err := r.Reconcile(t.Context(), request)
	if err != nil || result.RequeueAfter != othersAfter {
		t.Errorf("result %+v, error %v; want to wait for its turn", result, err)
	}
}

func TestALeaderIsPublishedWhileItsServiceWaitsForOthers(t *testing.T) {
	c := unreadyLeader()
	w := &wire{live: c}
	r := reconciler(t, w, c)
	r.creating.Store(creators)
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "web"}}
	result, err := r.Reconcile(t.Context(), request)
	if err != nil || result.RequeueAfter != serviceAgain {
		t.Errorf("result %+v, error %v; want to come back for the Service", result, err)
	}
	if len(w.sentTo("services")) != 0 || len(w.sentTo("endpointslices")) == 0 || len(w.sentTo("leaderpolicies")) != 1 {
		t.Errorf("writes %v, want all but the Service", w.writes)
	}
	r.creating.Store(0)
	if _, err := r.Reconcile(t.Context(), request); err != nil || len(w.sentTo("services")) != 1 {
		t.Errorf("error %v, writes %v; want the Service", err, w.writes)
	}
}
