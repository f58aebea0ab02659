package scene

import (
	"context"
	"errors"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// State is what a pool says of itself once all of it agrees.
type State struct {
	// Leader is the pod that leads, "" if none, and UID its.
	Leader string
	UID    types.UID
	Term   int64
	Policy *v1alpha1.LeaderPolicy
	// Lease is the pool's, in mode observe the program's.
	Lease *coordinationv1.Lease
	Pods  []corev1.Pod
	// Service and Slices are what publishes the leader; no Service where the policy wants none or a stranger has its name.
	Service *corev1.Service
	Slices  []discoveryv1.EndpointSlice
	// observed is the name of the program's Lease, "" in mode controller; own is the pool's own then, if it has one.
	observed string
	own      *coordinationv1.Lease
}

// Policy creates a LeaderPolicy; edit, if any, changes it before.
func (s *Scene) Policy(ctx context.Context, name string, edit ...func(*v1alpha1.LeaderPolicy)) *v1alpha1.LeaderPolicy {
	GinkgoHelper()
	p := &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta(name)}
	for _, e := range edit {
		e(p)
	}
	Expect(s.Create(ctx, p)).To(Succeed())
	return p
}

// DeletePolicy deletes a LeaderPolicy.
func (s *Scene) DeletePolicy(ctx context.Context, name string) {
	GinkgoHelper()
	Expect(s.Delete(ctx, &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta(name)})).To(Succeed())
}

// Leads waits until a pod leads a pool, "" for nobody, and all of the pool agrees.
func (s *Scene) Leads(ctx context.Context, pool, pod string) State {
	GinkgoHelper()
	var state State
	Eventually(ctx, func(ctx context.Context) (err error) {
		if state, err = s.Look(ctx, pool); err == nil && state.Leader != pod {
			err = fmt.Errorf("%q leads", state.Leader)
		}
		return err
	}).Should(Succeed(), "pool %s, led by %q", pool, pod)
	return state
}

// Look reads all of a pool. An error says where parts of it contradict one another or the contract; while something
// changes they may.
func (s *Scene) Look(ctx context.Context, pool string) (State, error) {
	state, err := s.read(ctx, pool)
	if err != nil {
		return state, err
	}
	return state, errors.Join(state.checkLease(), state.checkStatus(), state.checkRoles(), state.checkService())
}

func (s *Scene) read(ctx context.Context, pool string) (State, error) {
	state := State{Policy: &v1alpha1.LeaderPolicy{}, Lease: &coordinationv1.Lease{}}
	key := client.ObjectKey{Namespace: s.Namespace, Name: pool}
	var pods corev1.PodList
	var slices discoveryv1.EndpointSliceList
	if err := errors.Join(
		s.Get(ctx, key, state.Policy), client.IgnoreNotFound(s.Get(ctx, key, state.Lease)), s.List(ctx, &pods, client.InNamespace(s.Namespace)),
	); err != nil {
		return state, err
	}
	for _, p := range pods.Items {
		if p.Annotations[v1alpha1.PoolAnnotation] == pool {
			state.Pods = append(state.Pods, p)
		}
	}
	if state.observed = state.Policy.Observes(); state.observed != "" {
		if err := state.readProgram(ctx, s); err != nil {
			return state, err
		}
	}
	if h := state.Policy.Status.CurrentHolder; h != nil {
		state.Leader, state.UID = h.Name, h.UID
	}
	state.Term = state.Policy.Status.Term
	name := state.Policy.ServiceName()
	if name == "" || state.Condition(v1alpha1.ConditionServiceConflict) != nil {
		return state, nil
	}
	state.Service = &corev1.Service{}
	key.Name = name
	err := s.Get(ctx, key, state.Service)
	if client.IgnoreNotFound(err) == nil && err != nil && state.Leader == "" {
		state.Service = nil // nobody knows the ports before somebody leads
		return state, nil
	}
	err = errors.Join(err, s.List(ctx, &slices, client.InNamespace(s.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: name}))
	state.Slices = slices.Items
	return state, err
}

// Pod returns a member by its name, nil if there is none.
func (s *State) Pod(name string) *corev1.Pod {
	for i := range s.Pods {
		if s.Pods[i].Name == name {
			return &s.Pods[i]
		}
	}
	return nil
}

// Lease reads the Lease of a pool.
func (s *Scene) Lease(ctx context.Context, pool string) *coordinationv1.Lease {
	GinkgoHelper()
	return Read(ctx, s, pool, &coordinationv1.Lease{})
}
