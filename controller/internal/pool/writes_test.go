package pool

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// memberPod returns a pod of pool "web" that is read as member(name) is written.
func memberPod(name string, ready corev1.ConditionStatus) *corev1.Pod {
	m := member(name)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: name, UID: m.UID, ResourceVersion: "400", CreationTimestamp: metav1.NewTime(m.Created),
			Annotations: map[string]string{"zen-lead/pool": "web"}, Labels: map[string]string{"zen-lead/pool": "web"},
		},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}, PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}},
	}
}

// unreadyLeader is a pool whose Lease names a in term 101. a is not ready; b and c are.
func unreadyLeader() cached {
	return cached{
		"leaderpolicies/web": policy(), "leases/web": observed("a").Lease,
		"pods/a": memberPod("a", corev1.ConditionFalse), "pods/b": memberPod("b", corev1.ConditionTrue), "pods/c": memberPod("c", corev1.ConditionTrue),
	}
}

func TestARecordIsReplacedInTheVersionThatWasJudged(t *testing.T) {
	c := unreadyLeader()
	w := &wire{live: c}
	decideOnce(t, reconciler(t, w, c))
	want := map[string]string{"leases": "lease 500", "leaderpolicies": "policy 7", "endpointslices": "made "}
	for _, s := range w.writes {
		if s.method == http.MethodPost || s.resource == "pods" && s.method == http.MethodPatch {
			continue
		}
		var o struct{ Metadata metav1.ObjectMeta }
		if err := json.Unmarshal([]byte(s.body), &o); err != nil {
			t.Fatal(err)
		}
		replaced := string(o.Metadata.UID) + " " + o.Metadata.ResourceVersion
		if s.method != http.MethodPut || o.Metadata.ResourceVersion == "" || !strings.HasPrefix(replaced, want[s.resource]) {
			t.Errorf("%s replaces %q, want %q", s, replaced, want[s.resource])
		}
		delete(want, s.resource)
	}
	if len(want) > 0 {
		t.Errorf("sent %v; want also %v", w.writes, want)
	}
}

func TestTheLeaseIsWrittenBeforeWhatFollowsFromIt(t *testing.T) {
	c := unreadyLeader()
	w := &wire{live: c}
	decideOnce(t, reconciler(t, w, c))
	if len(w.writes) < 5 || w.writes[0].resource != "leases" {
		t.Errorf("sent %v, want the Lease first", w.writes)
	}
}

func TestNothingFollowsFromALeaseThatIsNotKnownToBeWritten(t *testing.T) {
	for name, status := range map[string]int{
		"somebody else was faster": http.StatusConflict, "the API server gave up": http.StatusGatewayTimeout, "it broke": http.StatusInternalServerError,
	} {
		t.Run(name, func(t *testing.T) {
			c := unreadyLeader()
			w := &wire{live: c, refuse: func(s sent) int { return map[string]int{"leases": status}[s.resource] }}
			r := reconciler(t, w, c)
			decideOnce(t, r)
			if len(w.writes) != 1 {
				t.Errorf("sent %v, want nothing after the Lease", w.writes)
			}
			if told := len(r.Recorder.(*events.FakeRecorder).Events); told != 0 {
				t.Errorf("%d events were told", told)
			}
		})
	}
}

func TestAReplicaThatLostAConflictDecidesByWhatIsThere(t *testing.T) {
	behind := unreadyLeader()
	moved := observed("")
	setLease(&moved, term.Record{Version: 510, Base: 100, Transitions: 2, Holder: term.Holder{Identity: "c", UID: "uc"}})
	moved.Lease.ResourceVersion = "510"
	w := &wire{live: maps.Clone(behind), refuse: func(s sent) int {
		return map[string]int{"leases": http.StatusConflict}[s.resource]
	}}
	w.live["leases/web"] = moved.Lease
	r := reconciler(t, w, behind)
	for range 2 { // its cache has not caught up when it decides again
		decideOnce(t, r)
	}
	if writes := w.sentTo("leases"); len(writes) > 1 {
		t.Errorf("sent %v, want no write after the one that was refused", writes)
	}
	for _, s := range w.sentTo("pods") {
		if leads := strings.Contains(s.body, `"leader"`); leads != (s.name == "c") || !strings.Contains(s.body, `"102"`) {
			t.Errorf("%s: %s; want c to lead in term 102", s, s.body)
		}
	}
	if len(w.sentTo("pods")) != 3 {
		t.Errorf("sent %v, want the role of each pod", w.writes)
	}
}

