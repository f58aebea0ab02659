package simulation

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// program is the account of programs that elect themselves.
const program api.User = "program"

// programLease is the Lease of a pool's program, where it has not the pool's name.
func programLease(pool string) string { return "op-" + pool }

// observe has a policy follow a program, on its own Lease or on the pool's.
func (w *world) observe() bool {
	return w.programs && w.change(w.observed)
}

func (w *world) observed(p *v1alpha1.LeaderPolicy) {
	p.Spec = v1alpha1.LeaderPolicySpec{Mode: v1alpha1.ModeObserve, Service: p.Spec.Service}
	if w.dice.in(0.6) {
		p.Spec.LeaseName = programLease(p.Name)
	}
}

// unobserve has zen-lead elect again.
func (w *world) unobserve() bool {
	return w.programs && w.change(func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode, p.Spec.LeaseName = v1alpha1.ModeController, "" })
}

// observing draws a policy of mode observe, nil if there is none.
func (w *world) observing() *v1alpha1.LeaderPolicy {
	all, _ := w.server.All(api.Policy)
	var found []*v1alpha1.LeaderPolicy
	for _, o := range all {
		if p := o.(*v1alpha1.LeaderPolicy); p.Observes() != "" {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return pick(w.dice, found)
}

// electProgram lets a program elect one of its pods, as client-go does: it takes no Lease that is held for ever.
func (w *world) electProgram() bool {
	p := w.observing()
	if p == nil {
		return false
	}
	pod := w.podOf(func(pod *corev1.Pod) bool {
		return pod.Annotations[v1alpha1.PoolAnnotation] == p.Name && lives(pod) && pod.Status.Phase == corev1.PodRunning
	})
	return pod != nil && w.electOn(p.Observes(), pod)
}

func (w *world) electOn(lease string, pod *corev1.Pod) bool {
	holder := pod.Name + "_" + strconv.Itoa(w.dice.intN(1000))
	if w.dice.in(0.2) {
		holder = pod.Name + "-" + string(pod.UID)
	}
	now := metav1.NowMicro()
	l := w.leaseOf(lease)
	made := l == nil
	if made {
		l = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: lease}, Spec: coordinationv1.LeaseSpec{LeaseTransitions: new(int32(-1))}}
	}
	l = l.DeepCopy()
	if holds(l) && *l.Spec.LeaseDurationSeconds == 2147483647 {
		return false
	}
	next := int32(1)
	if t := l.Spec.LeaseTransitions; t != nil {
		next = *t + 1
	}
	l.Spec = coordinationv1.LeaseSpec{
		HolderIdentity: &holder, LeaseTransitions: &next, LeaseDurationSeconds: new(int32(2 + w.dice.intN(6))), AcquireTime: &now, RenewTime: &now,
	}
	if made {
		return w.program.Create(context.Background(), l) == nil
	}
	return w.program.Update(context.Background(), l) == nil
}

func holds(l *coordinationv1.Lease) bool {
	return l.Spec.HolderIdentity != nil && *l.Spec.HolderIdentity != ""
}

// renewProgram and releaseProgram are what holders do.
func (w *world) renewProgram() bool {
	return w.holderWrites(func(l *coordinationv1.Lease) { l.Spec.RenewTime = new(metav1.NowMicro()) })
}

func (w *world) releaseProgram() bool {
	return w.holderWrites(func(l *coordinationv1.Lease) {
		l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds = new(""), new(int32(1))
	})
}

func (w *world) holderWrites(f func(*coordinationv1.Lease)) bool {
	p := w.observing()
	if p == nil {
		return false
	}
	l := w.leaseOf(p.Observes())
	if l == nil || !holds(l) || *l.Spec.LeaseDurationSeconds == 2147483647 {
		return false
	}
	l = l.DeepCopy()
	f(l)
	return w.program.Update(context.Background(), l) == nil
}

// stopPrograms takes away the Leases that programs made where policies now want them: nobody but people may.
func (w *world) stopPrograms() {
	all, _ := w.server.All(api.Policy)
	for _, o := range all {
		l := w.leaseOf(o.GetName())
		if l != nil && o.(*v1alpha1.LeaderPolicy).Observes() == "" && l.Labels[v1alpha1.PoolLabel] == "" && l.Annotations[v1alpha1.TermBaseAnnotation] == "" {
			w.deleteOne(l)
		}
	}
}

// untouched fails where zen-lead writes the Lease of a program.
func (w *world) untouched(e api.Event) {
	if e.Kind != api.Lease || e.By != api.Controller || !strings.HasPrefix(e.Object.GetName(), programLease("")) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = fmt.Errorf("zen-lead wrote Lease %s of a program", e.Object.GetName())
}

// forgotten looks at a pool whose program has stopped: its record has expired, or is empty.
func (w *world) forgotten(leader string) error {
	if leader != "" {
		return fmt.Errorf("%q leads, although its program renews nothing", leader)
	}
	return nil
}

// followed lets the program of each pool that observes run once more, and stop.
func (w *world) followed() error {
	for n := range w.pools {
		p, _ := w.server.Read(api.Policy, client.ObjectKey{Namespace: namespace, Name: poolName(n)}).(*v1alpha1.LeaderPolicy)
		if p == nil || p.Observes() == "" {
			continue
		}
		pod := w.podOf(func(pod *corev1.Pod) bool {
			return pod.Annotations[v1alpha1.PoolAnnotation] == p.Name && lives(pod) && pod.Status.Phase == corev1.PodRunning
		})
		if pod == nil {
			continue
		}
		if !w.electOn(p.Observes(), pod) {
			return fmt.Errorf("the program of %s cannot have Lease %s", p.Name, p.Observes())
		}
		time.Sleep(time.Second)
		if is := w.server.Read(api.Policy, client.ObjectKeyFromObject(p)).(*v1alpha1.LeaderPolicy); is.Status.CurrentHolder == nil || is.Status.CurrentHolder.UID != pod.UID {
			return fmt.Errorf("%s holds Lease %s, and the status of %s names %v", pod.Name, p.Observes(), p.Name, is.Status.CurrentHolder)
		}
		w.count(Followed)
	}
	return w.agree(time.Now().Add(settling))
}
