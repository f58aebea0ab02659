package history

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Invariant names one sentence of the contract.
type Invariant string

const (
	// OneLeaderPerTerm: no two pods of one pool carry role leader with the same term at any revision.
	OneLeaderPerTerm Invariant = "one-leader-per-term"
	// PodTermGrows: the term on a pod never falls while the pod stays in the pool, so no pod is marked leader again
	// once a later term was written on it.
	PodTermGrows Invariant = "pod-term-grows"
	// RoleFollowsLease: role leader with a term appears only on the pod (name and UID) that the Lease named with that
	// term at an earlier revision.
	RoleFollowsLease Invariant = "role-follows-lease"
	// LeaseTermGrows: the Lease's term never falls, also over deletion and re-creation of the Lease.
	LeaseTermGrows Invariant = "lease-term-grows"
	// NewHolderNewTerm: the Lease's term strictly grows when somebody (identity and UID) becomes the holder.
	NewHolderNewTerm Invariant = "new-holder-new-term"
	// LeaseBaseFixed: the term-base of one Lease (UID) is immutable once set, and at least the revision of the version
	// that got it.
	LeaseBaseFixed Invariant = "lease-base-fixed"
	// LeaseCreatedEmpty: a Lease is created without holder and base; a held Lease without base is never taken over.
	LeaseCreatedEmpty Invariant = "lease-created-empty"
	// SliceTermGrows: the term on a slice (name and address family) never falls, also over deletion and re-creation.
	SliceTermGrows Invariant = "slice-term-grows"
	// SliceNamesOne: a slice names at most one pod.
	SliceNamesOne Invariant = "slice-names-one"
	// SliceFollowsLease: the pod that a slice names with a term is the one that the Lease named with that term at an
	// earlier revision.
	SliceFollowsLease Invariant = "slice-follows-lease"
	// StatusTermGrows: the term in the status of one policy (UID) never falls.
	StatusTermGrows Invariant = "status-term-grows"
	// WholeHistory: the history itself is in order and nothing is missing. Where it is violated, the recorder is at
	// fault and the rest of the report cannot be relied on.
	WholeHistory Invariant = "whole-history"
)

// Violation is one broken invariant.
type Violation struct {
	Invariant Invariant
	// Revision is that of the write that broke it.
	Revision int64
	// Objects are all that take part, as "kind namespace/name".
	Objects []string
	// Text says in one sentence what happened.
	Text string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s at revision %d: %s", v.Invariant, v.Revision, v.Text)
}

// Span is a stretch of a history.
type Span struct {
	// Pool is "namespace/name"; empty: there was no such stretch.
	Pool string
	// From is the revision at which it began, To the one at which it ended or the last of the history.
	From, To int64
	// Duration is the time between the recorder's hearing of both.
	Duration time.Duration
}

func (s Span) String() string {
	if s.Pool == "" {
		return "none"
	}
	return fmt.Sprintf("%s and %d revisions in pool %s (from %d to %d)", s.Duration, s.To-s.From, s.Pool, s.From, s.To)
}

// longer says whether s lasted longer than t; revisions decide where the times are equal (or unknown), then the name,
// so that a history has one report.
func (s Span) longer(t Span) bool {
	return t.Pool == "" ||
		cmp.Or(cmp.Compare(s.Duration, t.Duration), cmp.Compare(s.To-s.From, t.To-t.From), cmp.Compare(t.Pool, s.Pool)) > 0
}

// Report is what a history shows.
type Report struct {
	Violations []Violation
	// Events is the length of the history, Injected how many of them a test wrote.
	Events, Injected int
	// Pools counts the pools that had a policy.
	Pools int
	// Terms counts the terms that began; Moves those of them whose pool had another holder before.
	Terms, Moves int
	// LongestOverlap is the longest stretch in which two pods of one pool carried role leader, with different terms.
	LongestOverlap Span
	// LongestLeaderless is the longest stretch in which a pool had a policy and a candidate but no member that carried
	// role leader.
	LongestLeaderless Span
}

// Err returns an error that says all violations, nil without any.
func (r Report) Err() error {
	errs := make([]error, len(r.Violations))
	for i, v := range r.Violations {
		errs[i] = errors.New(v.String())
	}
	return errors.Join(errs...)
}

func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d violations in %d writes (%d by hand) to %d pools: %d terms, %d moves\n",
		len(r.Violations), r.Events, r.Injected, r.Pools, r.Terms, r.Moves)
	fmt.Fprintf(&b, "longest overlap of two leaders: %s\nlongest time without leader: %s\n", r.LongestOverlap, r.LongestLeaderless)
	for _, v := range r.Violations {
		fmt.Fprintln(&b, v)
	}
	return b.String()
}