func TestAMoveIsDecidedByThePodsAsTheyAre(t *testing.T) {
	for name, tc := range map[string]struct {
		pod    string
		change func(*corev1.Pod)
		leader string
	}{
		"the leader is ready":            {"a", func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionTrue }, ""},
		"the successor is not ready":     {"b", func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }, "c"},
		"the successor left the pool":    {"b", func(p *corev1.Pod) { p.Annotations["zen-lead/pool"] = "shop" }, "c"},
		"the successor was made again":   {"b", func(p *corev1.Pod) { p.UID = "again" }, "b"},
		"all is as this process sees it": {"b", func(*corev1.Pod) {}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			behind := unreadyLeader()
			w := &wire{live: maps.Clone(behind)}
			p := behind["pods/"+tc.pod].(*corev1.Pod).DeepCopy()
			tc.change(p)
			w.live["pods/"+tc.pod] = p
			decideOnce(t, reconciler(t, w, behind))
			var holders, want []term.Holder
			for _, s := range w.sentTo("leases") {
				holders = append(holders, recordIn(t, s).Holder)
			}
			if tc.leader != "" {
				want = []term.Holder{{Identity: tc.leader, UID: string(w.live["pods/"+tc.leader].GetUID())}}
			}
			if !slices.Equal(holders, want) {
				t.Errorf("sent %v with holders %v, want %v", w.writes, holders, want)
			}
		})
	}
}

func TestARecordThatAnotherReplicaWroteSinceIsNotOurs(t *testing.T) {
	behind := unreadyLeader()
	w := &wire{live: maps.Clone(behind)}
	r := reconciler(t, w, behind)
	decideOnce(t, r) // b leads, and this process knows all about it
	moved := observed("")
	setLease(&moved, term.Record{Version: 700, Base: 100, Transitions: 3, Holder: term.Holder{Identity: "a", UID: "ua"}})
	moved.Lease.ResourceVersion = "700"
	behind["leases/web"], w.live["leases/web"] = moved.Lease, moved.Lease
	w.live["pods/a"] = memberPod("a", corev1.ConditionTrue) // that is why
	decideOnce(t, r)
	if writes := w.sentTo("leases"); len(writes) != 1 {
		t.Errorf("sent %v, want no second move", writes)
	}
}

func TestAPolicyThatIsGoingHasNoLeader(t *testing.T) {
	c := unreadyLeader()
	going := policy()
	going.DeletionTimestamp, going.Finalizers = &metav1.Time{Time: epoch}, []string{"example.test/theirs"}
	c["leaderpolicies/web"] = going
	w := &wire{live: c}
	decideOnce(t, reconciler(t, w, c))
	writes := w.sentTo("leases")
	if len(writes) != 1 || recordIn(t, writes[0]).Held() {
		t.Errorf("sent %v, want the Lease emptied", w.writes)
	}
}

