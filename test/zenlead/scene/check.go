package scene

import (
	"errors"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Condition returns a condition of the policy, nil if it is not there.
func (s *State) Condition(kind string) *metav1.Condition {
	return meta.FindStatusCondition(s.Policy.Status.Conditions, kind)
}

// complaints collects what is not as it should be.
type complaints []error

func (c *complaints) check(ok bool, format string, a ...any) {
	if !ok {
		*c = append(*c, fmt.Errorf(format, a...))
	}
}

func (c *complaints) err() error { return errors.Join(*c...) }

// based says whether somebody led since the Lease was made.
func (s *State) based() bool {
	if s.observed != "" {
		return s.Term > 0
	}
	return s.Lease.Annotations[v1alpha1.TermBaseAnnotation] != ""
}

const heldForever = 2147483647

// contend says whether the members contend themselves.
func (s *State) contend() bool { return s.Policy.Spec.Mode == v1alpha1.ModeParticipant }

func (s *State) checkLease() error {
	if s.observed != "" {
		return s.checkProgram()
	}
	var c complaints
	l := s.Lease
	c.check(len(l.OwnerReferences) == 0, "Lease: has owners, and would be deleted with them")
	base, err := strconv.ParseInt(l.Annotations[v1alpha1.TermBaseAnnotation], 10, 64)
	if err != nil { // nobody ever led, or nobody since the Lease was made again; the status keeps the last term
		c.check(s.Leader == "", "Lease: no term-base, but the status says %q, term %d", s.Leader, s.Term)
		return c.err()
	}
	term := base + int64(deref(l.Spec.LeaseTransitions))
	c.check(term == s.Term, "Lease: term %d, the status says %d", term, s.Term)
	if s.contend() && s.Leader == "" {
		return c.err() // whether a record has expired is not to be seen from here
	}
	if s.contend() && s.Condition(v1alpha1.ConditionLeaseContended) != nil {
		return c.err() // an elector that is not zen-lead's names itself as it likes
	}
	c.check(deref(l.Spec.HolderIdentity) == s.identity(), "Lease: held by %q, the status says %q", deref(l.Spec.HolderIdentity), s.identity())
	c.check(l.Annotations[v1alpha1.HolderUIDAnnotation] == string(s.UID), "Lease: holder-uid %s, the status says %s",
		l.Annotations[v1alpha1.HolderUIDAnnotation], s.UID)
	c.check(l.Spec.AcquireTime != nil && l.Spec.RenewTime != nil, "Lease: acquireTime or renewTime is missing")
	if s.contend() && s.Leader != "" {
		c.check(deref(l.Spec.LeaseDurationSeconds) < heldForever, "Lease: held for ever in mode participant")
		return c.err()
	}
	want := int32(1)
	if s.Leader != "" {
		want = heldForever
	}
	c.check(deref(l.Spec.LeaseDurationSeconds) == want, "Lease: duration %d, want %d", deref(l.Spec.LeaseDurationSeconds), want)
	return c.err()
}

// identity returns what names the leader in the Lease.
func (s *State) identity() string {
	p := s.Pod(s.Leader)
	if p == nil || s.Policy.Spec.IdentityStrategy != v1alpha1.IdentityCustom {
		return s.Leader
	}
	return p.Annotations[v1alpha1.IdentityAnnotation]
}

// mayUseItsIdentity says whether no other pod has a better claim to the pod's identity: the leader has the best.
func (s *State) mayUseItsIdentity(p *corev1.Pod) bool {
	if s.Policy.Spec.IdentityStrategy != v1alpha1.IdentityCustom || p.UID == s.UID {
		return true
	}
	mine := p.Annotations[v1alpha1.IdentityAnnotation]
	for i := range s.Pods {
		other := &s.Pods[i]
		older := other.CreationTimestamp.Before(&p.CreationTimestamp) ||
			other.CreationTimestamp.Equal(&p.CreationTimestamp) && other.Name < p.Name
		if other.Annotations[v1alpha1.IdentityAnnotation] == mine && !ended(other) && (other.UID == s.UID || older) {
			return false
		}
	}
	return mine != ""
}

func (s *State) checkStatus() error {
	var c complaints
	status := s.Policy.Status
	c.check(status.ObservedGeneration == s.Policy.Generation, "status: observedGeneration %d of %d", status.ObservedGeneration, s.Policy.Generation)
	for _, kind := range []string{v1alpha1.ConditionLeaderElected, v1alpha1.ConditionCandidatesAvailable} {
		c.check(s.Condition(kind) != nil, "status: no condition %s", kind)
	}
	for _, condition := range status.Conditions {
		// The outcome of a handover is of the policy as it was when it was asked for.
		current := condition.Type == v1alpha1.ConditionHandover || condition.ObservedGeneration == s.Policy.Generation
		c.check(current, "condition %s: observedGeneration %d of %d",
			condition.Type, condition.ObservedGeneration, s.Policy.Generation)
	}
	guarantee := v1alpha1.GuaranteeAdvisory
	if s.contend() && s.Condition(v1alpha1.ConditionLeaseContended) == nil {
		guarantee = v1alpha1.GuaranteeExclusive
	}
	c.check(status.Guarantee == guarantee, "status: guarantee %q, want %q", status.Guarantee, guarantee)
	candidates := int32(0)
	for i := range s.Pods {
		if candidate(&s.Pods[i]) && s.mayUseItsIdentity(&s.Pods[i]) {
			candidates++
		}
	}
	c.check(status.Candidates != nil && *status.Candidates == candidates, "status: candidates %v, want %d", deref(status.Candidates), candidates)
	phase, elected := v1alpha1.PhaseElecting, metav1.ConditionFalse
	if s.Leader != "" {
		phase, elected = v1alpha1.PhaseStable, metav1.ConditionTrue
	}
	c.check(status.Phase == phase, "status: phase %q, want %q", status.Phase, phase)
	if e := s.Condition(v1alpha1.ConditionLeaderElected); e != nil {
		c.check(e.Status == elected, "condition LeaderElected: %s, want %s", e.Status, elected)
	}
	return c.err()
}

func (s *State) checkRoles() error {
	var c complaints
	for i := range s.Pods {
		p := &s.Pods[i]
		c.check(p.Labels[v1alpha1.PoolLabel] == p.Annotations[v1alpha1.PoolAnnotation], "pod %s: label zen-lead/pool %q", p.Name, p.Labels[v1alpha1.PoolLabel])
		label, annotation, text := p.Labels[v1alpha1.RoleLabel], p.Annotations[v1alpha1.RoleAnnotation], p.Annotations[v1alpha1.TermAnnotation]
		if !s.based() { // nobody leads yet; a role may be left of an earlier pool or Lease
			c.check(label != v1alpha1.RoleLeader && annotation != v1alpha1.RoleLeader, "pod %s: %q, %q, while nobody leads", p.Name, label, annotation)
			continue
		}
		c.check(label == annotation, "pod %s: role label %q, annotation %q", p.Name, label, annotation)
		if label == "" && text == "" && !alive(p) {
			continue // it ended before it had a role
		}
		role := v1alpha1.RoleFollower
		if p.Name == s.Leader && p.UID == s.UID {
			role = v1alpha1.RoleLeader
		}
		term, err := strconv.ParseInt(text, 10, 64)
		c.check(label == role, "pod %s: %q, want %s", p.Name, label, role)
		c.check(err == nil && term > 0 && term <= s.Term, "pod %s: term %q in term %d", p.Name, text, s.Term)
		c.check(role == v1alpha1.RoleFollower || term == s.Term, "leader %s: term %q, want %d", p.Name, text, s.Term)
	}
	return c.err()
}

func (s *State) checkService() error {
	var c complaints
	if s.Service == nil || s.Term == 0 {
		return nil
	}
	c.check(len(s.Service.Spec.Selector) == 0, "Service: selects %v", s.Service.Spec.Selector)
	c.check(metav1.IsControlledBy(s.Service, s.Policy), "Service: not owned by the policy")
	leader := s.Pod(s.Leader)
	for i := range s.Slices {
		slice := &s.Slices[i]
		if !s.based() {
			c.check(len(slice.Endpoints) == 0, "slice %s: endpoints %v, while nobody leads", slice.Name, slice.Endpoints)
			continue
		}
		c.check(metav1.IsControlledBy(slice, s.Policy), "slice %s: not owned by the policy", slice.Name)
		c.check(slice.Annotations[v1alpha1.TermAnnotation] == strconv.FormatInt(s.Term, 10), "slice %s: term %q, want %d",
			slice.Name, slice.Annotations[v1alpha1.TermAnnotation], s.Term)
		if leader == nil || leader.Status.PodIP == "" {
			c.check(len(slice.Endpoints) == 0, "slice %s: endpoints %v, want none", slice.Name, slice.Endpoints)
			continue
		}
		if c.check(len(slice.Endpoints) == 1, "slice %s: endpoints %v, want one", slice.Name, slice.Endpoints); len(slice.Endpoints) != 1 {
			continue
		}
		e := slice.Endpoints[0]
		c.check(len(e.Addresses) == 1 && e.Addresses[0] == leader.Status.PodIP, "slice %s: addresses %v, want %s", slice.Name, e.Addresses, leader.Status.PodIP)
		c.check(e.TargetRef != nil && e.TargetRef.UID == leader.UID, "slice %s: names %v, want pod %s", slice.Name, e.TargetRef, leader.UID)
		c.check(e.Conditions.Ready != nil && *e.Conditions.Ready == (ready(leader) && leader.DeletionTimestamp == nil), "slice %s: ready %v", slice.Name, e.Conditions.Ready)
	}
	c.check(leader == nil || len(s.Slices) > 0, "Service %s: no slice", s.Service.Name)
	return c.err()
}

func candidate(p *corev1.Pod) bool {
	join, set := p.Annotations[v1alpha1.JoinAnnotation]
	return ready(p) && alive(p) && (!set || join == "true")
}

func alive(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && !ended(p)
}

func ended(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
