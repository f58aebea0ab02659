package churn

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/history"
)

// slot is the name of a pod and what its worker last did with it.
type slot struct {
	name, pool, ip                 string
	there, ready, joined, excluded bool
}

// mend puts back one thing that is not as in a healthy pod, and says whether there was one.
func (w *worker) mend(ctx context.Context, s *slot) bool {
	switch {
	case !s.there:
		w.createPod(ctx, s, CreatePod)
	case !s.ready:
		w.setReady(ctx, s, true)
	case !s.joined:
		w.annotate(ctx, s, JoinPool, v1alpha1.PoolAnnotation, s.pool)
	case s.excluded:
		w.annotate(ctx, s, Include, v1alpha1.JoinAnnotation, nil)
	default:
		return false
	}
	return true
}

func (w *worker) onPod(ctx context.Context, a Action, s *slot, pool string, chance int) {
	if !s.there {
		w.createPod(ctx, s, CreatePod)
		return
	}
	role := []string{v1alpha1.RoleLeader, v1alpha1.RoleLeader, v1alpha1.RoleFollower, "boss"}[chance]
	term := []any{"1", "one", nil, "0"}[chance] // never upwards: what a larger term means to zen-lead is not the load's to decide
	map[Action]func(){
		DeletePod: func() { w.deletePod(ctx, s, DeletePod) },
		RecreatePod: func() {
			if w.deletePod(ctx, s, "") {
				w.createPod(ctx, s, RecreatePod)
			}
		},
		MarkNotReady: func() { w.setReady(ctx, s, false) },
		LeavePool:    func() { w.annotate(ctx, s, LeavePool, v1alpha1.PoolAnnotation, nil) },
		ChangePool: func() {
			s.pool = pool
			w.annotate(ctx, s, ChangePool, v1alpha1.PoolAnnotation, pool)
		},
		Exclude:            func() { w.annotate(ctx, s, Exclude, v1alpha1.JoinAnnotation, "false") },
		EditRoleLabel:      func() { w.byHand(ctx, s, a, fields{}, fields{v1alpha1.RoleLabel: role}) },
		EditRoleAnnotation: func() { w.byHand(ctx, s, a, fields{v1alpha1.RoleAnnotation: role}, nil) },
		EditTerm:           func() { w.byHand(ctx, s, a, fields{v1alpha1.TermAnnotation: term}, nil) },
		RemoveRole: func() {
			w.byHand(ctx, s, a, fields{v1alpha1.RoleAnnotation: nil, v1alpha1.TermAnnotation: nil}, fields{v1alpha1.RoleLabel: nil})
		},
	}[a]()
}

func (w *worker) createPod(ctx context.Context, s *slot, a Action) {
	n := w.next()
	s.ip = fmt.Sprintf("10.%d.%d.%d", 1+n>>16, n>>8&255, n&255)
	_, err := w.client.CoreV1().Pods(w.Namespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: s.name, Annotations: map[string]string{v1alpha1.PoolAnnotation: s.pool}},
		Spec: corev1.PodSpec{
			// Nobody's scheduler: the pod stays on no node, so no kubelet and no garbage collector touches it.
			SchedulerName: "none",
			Containers: []corev1.Container{{
				Name: "app", Image: "app.invalid/app:1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			}},
		},
	}, metav1.CreateOptions{})
	if err == nil || apierrors.IsAlreadyExists(err) {
		s.there, s.ready, s.joined, s.excluded = true, false, true, false
	}
	if w.did(a, err) {
		w.setReady(ctx, s, true)
	}
}

// deletePod counts a only if one is given: the first half of a re-creation is not a deletion.
func (w *worker) deletePod(ctx context.Context, s *slot, a Action) bool {
	err := w.client.CoreV1().Pods(w.Namespace).Delete(ctx, s.name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
	if err == nil || apierrors.IsNotFound(err) {
		s.there = false
	}
	if err == nil && a == "" {
		return true
	}
	return w.did(a, err)
}

func (w *worker) setReady(ctx context.Context, s *slot, ready bool) {
	a, status := MarkNotReady, corev1.ConditionFalse
	if ready {
		a, status = MarkReady, corev1.ConditionTrue
	}
	err := w.patch(ctx, s, fields{"status": fields{
		"phase": corev1.PodRunning, "podIP": s.ip, "podIPs": []fields{{"$patch": "replace"}, {"ip": s.ip}},
		"conditions": []fields{{"type": corev1.PodReady, "status": status}},
	}}, "status")
	if w.did(a, err) {
		s.ready = ready
	}
}

// annotate sets an annotation, or takes it off where the value is nil.
func (w *worker) annotate(ctx context.Context, s *slot, a Action, key string, value any) {
	err := w.patch(ctx, s, fields{"metadata": fields{"annotations": fields{key: value}}})
	if !w.did(a, err) {
		return
	}
	if key == v1alpha1.PoolAnnotation {
		s.joined = value != nil
	} else {
		s.excluded = value != nil
	}
}

// byHand edits what zen-lead writes, and marks the edit in the same write: its outcome may never be learned.
func (w *worker) byHand(ctx context.Context, s *slot, a Action, annotations, labels fields) {
	annotations[history.InjectedAnnotation] = strconv.Itoa(w.next())
	w.did(a, w.patch(ctx, s, fields{"metadata": fields{"annotations": annotations, "labels": labels}}))
}

func (w *worker) patch(ctx context.Context, s *slot, change fields, subresource ...string) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = w.client.CoreV1().Pods(w.Namespace).Patch(ctx, s.name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, subresource...)
	if apierrors.IsNotFound(err) { // a creation or deletion whose answer was lost had another outcome than assumed
		s.there = false
	}
	return err
}

type fields map[string]any
