package pool

import (
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// Observed is all that is known of a pool when a decision is made.
type Observed struct {
	// Namespace and Name are the pool's.
	Namespace, Name string
	// Policy is nil where it is gone or going.
	Policy *v1alpha1.LeaderPolicy
	// PolicyLive is true where its absence was seen at the API server, after everything else was read: the watch of
	// policies may lag behind the others.
	PolicyLive bool
	// Members, oldest first.
	Members []Member
	// Unmarked are members that this process replaced and has not seen marked with the new term.
	Unmarked []types.UID
	// Verified are the names of the pods that were read from the API server after the Lease.
	Verified []string
	// NoNodes: this process may not look at nodes.
	NoNodes bool
	// Stuck: planned moves fail again and again, as the role of the leader cannot be taken off.
	Stuck bool
	// Drowsy: this process was asleep a short while ago, so that its views may be of different times.
	Drowsy bool

	// Lease is nil where it is missing. Record is what it says; Ours is false where it bears no term-base.
	Lease  *coordinationv1.Lease
	Record term.Record
	Ours   bool
	// Live is true where the Lease was read from the API server after everything else was read, rereads times.
	Live    bool
	rereads int
	// Confirmed: this version was read from the API server, now or for an earlier decision.
	Confirmed bool
	// OwnRecord: this process wrote the Lease as it is.
	OwnRecord bool
	// LastMove is how long ago this process saw the holder change, 0 if it did not; Moved the same, newest first, of those
	// changes that left a leader which existed.
	LastMove time.Duration
	Moved    []time.Duration
	// LeaseUnchangedFor is how long this process has seen the Lease as it is, and TermFor in its term, by its own monotonic clock.
	LeaseUnchangedFor, TermFor time.Duration
	// Asked is the successor that the Lease names, or named last.
	Asked ask

	// Program is the Lease that the processes in the pods write: of a program that elects itself, or in mode participant the pool's
	// own. It is nil in mode controller.
	Program *program
	// Place is where the pod runs, or ran, that the record names, in mode participant; nil where this process has never seen it. It
	// was read from the API server with the pod, where that is among Verified and the policy accepts the taint.
	Place *place

	// Service is the object of the leader Service's name, whoever made it; nil where there is none.
	Service *corev1.Service
	// Slices are the EndpointSlices that zen-lead made for this pool.
	Slices []discoveryv1.EndpointSlice
	// Outdated are Services that zen-lead made for this pool and that it should not have any more.
	Outdated []corev1.Service
}

// Plan is what is to be done about a pool. apply carries it out in the order of its fields.
type Plan struct {
	// Reread asks for the Lease, RereadPolicy for the policy, and Verify for the pods of these names to be read from the
	// API server and for a new decision; nothing else is planned.
	Reread, RereadPolicy bool
	Verify               []string
	// Create makes the missing Lease, empty, once Status is written, if there is one; everything else waits for the next decision.
	Create bool
	// Successor is named on the Lease, and else nothing of it is changed; "" names nobody, nil leaves it.
	Successor *string
	// Record replaces the record of the Lease; nil leaves it.
	Record *term.Record
	// Leader is the member that leads once Record is written, and Replaced the one that led until then; nil if none.
	Leader, Replaced *Member
	// StepDown, where the move is planned, takes the role from the leader before Record is written; nil: it has none.
	StepDown *RoleWrite
	// Planned: the member that led goes on, so that the new leader gets its role last.
	Planned bool
	// Service is made or replaced; nil leaves it.
	Service *corev1.Service
	// Slices are made or replaced and Roles written, side by side.
	Slices []discoveryv1.EndpointSlice
	Roles  []RoleWrite
	// RemoveServices and RemoveSlices are deleted.
	RemoveServices []corev1.Service
	RemoveSlices   []discoveryv1.EndpointSlice
	// Status replaces the policy's; nil leaves it.
	Status *v1alpha1.LeaderPolicyStatus
	// Answered is the request for a handover that is taken off, as its outcome is in the status; nil: there is none.
	Answered *string
	// Events are told once everything above is written.
	Events []Event
	// awaits: a renewal of the program's Lease asks for another decision too.
	awaits bool
	// forgettable: nothing of the pool is left.
	forgettable bool
	// After asks for another decision when nothing happens until then; 0 does not.
	After time.Duration
}

// Decide says what is to be done. It is pure: no I/O, no clock, no randomness. The same observation gives the same
// plan in every replica.
func Decide(o Observed, now time.Time) Plan {
	o = o.identified()
	o.weigh()
	switch {
	case o.Policy == nil:
		p := dissolve(o)
		if p.destroys() && !o.PolicyLive {
			return Plan{RereadPolicy: true}
		}
		return p
	case o.participates():
		return decideParticipants(o, now)
	case o.Program != nil:
		return decideObserved(o, now)
	case o.Lease == nil:
		return Plan{Create: true}
	case o.behind():
		return Plan{Reread: true}
	}
	if r := o.raised(); r != nil {
		if !o.PolicyLive { // terms pass the Lease in mode observe, of which this process may not have been told yet
			return Plan{RereadPolicy: true}
		}
		return Plan{Record: r, After: retryAfter}
	}
	e := elect(o)
	if wait := o.nameless(e); wait > 0 {
		return Plan{After: wait}
	}
	if names := o.unverified(e); len(names) > 0 {
		return Plan{Verify: names}
	}
	p := Plan{Record: e.record, Leader: e.leader, Replaced: e.replaced, After: e.wait, StepDown: stepDown(o, e), Planned: e.planned}
	record := o.Record
	if e.record != nil {
		record = *e.record
	}
	t := termFor(o, e, record)
	publish(o, &p, t)
	if !record.Term().Valid() && e.contended == nil { // only what still sends traffic is written
		p.Slices = slices.DeleteFunc(p.Slices, func(s discoveryv1.EndpointSlice) bool { return !o.sends(s.Name) })
	}
	p.Roles = roles(o, e, t)
	status := statusOf(o, e, record, now)
	if !sameStatus(&o.Policy.Status, &status) {
		p.Status = &status
	}
	if e.handover != nil {
		p.Answered = &e.handover.to
	}
	p.Events = append(eventsOf(o, e, record, &status), serviceEvents(o, p)...)
	return p
}

// termFor returns the term that what is derived of a record bears.
func termFor(o Observed, e election, record term.Record) term.Number {
	t := record.Term()
	if t.Valid() && e.contended == nil {
		return t
	}
	// The record is not ours, and its term, if it has one, is below what was written before it was taken; or it was made again,
	// has no term yet, and nobody may lead: who led until then leads no more. Terms of members do not count, as many may write
	// those, and a pod brings them along from the pool that it was in before.
	for _, c := range published(o) {
		t = max(t, c.term)
	}
	return t
}

// sends says whether a slice sends traffic to somebody.
func (o *Observed) sends(slice string) bool {
	return slices.ContainsFunc(o.Slices, func(s discoveryv1.EndpointSlice) bool { return s.Name == slice && len(s.Endpoints) > 0 })
}

// behind says whether something already bears a larger term than the Lease as it was read: the Lease has moved on, and
// nothing may be overwritten by a smaller term. Where even the live Lease is smaller, no version of zen-lead wrote that
// term (the Lease is always written first), and it is repaired.
func (o *Observed) behind() bool {
	switch {
	case o.Live:
		return false
	case !o.Ours: // just made, or somebody else's, as it was read, and yet somebody led
		return !o.Confirmed && known(*o) > 0
	}
	if s := term.Number(o.Policy.Status.Term); s.Valid() && s > o.Record.Term() {
		return true
	}
	for i := range o.Members {
		if o.Members[i].Role.Term > o.Record.Term() {
			return true
		}
	}
	for i := range o.Slices {
		if kube.Term(o.Slices[i].Annotations[v1alpha1.TermAnnotation]) > o.Record.Term() {
			return true
		}
	}
	return o.released()
}

// released says whether something bears the mark of a release, which does not raise the term, although the record as it
// was read names a holder: the holder is a follower of that term, or a slice of that term is empty.
func (o *Observed) released() bool {
	i := slices.IndexFunc(o.Members, func(m Member) bool { return o.Record.Held() && string(m.UID) == o.Record.Holder.UID })
	if i < 0 {
		return false
	}
	holder := &o.Members[i]
	if holder.Role.Term == o.Record.Term() && holder.Role.Annotation == v1alpha1.RoleFollower {
		return true
	}
	for i := range o.Slices {
		s := &o.Slices[i]
		if kube.Term(s.Annotations[v1alpha1.TermAnnotation]) == o.Record.Term() && len(s.Endpoints) == 0 && addressOf(holder, s.AddressType) != "" {
			return true
		}
	}
	return false
}

// dissolve undoes what zen-lead did for a policy that is gone. The Lease stays, empty, as high-water mark.
func dissolve(o Observed) Plan {
	p := Plan{RemoveServices: o.Outdated, RemoveSlices: o.Slices, forgettable: len(o.Members) == 0}
	if o.Lease != nil && o.Ours && o.Record.Held() {
		// A member that contended gives its Lease up itself, and is waited for like anybody.
		left := contentionOf(o)
		if empty := o.Record.Empty(); !o.heldByStranger() || o.ownProcess() && left == nil {
			p.Record = &empty
		} else if o.ownProcess() {
			p.After, p.forgettable = left.wait, false
		}
	}
	for _, m := range o.Members {
		if m.Role.HasAnnotation || m.Role.HasLabel {
			p.Roles = append(p.Roles, RoleWrite{Member: m})
		}
		p.Events = append(p.Events, missingPolicy(&m))
	}
	return p
}

// destroys says whether the plan takes something away that a policy would want.
func (p *Plan) destroys() bool {
	return p.Record != nil || len(p.Roles)+len(p.RemoveServices)+len(p.RemoveSlices) > 0
}
