package demo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// claim is what must be true at the end of a step. The zero value with members and candidates is the claim of the first
// election.
type claim struct {
	// members and candidates count the pods that are there and those that are ready.
	members, candidates int
	// after is the record before the step; its holder must not lead any more. nil: nobody led before.
	after *leaseRecord
	// same: after's holder leads still, in the same term.
	same bool
	// alive: after's holder must be there, as a follower.
	alive bool
	// service must be the leader Service still; "": any.
	service types.UID
}

// leaseRecord is what the pool's Lease says.
type leaseRecord struct {
	holder      types.UID
	base        int64
	transitions int32
}

// term is the rule: the base, plus one for each change of the holder.
func (r leaseRecord) term() int64 { return r.base + int64(r.transitions) }

func (w *world) record() (leaseRecord, bool) {
	if w.lease == nil || w.lease.Spec.LeaseTransitions == nil {
		return leaseRecord{}, false
	}
	base, err := strconv.ParseInt(w.lease.Annotations[v1alpha1.TermBaseAnnotation], 10, 64)
	return leaseRecord{
		holder: types.UID(w.lease.Annotations[v1alpha1.HolderUIDAnnotation]), base: base, transitions: *w.lease.Spec.LeaseTransitions,
	}, err == nil
}

// findings collects where the world is not as claimed.
type findings []string

func (f findings) err() error {
	if len(f) == 0 {
		return nil
	}
	return errors.New(strings.Join(f, "; "))
}

func (f *findings) expect(holds bool, expected string, seen any) {
	if !holds {
		*f = append(*f, fmt.Sprintf("expected %s, saw %v", expected, seen))
	}
}

// check returns every way in which the world is not as claimed; none: the claim holds.
func (w *world) check(c claim) findings {
	var f findings
	w.checkMembers(c, &f)
	r, ok := w.record()
	if !ok {
		f.expect(false, "Lease "+poolName+" with a term", "none")
		return f
	}
	checkTerm(c, r, &f)
	leaders := w.leaders()
	if len(leaders) != 1 {
		f.expect(false, "exactly one pod with role leader", names(leaders))
		return f
	}
	w.checkLeader(leaders[0], r, &f)
	w.checkService(c, leaders[0], r, &f)
	w.checkStatus(c, leaders[0], r, &f)
	return f
}

func (w *world) checkReady(c claim, f *findings) {
	members, ready := 0, 0
	for _, p := range w.pods {
		if p.DeletionTimestamp != nil {
			continue
		}
		members++
		if isReady(p) {
			ready++
		}
	}
	f.expect(members == c.members, fmt.Sprintf("%d pods", c.members), members)
	f.expect(ready == c.candidates, fmt.Sprintf("%d ready pods", c.candidates), ready)
}

func (w *world) checkMembers(c claim, f *findings) {
	w.checkReady(c, f)
	for _, p := range w.pods {
		if p.DeletionTimestamp != nil {
			continue
		}
		role := p.Labels[v1alpha1.RoleLabel]
		f.expect(role != "" && role == p.Annotations[v1alpha1.RoleAnnotation], "a role on "+p.Name+", in label and annotation",
			fmt.Sprintf("%q and %q", role, p.Annotations[v1alpha1.RoleAnnotation]))
	}
	if c.alive {
		p := w.pods[c.after.holder]
		f.expect(p != nil && p.DeletionTimestamp == nil, "the old leader to be there still", w.name(c.after.holder))
	}
}

// checkTerm: one change of the holder is one more transition on the same base, whatever happened to the controller.
func checkTerm(c claim, r leaseRecord, f *findings) {
	switch {
	case c.after == nil:
		f.expect(r.term() > 0, "a term", r.term())
	case c.same:
		f.expect(r == *c.after, "the same holder in the same term", r)
	default:
		f.expect(r.holder != c.after.holder, "another holder of the Lease", r.holder)
		f.expect(r.base == c.after.base && r.transitions == c.after.transitions+1,
			fmt.Sprintf("the term to grow from %d to %d", c.after.term(), c.after.term()+1), r.term())
	}
}

func (w *world) checkLeader(leader *corev1.Pod, r leaseRecord, f *findings) {
	f.expect(leader.UID == r.holder, "role leader on the holder of the Lease", leader.Name)
	f.expect(isReady(leader) && leader.DeletionTimestamp == nil, "a leader that is ready", leader.Name)
	f.expect(leader.Annotations[v1alpha1.TermAnnotation] == strconv.FormatInt(r.term(), 10),
		fmt.Sprintf("term %d on the leader", r.term()), leader.Annotations[v1alpha1.TermAnnotation])
}

func (w *world) checkService(c claim, leader *corev1.Pod, r leaseRecord, f *findings) {
	if w.service == nil {
		f.expect(false, "Service "+serviceName, "none")
		return
	}
	f.expect(c.service == "" || c.service == w.service.UID, "the Service that was there before", "one made anew")
	f.expect(w.target() == leader.UID, "Service "+serviceName+" to point at "+leader.Name, w.name(w.target()))
	for _, s := range w.slices {
		f.expect(s.Annotations[v1alpha1.TermAnnotation] == strconv.FormatInt(r.term(), 10),
			fmt.Sprintf("term %d on EndpointSlice %s", r.term(), s.Name), s.Annotations[v1alpha1.TermAnnotation])
	}
}

func (w *world) checkStatus(c claim, leader *corev1.Pod, r leaseRecord, f *findings) {
	if w.policy == nil {
		f.expect(false, "LeaderPolicy "+poolName, "none")
		return
	}
	s := w.policy.Status
	f.expect(s.Phase == v1alpha1.PhaseStable, "status.phase Stable", s.Phase)
	if s.CurrentHolder == nil {
		f.expect(false, "status.currentHolder "+leader.Name, "none")
	} else {
		f.expect(s.CurrentHolder.Name == leader.Name && s.CurrentHolder.UID == leader.UID, "status.currentHolder "+leader.Name, s.CurrentHolder.Name)
	}
	f.expect(s.Term == r.term(), fmt.Sprintf("status.term %d", r.term()), s.Term)
	f.expect(s.Candidates != nil && int(*s.Candidates) == c.candidates, fmt.Sprintf("status.candidates %d", c.candidates), deref(s.Candidates))
}

func deref(n *int32) any {
	if n == nil {
		return "none"
	}
	return *n
}

func names(pods []*corev1.Pod) string {
	if len(pods) == 0 {
		return "none"
	}
	var list []string
	for _, p := range pods {
		list = append(list, p.Name)
	}
	return strings.Join(list, " and ")
}
