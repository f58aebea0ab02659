package simulation

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// preference draws whom people prefer, and whether the lead moves back to it.
func (w *world) preference() *v1alpha1.Preference {
	p := &v1alpha1.Preference{Weights: []v1alpha1.PreferenceWeight{
		{Weight: new(int32(100)), Zone: pick(w.dice, zones)},
		{Weight: new(int32(50)), PodLabels: map[string]string{"app": "web"}},
		{Weight: new(int32(-50)), NodeName: nodeName(w.dice.intN(nodeCount))},
	}}
	if w.dice.in(0.7) {
		p.FailBack = &v1alpha1.FailBack{AfterSeconds: int32(1 + w.dice.intN(5))}
	}
	return p
}

// weight is what a policy of preference gives to a pod, worked out apart from the product.
func (w *world) weight(p *v1alpha1.Preference, pod *corev1.Pod) int32 {
	zone := ""
	if n := w.server.Read(api.Node, client.ObjectKey{Name: pod.Spec.NodeName}); n != nil {
		zone = n.GetLabels()[corev1.LabelTopologyZone]
	}
	switch {
	case zone == p.Weights[0].Zone:
		return *p.Weights[0].Weight
	case pod.Labels["app"] == "web":
		return *p.Weights[1].Weight
	case pod.Spec.NodeName == p.Weights[2].NodeName:
		return *p.Weights[2].Weight
	}
	return 0
}

// askHandover asks for a handover, mostly to a pod of the pool.
func (w *world) askHandover() bool {
	return w.change(func(p *v1alpha1.LeaderPolicy) {
		to := "nobody"
		if pod := w.podOf(func(pod *corev1.Pod) bool { return pod.Annotations[v1alpha1.PoolAnnotation] == p.Name }); pod != nil && w.dice.in(0.9) {
			to = pod.Name
		}
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.HandoverAnnotation, to)
	})
}

func (w *world) pausePool() bool {
	return w.change(func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = p.Observes() == "" }) // the API server refuses it else
}

func (w *world) resumePool() bool {
	return w.change(func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = false })
}

// change edits a policy.
func (w *world) change(f func(*v1alpha1.LeaderPolicy)) bool {
	o := w.objectOf(api.Policy)
	if o == nil {
		return false
	}
	p := o.(*v1alpha1.LeaderPolicy).DeepCopy()
	f(p)
	return w.people.Update(context.Background(), p) == nil
}

// resumeAll ends all pauses.
func (w *world) resumeAll() {
	all, _ := w.server.All(api.Policy)
	for _, o := range all {
		p := o.(*v1alpha1.LeaderPolicy).DeepCopy()
		p.Spec.Paused = false
		_ = w.people.Update(context.Background(), p) // nobody else writes at this moment
	}
}

// obeyed compares a pool with what its policy wishes, given who leads and who may.
func (w *world) obeyed(pool string, leader *corev1.Pod, candidates []*corev1.Pod) error {
	p, _ := w.server.Read(api.Policy, client.ObjectKey{Namespace: namespace, Name: pool}).(*v1alpha1.LeaderPolicy)
	if p == nil {
		return nil
	}
	if to, asked := p.Annotations[v1alpha1.HandoverAnnotation]; asked {
		return fmt.Errorf("the handover to %q is not answered", to)
	}
	if leader == nil || len(candidates) == 0 {
		return nil
	}
	if w.held(pool, leader) {
		return nil
	}
	candidates = w.onBestNodes(candidates)
	if got, most := w.fit(leader), w.fit(candidates[0]); got > most {
		return fmt.Errorf("%s leads on a node of fit %d although %s is on one of %d", leader.Name, got, candidates[0].Name, most)
	}
	wish := p.Spec.Preference
	if wish == nil || wish.FailBack == nil || w.fit(leader) > 0 {
		return nil
	}
	best := slices.MaxFunc(candidates, func(a, b *corev1.Pod) int { return cmp.Compare(w.weight(wish, a), w.weight(wish, b)) })
	if got, most := w.weight(wish, leader), w.weight(wish, best); got < most {
		return fmt.Errorf("%s leads with weight %d although %s has %d", leader.Name, got, best.Name, most)
	}
	return nil
}

// countAnswer counts the requests for a handover that zen-lead answers.
func (w *world) countAnswer(e api.Event) {
	if e.Kind != api.Policy || e.By != api.Controller || e.Old == nil {
		return
	}
	p := e.Object.(*v1alpha1.LeaderPolicy)
	_, asked := e.Old.GetAnnotations()[v1alpha1.HandoverAnnotation]
	if _, asks := p.Annotations[v1alpha1.HandoverAnnotation]; !asked || asks {
		return
	}
	outcome := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionHandover)
	switch {
	case outcome == nil:
		w.fail(fmt.Errorf("%s: a request for a handover was taken off without an outcome", p.Name))
	case outcome.Status == metav1.ConditionTrue:
		w.count(HandedOver)
	default:
		w.count(Refused)
	}
}

func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = err
	}
}
