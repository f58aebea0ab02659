package churn

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/history"
	"github.com/kube-zen/zen-lead/test/history/record"
)

// fresh names a namespace that nobody has used.
func fresh() string { return "churn-" + strings.ToLower(rand.Text()[:8]) }

// TestChurnDoesWhatItCounts runs the load without a controller: all that happens is the load's own.
func TestChurnDoesWhatItCounts(t *testing.T) {
	namespace := fresh()
	recorder, err := record.Start(t.Context(), api, record.Options{Namespaces: []string{namespace}})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := Run(t.Context(), api, Options{Namespace: namespace, Seed: 1, Duration: 3 * time.Second, Rate: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(counts)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	events, err := recorder.Stop(ctx)
	if err != nil {
		t.Fatal(err)
	}

	report := history.Check(events)
	if err := report.Err(); err != nil {
		t.Errorf("nobody but the load wrote, and what it wrote by hand is marked: %v", err)
	}
	type change struct {
		history.Kind
		history.Type
	}
	seen := map[change]int{}
	for _, e := range events {
		seen[change{e.Kind, e.Type}]++
	}
	for what, want := range map[change]int{
		{history.KindPod, history.Added}:      counts.Done[CreatePod] + counts.Done[RecreatePod],
		{history.KindPolicy, history.Added}:   counts.Done[CreatePolicy] + counts.Done[RecreatePolicy],
		{history.KindPolicy, history.Deleted}: counts.Done[CreatePolicy] + counts.Done[RecreatePolicy] - 3,
	} {
		if got := seen[what]; got != want {
			t.Errorf("%d %ss %s, counted %d", got, what.Kind, what.Type, want)
		}
	}
	byHand := counts.Done[EditRoleLabel] + counts.Done[EditRoleAnnotation] + counts.Done[EditTerm] + counts.Done[RemoveRole]
	if report.Injected != byHand {
		t.Errorf("%d writes are marked, %d were made by hand", report.Injected, byHand)
	}
	for reason, n := range counts.Refused { // there is no Service and no Lease to delete, and workers race to put a policy back
		if reason != string(metav1.StatusReasonNotFound) && reason != string(metav1.StatusReasonAlreadyExists) {
			t.Errorf("%d requests were refused: %s", n, reason)
		}
	}
}

func TestEveryActionIsDone(t *testing.T) {
	t.Parallel()
	o := Options{Namespace: fresh(), Pools: 1, PodsPerPool: 1, Workers: 1}.withDefaults()
	l, err := newLoad(api, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, pool := &worker{load: l, slots: l.slots}, poolName(0)
	for _, a := range []Action{EditRoleLabel, EditRoleAnnotation, EditTerm, RemoveRole, ChangePool, RecreatePod, MarkNotReady, LeavePool, Exclude, DeletePod} {
		w.onPod(t.Context(), a, w.slots[0], pool, 0)
		for w.mend(t.Context(), w.slots[0]) {
		}
	}
	// There is no controller, so the Service and the Lease are the test's own.
	_, err = l.client.CoreV1().Services(o.Namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: pool + v1alpha1.LeaderServiceSuffix},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.client.CoordinationV1().Leases(o.Namespace).Create(t.Context(), &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: pool},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []Action{DeleteLease, DeleteService, DeleteSlices, RecreatePolicy, DeletePolicy, CreatePolicy} {
		w.onPool(t.Context(), a, pool)
	}
	for _, a := range []Action{AskHandover, PausePool, ResumePool} {
		w.wish(t.Context(), a, pool, w.slots[0].name, 0)
	}
	for chance := range 4 {
		w.wish(t.Context(), EditPolicy, pool, w.slots[0].name, chance)
	}
	if len(l.counts.Refused) > 0 {
		t.Error(l.counts)
	}
	for _, a := range append(slices.Collect(maps.Keys(DefaultWeights())), CreatePod, MarkReady, JoinPool, Include, CreatePolicy) {
		if l.counts.Done[a] == 0 {
			t.Errorf("%s was never done", a)
		}
	}
}

func TestEveryPoolHasItsPolicyAfterwards(t *testing.T) {
	t.Parallel()
	namespace := fresh()
	_, err := Run(t.Context(), api, Options{
		Namespace: namespace, Pools: 5, PodsPerPool: 1, Duration: time.Second, Rate: 100, Weights: map[Action]int{DeletePolicy: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	dyn, err := dynamic.NewForConfig(api)
	if err != nil {
		t.Fatal(err)
	}
	policies, err := dyn.Resource(v1alpha1.GroupVersion.WithResource("leaderpolicies")).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(policies.Items) != 5 {
		t.Errorf("%d policies, want 5", len(policies.Items))
	}
}

func TestALoadThatCannotBeginSaysWhy(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"namespace":    {},
		"draw nothing": {Namespace: fresh(), Weights: map[Action]int{}},
		"not drawn":    {Namespace: fresh(), Weights: map[Action]int{MarkReady: 1}},
	} {
		if _, err := Run(t.Context(), api, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}
