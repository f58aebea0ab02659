package history_test

import (
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/history"
)

// TestCheckAcceptsWhatTheContractAllows: an oracle that cries wolf is switched off.
func TestCheckAcceptsWhatTheContractAllows(t *testing.T) {
	const (
		added    = history.Added
		modified = history.Modified
		deleted  = history.Deleted
		existing = history.Existing
	)
	later := func(e history.Event) history.Event { // a Lease that was created again, later than the first
		e.Lease.Base, e.Lease.Transitions = 3000, 1
		return again(e)
	}
	db := func(e history.Event) history.Event {
		e.Name, e.Pool = "db", "db"
		return e
	}
	for name, events := range map[string][]history.Event{
		"nothing happened":    nil,
		"a leader is elected": begun(),
		"an unplanned move has two leaders for a moment, with different terms": begun(
			lease(modified, "b", next), pod(modified, "b", "leader", next), pod(modified, "a", "follower", next), slice(modified, next, "b")),
		"a planned move takes the old role off first": begun(
			pod(modified, "a", "follower", first), lease(modified, "b", next), pod(modified, "b", "leader", next), slice(modified, next, "b")),
		"a late mark lands before the later term was written on the pod": begun(
			lease(modified, "b", next), lease(modified, "a", next+1), pod(modified, "b", "leader", next), pod(modified, "b", "follower", next+1)),
		"a re-created Lease starts above the lost one": begun(
			lease(deleted, "a", first), again(lease(added, "", 0)), with(later(lease(modified, "a", first)), func(e *history.Event) { e.Revision = 3001 })),
		"an emptied Lease keeps its term":                      begun(lease(modified, "", first), lease(modified, "b", next)),
		"a holder renews":                                      begun(lease(modified, "a", first), lease(modified, "a", first)),
		"an elector of somebody else holds its own Lease":      story(lease(added, "operator", 0), lease(modified, "", 0), lease(modified, "other", 0)),
		"an empty Lease of somebody else":                      story(lease(added, "", 0), lease(modified, "operator", 0)),
		"a slice is emptied and its term stays":                begun(slice(modified, first), slice(modified, first, "a")),
		"another Service's slice names many pods":              story(in("", slice(added, 0, "a", "b"))),
		"the roles of a pool whose policy is gone are removed": begun(policy(deleted), pod(modified, "a", "", 0), pod(modified, "b", "", 0)),
		"a pod moves to a pool with smaller terms": begun(
			in("db", pod(modified, "b", "follower", first)), in("db", pod(modified, "b", "follower", 7))),
		"a late write for the pool that a pod has left": begun(
			in("db", pod(modified, "a", "follower", first)), in("db", pod(modified, "a", "leader", first))),
		"leaders of two pools have the same term": begun(
			in("db", pod(added, "c", "", 0)), db(lease(added, "", 0)), db(lease(modified, "c", first)), in("db", pod(modified, "c", "leader", first))),
		"a member with its own identity leads": story(
			with(pod(added, "a", "", 0), func(e *history.Event) { e.Pod.Identity = "blue" }), lease(added, "", 0),
			with(lease(modified, "a", first), func(e *history.Event) { e.Lease.Holder = "blue" }), slice(added, first, "a"),
			with(pod(modified, "a", "leader", first), func(e *history.Event) { e.Pod.Identity = "blue" })),
		"a program's leader is published with terms that its Lease does not have": story(
			observes("op"), programs(added, "a_1"), pod(added, "a", "", 0), pod(modified, "a", "leader", 1), slice(added, 1, "a")),
		"a program's leader may be published although the program has moved on": story(
			observes("op"), programs(added, "a_1"), programs(modified, "b"), pod(added, "a", "", 0), pod(modified, "a", "leader", 1)),
		"a program took the Lease that the pool had made, and stopped": story(
			with(observes("web"), func(e *history.Event) { e.Type = added }), lease(added, "", 0), lease(modified, "b_1", 0), policy(modified),
			lease(modified, "a", first)),
		"a pool that observed elects again": begun(
			lease(modified, "", first), with(observes("op"), func(e *history.Event) { e.Type = modified }), programs(added, "b-pod-b-1"),
			pod(modified, "a", "follower", next), pod(modified, "b", "leader", next), policy(modified), lease(modified, "a", next+1),
			pod(modified, "b", "follower", next+1), pod(modified, "a", "leader", next+1)),
		"what existed is a starting point and not judged": story(
			pod(existing, "a", "leader", 500), slice(existing, 500, "a"), lease(existing, "b", first),
			with(pod(modified, "c", "leader", 600), func(e *history.Event) { e.Type = added })),
		"a role by hand is exempt and so is what passes it on": begun(
			byHand(pod(modified, "b", "leader", first)),
			with(pod(modified, "b", "leader", first), func(e *history.Event) { e.Pod.Ready = false }),
			pod(modified, "b", "follower", first)),
		"a huge term by hand on a pod is no high-water mark": begun(
			byHand(pod(modified, "b", "follower", 1<<50)), pod(modified, "b", "follower", first)),
		"a slice by hand is put right": begun(
			byHand(slice(modified, 1<<50, "a", "b")), slice(modified, first, "a")),
		"a Lease by hand is a fact that roles follow": begun(
			byHand(lease(modified, "b", next)), pod(modified, "b", "leader", next), slice(modified, next, "b")),
		"a Lease created by hand may be wrong": story(byHand(lease(added, "a", first))),
		"a status of a policy that was created again starts anew": story(
			with(policy(added), func(e *history.Event) { e.Policy.Term = next }), policy(deleted), again(policy(added)),
			again(with(policy(modified), func(e *history.Event) { e.Policy.Term = first }))),
	} {
		t.Run(name, func(t *testing.T) {
			if err := history.Check(events).Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFiguresSayHowLongAndHowOften(t *testing.T) {
	const modified, deleted = history.Modified, history.Deleted
	report := history.Check(begun( // revisions 1000 to 1007
		lease(modified, "b", next),           // 1008
		pod(modified, "b", "leader", next),   // 1009: two leaders
		byHand(slice(modified, 1, "a")),      // 1010
		pod(modified, "a", "follower", next), // 1011: one
		pod(deleted, "b", "leader", next),    // 1012: none, a is a candidate
		lease(modified, "", next),            // 1013
		lease(modified, "a", next+1),         // 1014
		lease(modified, "a", next+1),         // 1015
		pod(modified, "a", "leader", next+1), // 1016
	))
	want := history.Report{
		Events: 17, Injected: 1, Pools: 1, Terms: 3, Moves: 2,
		LongestOverlap:    history.Span{Pool: "ns/web", From: 1009, To: 1011, Duration: 2 * time.Second},
		LongestLeaderless: history.Span{Pool: "ns/web", From: 1001, To: 1006, Duration: 5 * time.Second},
	}
	if report.String() != want.String() {
		t.Errorf("got  %s\nwant %s", report, want)
	}
}

func TestAStretchThatLastsIsCountedToTheEnd(t *testing.T) {
	report := history.Check(begun()[:4])
	if got := report.LongestLeaderless; got.From != 1001 || got.To != 1003 || got.Duration != 2*time.Second {
		t.Errorf("longest time without leader: %s", got)
	}
}
