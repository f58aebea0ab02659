package simulation

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

const (
	// settling is how long pools may take to agree once nothing fails any more: the longest backoff, the controller's patience
	// with a request that was sent before, what is still on its way, and the minute in which a pool moves only so often.
	settling = 105 * time.Second
	// horizon is when the last late write has landed.
	horizon = 20 * time.Second
	// forgetting is how long it takes until nothing is remembered any more of what was written, and what was left to another
	// replica to tell counts as told.
	forgetting = 25 * time.Second
	// still is how long nothing must happen after that.
	still = 15 * time.Second
)

// settle ends all faults and waits until all pools agree and stay as they are.
func (w *world) settle() error {
	w.turn(up)
	w.mu.Lock()
	w.now = calm()
	processes := w.processes
	w.mu.Unlock()
	w.tracef("all faults end")
	for _, p := range processes {
		if p != nil {
			p.resume()
		}
	}
	w.resumeAll()
	w.stopPrograms()
	began := time.Now()
	if err := w.agree(began.Add(settling)); err != nil {
		return fmt.Errorf("not settled %s after the last fault: %w", settling, err)
	}
	w.figures.settled(time.Since(began))
	time.Sleep(time.Until(began.Add(horizon)))
	if err := w.agree(time.Now().Add(settling)); err != nil {
		return fmt.Errorf("not settled %s after the last late write: %w", settling, err)
	}
	time.Sleep(forgetting)
	requests, decisions := w.figures.Count(Requests), w.figures.Count(Reconciles)
	time.Sleep(still)
	if n := w.figures.Count(Requests) - requests; n > 0 {
		return fmt.Errorf("not at rest: %d requests in %s", n, still)
	}
	if n := w.figures.Count(Reconciles) - decisions; n > 0 {
		return fmt.Errorf("not at rest: %d decisions in %s", n, still)
	}
	return w.look()
}

// keepLeaders lets all members become unready, one after the other: nobody is demoted with nobody to move to.
func (w *world) keepLeaders() error {
	led := map[string]bool{}
	for n := range w.pools {
		if l := w.leaseOf(poolName(n)); l == nil || l.Spec.HolderIdentity == nil || *l.Spec.LeaseDurationSeconds != 2147483647 {
			continue
		}
		led[poolName(n)] = true
		for {
			p := w.podOf(func(p *corev1.Pod) bool {
				return p.Annotations[v1alpha1.PoolAnnotation] == poolName(n) && lives(p) && ready(p)
			})
			if !w.setReady(p, false) {
				break
			}
			time.Sleep(w.dice.between(time.Millisecond, time.Second))
		}
	}
	if err := w.agree(time.Now().Add(settling)); err != nil {
		return fmt.Errorf("all members unready: %w", err)
	}
	for pool := range led {
		if l := w.leaseOf(pool); l == nil || l.Spec.HolderIdentity == nil {
			return fmt.Errorf("%s lost its leader, although all that happened is that all members became unready", pool)
		}
	}
	return nil
}

// agree waits until nothing contradicts itself or the contract.
func (w *world) agree(until time.Time) error {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := w.look()
		if err == nil || !time.Now().Before(until) {
			return err
		}
		time.Sleep(pause)
	}
}

// seen is how the world looks to its people.
type seen struct{ client.Client }

func (seen) Watch(context.Context, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
	return nil, errors.New("nobody watches")
}

// look compares all that pools say of themselves.
func (w *world) look() error {
	s := &scene.Scene{WithWatch: seen{w.people}, Namespace: namespace}
	var errs []error
	for n := range w.pools {
		pool := poolName(n)
		var err error
		if w.server.Read(api.Policy, client.ObjectKey{Namespace: namespace, Name: pool}) == nil {
			err = w.dissolved(pool)
		} else {
			err = w.led(s, pool)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", pool, err))
		}
	}
	return errors.Join(errs...)
}

// led looks at a pool that has a policy.
func (w *world) led(s *scene.Scene, pool string) error {
	state, err := s.Look(context.Background(), pool)
	if err != nil {
		return err
	}
	if state.Policy.Observes() != "" {
		return w.forgotten(state.Leader)
	}
	leader := state.Pod(state.Leader)
	var candidates []*corev1.Pod
	for i := range state.Pods {
		if p := &state.Pods[i]; lives(p) && ready(p) && !excluded(p) {
			if candidates = append(candidates, p); leader == nil || !lives(leader) || !ready(leader) || excluded(leader) {
				if w.held(pool, leader) {
					return nil
				}
				return fmt.Errorf("%q leads although %s may be elected", state.Leader, p.Name)
			}
		}
	}
	if leader != nil && leader.Annotations[corev1.PodDeletionCost] == "" {
		return fmt.Errorf("%s leads without a deletion cost", leader.Name)
	}
	return w.obeyed(pool, leader, candidates)
}

// dissolved looks at a pool that has no policy.
func (w *world) dissolved(pool string) error {
	if l := w.leaseOf(pool); l != nil && holds(l) && *l.Spec.LeaseDurationSeconds == 2147483647 {
		return fmt.Errorf("there is no policy, and %s holds its Lease", *l.Spec.HolderIdentity)
	}
	for _, k := range []api.Kind{api.Service, api.Slice} {
		all, _ := w.server.All(k)
		for _, o := range all {
			if o.GetLabels()[v1alpha1.PoolLabel] == pool {
				return fmt.Errorf("there is no policy, and there is %s %s", k, o.GetName())
			}
		}
	}
	pods, _ := w.server.All(api.Pod)
	for _, o := range pods {
		p := o.(*corev1.Pod)
		if p.Annotations[v1alpha1.PoolAnnotation] == pool && (p.Labels[v1alpha1.RoleLabel] != "" || p.Annotations[v1alpha1.RoleAnnotation] != "") {
			return fmt.Errorf("there is no policy, and %s has role %q", p.Name, p.Labels[v1alpha1.RoleLabel])
		}
	}
	return nil
}
