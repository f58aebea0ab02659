package simulation

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// objectOf draws an object of a kind, nil if there is none.
func (w *world) objectOf(k api.Kind) client.Object {
	all, _ := w.server.All(k)
	if len(all) == 0 {
		return nil
	}
	return pick(w.dice, all)
}

func (w *world) deleteOne(o client.Object) bool {
	return o != nil && w.people.Delete(context.Background(), o) == nil
}

func (w *world) newPolicy(name string) *v1alpha1.LeaderPolicy {
	p := &v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: w.spec()}
	if w.programs && w.dice.in(0.6) {
		w.observed(p)
	}
	return p
}

// spec draws what people may want.
func (w *world) spec() (s v1alpha1.LeaderPolicySpec) {
	switch w.dice.intN(10) {
	case 0:
		s.Service = &v1alpha1.LeaderService{Disabled: true}
	case 1:
		s.Service = &v1alpha1.LeaderService{Ports: []v1alpha1.LeaderServicePort{{Name: "web", Port: 80}}}
	}
	if w.dice.in(0.4) {
		s.Preference = w.preference()
	}
	if w.dice.in(0.2) {
		s.Failover = &v1alpha1.Failover{MinSecondsBetweenMoves: int32(1 + w.dice.intN(5))}
	}
	if w.dice.in(0.2) {
		if s.Failover == nil {
			s.Failover = &v1alpha1.Failover{}
		}
		s.Failover.UnreachableNode = v1alpha1.UnreachableNodeHold
	}
	return s
}

func (w *world) createPolicy() bool {
	return w.people.Create(context.Background(), w.newPolicy(poolName(w.dice.intN(w.pools)))) == nil
}

func (w *world) deletePolicy() bool { return w.deleteOne(w.objectOf(api.Policy)) }

func (w *world) remakePolicy() bool {
	p := w.objectOf(api.Policy)
	return w.deleteOne(p) && w.people.Create(context.Background(), w.newPolicy(p.GetName())) == nil
}

func (w *world) editPolicy() bool {
	return w.change(func(p *v1alpha1.LeaderPolicy) { p.Spec = w.spec() })
}

func (w *world) deleteLease() bool   { return !w.raised && w.deleteOne(w.objectOf(api.Lease)) }
func (w *world) deleteService() bool { return w.deleteOne(w.objectOf(api.Service)) }

func (w *world) deleteSlices() bool {
	all, _ := w.server.All(api.Slice)
	done := false
	for _, o := range all {
		if w.dice.in(0.7) {
			done = w.deleteOne(o) || done
		}
	}
	return done
}

// leaseOf returns the Lease of a pool, nil if there is none.
func (w *world) leaseOf(pool string) *coordinationv1.Lease {
	l, _ := w.server.Read(api.Lease, client.ObjectKey{Namespace: namespace, Name: pool}).(*coordinationv1.Lease)
	return l
}
