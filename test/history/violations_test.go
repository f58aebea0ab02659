package history_test

import (
	"testing"

	"github.com/kube-zen/zen-lead/test/history"
)

// TestCheckFindsEveryViolation shows that each invariant can fail: a model that cannot say no says nothing.
func TestCheckFindsEveryViolation(t *testing.T) {
	const (
		added    = history.Added
		modified = history.Modified
		deleted  = history.Deleted
	)
	for name, c := range map[string]struct {
		events []history.Event
		want   []history.Invariant
	}{
		"two pods carry role leader with the same term": {
			begun(pod(modified, "b", "leader", first)),
			[]history.Invariant{history.RoleFollowsLease, history.OneLeaderPerTerm},
		},
		"a pod that left the pool as leader shares its term with a new leader": {
			begun(in("", pod(modified, "a", "leader", first)), pod(modified, "b", "leader", first)),
			[]history.Invariant{history.RoleFollowsLease, history.OneLeaderPerTerm},
		},
		"an old leader is marked leader again by a late write": {
			begun(lease(modified, "b", next), pod(modified, "a", "follower", next), pod(modified, "a", "leader", first)),
			[]history.Invariant{history.PodTermGrows},
		},
		"a late write brings an old term back when the role was taken off in between": {
			begun(lease(modified, "b", next), pod(modified, "a", "follower", next), pod(modified, "a", "", 0), pod(modified, "a", "leader", first)),
			[]history.Invariant{history.PodTermGrows},
		},
		"a pod is marked leader before the Lease names it": {
			begun(pod(modified, "b", "leader", next), lease(modified, "b", next)),
			[]history.Invariant{history.RoleFollowsLease},
		},
		"a pod is marked leader with the term of its predecessor of the same name": {
			begun(pod(deleted, "a", "leader", first), again(pod(added, "a", "", 0)), again(pod(modified, "a", "leader", first))),
			[]history.Invariant{history.RoleFollowsLease},
		},
		"only the label says leader and nobody named the pod": {
			begun(with(pod(modified, "b", "leader", next), func(e *history.Event) { e.Pod.Annotation = "follower" })),
			[]history.Invariant{history.RoleFollowsLease},
		},
		"a pod is leader without a term": {
			begun(pod(modified, "b", "leader", 0)),
			[]history.Invariant{history.RoleFollowsLease},
		},
		"a pod of no pool is marked leader": {
			story(in("", pod(added, "a", "leader", first))),
			[]history.Invariant{history.RoleFollowsLease},
		},
		"a pod is marked leader that a program's Lease never named": {
			story(observes("op"), programs(added, "a-b_1"), pod(added, "a", "", 0), pod(modified, "a", "leader", 1)),
			[]history.Invariant{history.RoleFollowsLease},
		},
		"a slice names a pod that a program's Lease never named": {
			story(observes("op"), programs(added, "b_1"), pod(added, "a", "", 0), slice(added, 1, "a")),
			[]history.Invariant{history.SliceFollowsLease},
		},
		"a term that zen-lead gave goes to another pod although a program named that": {
			begun(with(observes("op"), func(e *history.Event) { e.Type = modified }), programs(added, "b"), slice(modified, first, "b")),
			[]history.Invariant{history.SliceFollowsLease},
		},
		"the Lease's term falls": {
			begun(lease(modified, "b", next), lease(modified, "b", first)),
			[]history.Invariant{history.LeaseTermGrows},
		},
		"a Lease that was created again begins with a term of the lost one": {
			begun(lease(modified, "b", next), lease(deleted, "b", next), again(lease(added, "", 0)),
				again(with(lease(modified, "b", next), func(e *history.Event) { e.Lease.Base, e.Lease.Transitions = 1011, 1 }))),
			[]history.Invariant{history.NewHolderNewTerm},
		},
		"the holder changes and the term does not": {
			begun(lease(modified, "b", first)),
			[]history.Invariant{history.NewHolderNewTerm},
		},
		"only the holder's UID changes and the term does not": {
			begun(with(lease(modified, "a", first), func(e *history.Event) { e.Lease.HolderUID = "pod-a-2" })),
			[]history.Invariant{history.NewHolderNewTerm},
		},
		"the same holder comes back after an empty Lease with its old term": {
			begun(lease(modified, "", first), lease(modified, "a", first)),
			[]history.Invariant{history.NewHolderNewTerm},
		},
		"term-base changes": {
			begun(with(lease(modified, "b", next), func(e *history.Event) { e.Lease.Base += 5 })),
			[]history.Invariant{history.LeaseBaseFixed},
		},
		"term-base is taken off": {
			begun(lease(modified, "b", 0)),
			[]history.Invariant{history.LeaseBaseFixed},
		},
		"term-base is below the revision that got it": {
			story(lease(added, "", 0), with(lease(modified, "a", first), func(e *history.Event) { e.Lease.Base = 999 })),
			[]history.Invariant{history.LeaseBaseFixed},
		},
		"a Lease is created held": {
			story(lease(added, "a", first)),
			[]history.Invariant{history.LeaseCreatedEmpty},
		},
		"a Lease that somebody holds without term-base is taken over": {
			story(lease(added, "operator", 0), lease(modified, "a", first)),
			[]history.Invariant{history.LeaseCreatedEmpty},
		},
		"the slice's term falls": {
			begun(lease(modified, "b", next), slice(modified, next, "b"), slice(modified, first, "a")),
			[]history.Invariant{history.SliceTermGrows},
		},
		"the slice's term falls when the slice is created again": {
			begun(lease(modified, "b", next), slice(modified, next, "b"), slice(deleted, next, "b"), again(slice(added, first, "a"))),
			[]history.Invariant{history.SliceTermGrows},
		},
		"a slice names two pods": {
			begun(slice(modified, first, "a", "b")),
			[]history.Invariant{history.SliceNamesOne, history.SliceFollowsLease},
		},
		"a slice names a pod before the Lease does": {
			begun(slice(modified, next, "b"), lease(modified, "b", next)),
			[]history.Invariant{history.SliceFollowsLease},
		},
		"a slice names the right pod with the wrong term": {
			begun(lease(modified, "b", next), slice(modified, first, "b")),
			[]history.Invariant{history.SliceFollowsLease},
		},
		"a slice names a pod without a term": {
			begun(slice(modified, 0, "a")),
			[]history.Invariant{history.SliceFollowsLease},
		},
		"the term in the status falls": {
			story(with(policy(added), func(e *history.Event) { e.Policy.Term = next }), with(policy(modified), func(e *history.Event) { e.Policy.Term = first })),
			[]history.Invariant{history.StatusTermGrows},
		},
		"two writes have the same revision": {
			story(pod(added, "a", "", 0), with(pod(added, "b", "", 0), func(e *history.Event) { e.Revision = 1000 })),
			[]history.Invariant{history.WholeHistory},
		},
		"an object is modified that was never created": {
			story(pod(modified, "a", "", 0)),
			[]history.Invariant{history.WholeHistory},
		},
		"an object is created twice without a deletion": {
			story(pod(added, "a", "", 0), again(pod(added, "a", "", 0))),
			[]history.Invariant{history.WholeHistory},
		},
		"an object that existed comes after a later write": {
			story(pod(added, "a", "", 0), pod(history.Existing, "b", "", 0)),
			[]history.Invariant{history.WholeHistory},
		},
		"the controller answers an edit by hand with a wrong role": {
			begun(byHand(pod(modified, "b", "leader", first)), pod(modified, "b", "leader", next)),
			[]history.Invariant{history.RoleFollowsLease},
		},
		"the controller grants below a term that was given by hand": {
			begun(byHand(lease(modified, "b", next+5)), lease(modified, "a", next)),
			[]history.Invariant{history.NewHolderNewTerm},
		},
	} {
		t.Run(name, func(t *testing.T) {
			report := history.Check(c.events)
			var got []history.Invariant
			for _, v := range report.Violations {
				got = append(got, v.Invariant)
				if len(v.Objects) == 0 || v.Text == "" {
					t.Errorf("violation without objects or text: %+v", v)
				}
			}
			if len(got) != len(c.want) {
				t.Fatalf("violations %v, want %v\n%s", got, c.want, report)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Fatalf("violations %v, want %v\n%s", got, c.want, report)
				}
			}
		})
	}
}
