package simulation

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// most is the number of names that the pods of a pool have.
const most = 4

func poolName(n int) string { return "pool-" + strconv.Itoa(n) }

// podOf draws a pod that fits, nil if there is none.
func (w *world) podOf(fits func(*corev1.Pod) bool) *corev1.Pod {
	all, _ := w.server.All(api.Pod)
	var found []*corev1.Pod
	for _, o := range all {
		if p := o.(*corev1.Pod); fits(p) {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return pick(w.dice, found)
}

func anyPod(*corev1.Pod) bool { return true }

func lives(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded
}

func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func pooled(p *corev1.Pod) bool { return p.Annotations[v1alpha1.PoolAnnotation] != "" }

func excluded(p *corev1.Pod) bool {
	join, set := p.Annotations[v1alpha1.JoinAnnotation]
	return set && join != "true"
}

func (w *world) newPod(name, pool string) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: map[string]string{v1alpha1.PoolAnnotation: pool}},
		Spec: corev1.PodSpec{
			NodeName:   nodeName(w.dice.intN(nodeCount)),
			Containers: []corev1.Container{{Name: "app", Image: "app.invalid/app:1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}},
		},
	}
	if w.dice.in(0.3) {
		p.Labels = map[string]string{"app": "web"}
	}
	return p
}

// make creates a pod in a place that is free.
func (w *world) createPod() bool {
	pool := w.dice.intN(w.pools)
	for range most {
		name := fmt.Sprintf("%s-%d", poolName(pool), w.dice.intN(most))
		if w.server.Read(api.Pod, client.ObjectKey{Namespace: namespace, Name: name}) == nil {
			return w.people.Create(context.Background(), w.newPod(name, poolName(pool))) == nil
		}
	}
	return false
}

func (w *world) readyPod() bool {
	return w.setReady(w.podOf(func(p *corev1.Pod) bool { return lives(p) && !ready(p) }), true)
}

func (w *world) unreadyPod() bool {
	return w.setReady(w.podOf(func(p *corev1.Pod) bool { return lives(p) && ready(p) }), false)
}

// setReady writes the status of a pod as its kubelet does.
func (w *world) setReady(p *corev1.Pod, ready bool) bool {
	if p == nil {
		return false
	}
	p = p.DeepCopy()
	p.Status.Phase = corev1.PodRunning
	if p.Status.PodIP == "" {
		w.mu.Lock()
		w.addresses++
		p.Status.PodIP = fmt.Sprintf("10.9.%d.%d", w.addresses>>8&255, w.addresses&255)
		w.mu.Unlock()
		p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	}
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.Now().Rfc3339Copy()}}
	return w.people.Status().Update(context.Background(), p) == nil
}

func (w *world) endPod() bool {
	p := w.podOf(lives)
	if p == nil {
		return false
	}
	p = p.DeepCopy()
	p.Status.Phase = pick(w.dice, []corev1.PodPhase{corev1.PodFailed, corev1.PodSucceeded})
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	return w.people.Status().Update(context.Background(), p) == nil
}

func (w *world) deletePod() bool { return w.delete(w.podOf(lives)) }

func (w *world) forcePod() bool {
	return w.delete(w.podOf(anyPod), client.GracePeriodSeconds(0))
}

// remakePod deletes a pod and creates another of its name, as a StatefulSet does after a loss.
func (w *world) remakePod() bool {
	p := w.podOf(pooled)
	return w.delete(p, client.GracePeriodSeconds(0)) &&
		w.people.Create(context.Background(), w.newPod(p.Name, p.Annotations[v1alpha1.PoolAnnotation])) == nil
}

// delete deletes exactly that object.
func (w *world) delete(p *corev1.Pod, options ...client.DeleteOption) bool {
	if p == nil {
		return false
	}
	return w.people.Delete(context.Background(), p, append(options, client.Preconditions{UID: &p.UID})...) == nil
}

func (w *world) excludePod() bool {
	value := pick(w.dice, []string{"false", "no"})
	return w.annotate(w.podOf(func(p *corev1.Pod) bool { return !excluded(p) }), v1alpha1.JoinAnnotation, value)
}

func (w *world) includePod() bool {
	return w.annotate(w.podOf(excluded), v1alpha1.JoinAnnotation, pick(w.dice, []string{"", "true"}))
}

func (w *world) leavePod() bool { return w.annotate(w.podOf(pooled), v1alpha1.PoolAnnotation, "") }

// joinPod also moves a pod from one pool to another.
func (w *world) joinPod() bool {
	pool := poolName(w.dice.intN(w.pools))
	fits := func(p *corev1.Pod) bool { return p.Annotations[v1alpha1.PoolAnnotation] != pool }
	return w.annotate(w.podOf(fits), v1alpha1.PoolAnnotation, pool)
}

// annotate sets an annotation, or takes it off where the value is empty.
func (w *world) annotate(p *corev1.Pod, key, value string) bool {
	if p == nil {
		return false
	}
	p = p.DeepCopy()
	metav1.SetMetaDataAnnotation(&p.ObjectMeta, key, value)
	if value == "" {
		delete(p.Annotations, key)
	}
	return w.people.Update(context.Background(), p) == nil
}

// scribble writes by hand what only zen-lead should write.
func (w *world) scribble() bool {
	p := w.podOf(pooled)
	if p == nil {
		return false
	}
	p = p.DeepCopy()
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	switch w.dice.intN(4) {
	case 0:
		p.Labels[v1alpha1.RoleLabel] = pick(w.dice, []string{v1alpha1.RoleLeader, v1alpha1.RoleFollower, "boss"})
	case 1:
		p.Annotations[v1alpha1.RoleAnnotation] = pick(w.dice, []string{v1alpha1.RoleLeader, v1alpha1.RoleFollower, ""})
	case 2:
		if w.programs { // where a program elects itself that is counted on from, and repaired when zen-lead elects again
			return false
		}
		t := w.dice.intN(3000)
		w.raised = w.raised || int64(t) > w.server.Version()
		p.Annotations[v1alpha1.TermAnnotation] = strconv.Itoa(t)
	default:
		delete(p.Labels, v1alpha1.RoleLabel)
		delete(p.Annotations, v1alpha1.RoleAnnotation)
		delete(p.Annotations, v1alpha1.TermAnnotation)
	}
	return w.scribbler.Update(context.Background(), p) == nil
}