// recordIn reads the record of a Lease that was sent.
func recordIn(t *testing.T, s sent) term.Record {
	t.Helper()
	var l coordinationv1.Lease
	if err := json.Unmarshal([]byte(s.body), &l); err != nil {
		t.Fatal(err)
	}
	r, _, err := kube.RecordOf(&l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheStatusStaysBehindUntilAllElseIsWritten(t *testing.T) {
	c := unreadyLeader()
	w := &wire{live: c, refuse: func(s sent) int {
		return map[string]int{"a": http.StatusUnprocessableEntity}[s.name] // the old leader is not marked
	}}
	decideOnce(t, reconciler(t, w, c))
	if len(w.sentTo("pods")) != 3 || len(w.sentTo("leaderpolicies")) != 0 {
		t.Errorf("sent %v, want all roles tried and no status", w.writes)
	}
}

func TestAStrangersLeaseExpiresByTheClockOfThisProcess(t *testing.T) {
	c := unreadyLeader()
	taken := takenByStranger(observed("a"), "other", 10, 0)
	taken.Lease.Spec.RenewTime = &metav1.MicroTime{Time: epoch.Add(-24 * time.Hour)} // by a clock that is behind
	c["leases/web"] = taken.Lease
	w := &wire{live: c}
	r := reconciler(t, w, c)
	for _, seen := range []struct {
		unchanged time.Duration
		writes    int
	}{{0, 0}, {10 * time.Second, 0}, {11 * time.Second, 1}} {
		r.Now = func() time.Time { return epoch.Add(seen.unchanged) }
		decideOnce(t, r)
		if writes := w.sentTo("leases"); len(writes) != seen.writes {
			t.Errorf("sent %v after %v, want %d", writes, seen.unchanged, seen.writes)
		}
	}
}

func TestALeaseAndASliceAreCreatedEmpty(t *testing.T) {
	c := unreadyLeader()
	delete(c, "leases/web")
	w := &wire{live: c}
	decideOnce(t, reconciler(t, w, c))
	for resource, forbidden := range map[string][]string{
		"leases": {"holderIdentity", "zen-lead/term-base", "ownerReferences"}, "endpointslices": {"10.0.0.1", "zen-lead/term"},
	} {
		writes := w.sentTo(resource)
		if len(writes) != 2 || writes[0].method != http.MethodPost || writes[1].method != http.MethodPut {
			t.Fatalf("sent %v, want POST and then PUT of %s", w.writes, resource)
		}
		for _, f := range forbidden {
			if strings.Contains(writes[0].body, f) {
				t.Errorf("it is created with %s: %s", f, writes[0].body)
			}
		}
	}
}

func TestOnlyWhatWasSeenIsDeleted(t *testing.T) {
	w := &wire{}
	p := &pass{r: reconciler(t, w, nil), o: observed("a"), m: newMemory(), now: epoch}
	seen := metav1.ObjectMeta{Namespace: "ns", Name: "old", UID: types.UID("seen"), ResourceVersion: "9"}
	plan := Plan{RemoveServices: []corev1.Service{{ObjectMeta: seen}}, RemoveSlices: []discoveryv1.EndpointSlice{{ObjectMeta: seen}}}
	if err := p.remove(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if len(w.writes) != 2 {
		t.Fatalf("sent %v, want two DELETE", w.writes)
	}
	for _, s := range w.writes {
		if !strings.Contains(s.body, `"uid":"seen"`) || !strings.Contains(s.body, `"resourceVersion":"9"`) {
			t.Errorf("%s: %s; want uid and version that were read", s, s.body)
		}
	}
}

func TestASliceWithoutTermIsNotFilledOnceTheLeaseHasChanged(t *testing.T) {
	c := unreadyLeader()
	c["pods/a"] = memberPod("a", corev1.ConditionTrue) // a leads, and its slice is missing
	moved := c["leases/web"].(*coordinationv1.Lease).DeepCopy()
	moved.ResourceVersion = "501"
	w := &wire{live: maps.Clone(c)}
	w.live["leases/web"] = moved
	decideOnce(t, reconciler(t, w, c))
	for _, s := range w.sentTo("endpointslices") {
		if s.method != http.MethodPost {
			t.Errorf("sent %s: a replica that does not know of the move publishes the leader before it", s)
		}
	}
	if len(w.sentTo("endpointslices")) == 0 {
		t.Error("the slice was not even made: the test shows nothing")
	}
}

func TestNobodyIsElectedForAPolicyThatIsGone(t *testing.T) {
	c := unreadyLeader()
	w := &wire{live: maps.Clone(c)}
	delete(w.live, "leaderpolicies/web")
	decideOnce(t, reconciler(t, w, c)) // another process wrote the record
	if len(w.writes) != 0 {
		t.Errorf("sent %v", w.writes)
	}
}
