package pool

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// RoleWrite puts a role on a member, or takes it off where Role is "".
type RoleWrite struct {
	Member Member
	Role   string
	Term   term.Number
}

// roles lists the role writes that the members need in term t.
//
// The member that the replaced record names is always written, even where its role is right: a late write that makes it
// leader of the old term must find another term than it read. So is, where another replica began the move and did not
// finish it, whoever status and slices still name of an earlier term: the status is written last. The others are written
// only when their role is wrong, so zen-lead/term is the term in which the role was written.
func roles(o Observed, e election, t term.Number) []RoleWrite {
	if !t.Valid() {
		return withoutRoles(o)
	}
	outdated := outdatedHolders(o, t)
	var writes []RoleWrite
	for i := range o.Members {
		m := &o.Members[i]
		switch {
		case m == e.leader:
			if !hasRole(m, v1alpha1.RoleLeader) || m.Role.Term != t || !m.Role.HasCost {
				writes = append(writes, RoleWrite{Member: *m, Role: v1alpha1.RoleLeader, Term: t})
			}
		case e.record != nil && m == e.replaced:
			writes = append(writes, RoleWrite{Member: *m, Role: v1alpha1.RoleFollower, Term: t})
		case slices.Contains(outdated, m.UID) && m.Role.Term < t:
			writes = append(writes, RoleWrite{Member: *m, Role: v1alpha1.RoleFollower, Term: t})
		case (!o.Ours && e.record == nil || e.contended != nil) && m.Role.Term > t:
			// The record says nothing of terms: a larger one may have been given, and only the role is known to be wrong.
			if !hasRole(m, v1alpha1.RoleFollower) {
				writes = append(writes, RoleWrite{Member: *m, Role: v1alpha1.RoleFollower, Term: m.Role.Term})
			}
		case m.Role.none() && (m.Terminal || m.Terminating):
			// It never had a role and will not need one.
		case !hasRole(m, v1alpha1.RoleFollower) || !m.Role.Term.Valid() || m.Role.Term > t:
			writes = append(writes, RoleWrite{Member: *m, Role: v1alpha1.RoleFollower, Term: t})
		}
	}
	return writes
}

// stepDown takes the role from a leader that a planned move is about to replace, still in its own term; nil where it has none.
func stepDown(o Observed, e election) *RoleWrite {
	if !e.planned || e.replaced == nil || e.replaced.Role.Annotation != v1alpha1.RoleLeader && e.replaced.Role.Label != v1alpha1.RoleLeader {
		return nil
	}
	return &RoleWrite{Member: *e.replaced, Role: v1alpha1.RoleFollower, Term: max(o.Record.Term(), e.replaced.Role.Term)}
}

// withoutRoles takes off what somebody wrote by hand before anybody ever led: there is no role yet.
func withoutRoles(o Observed) []RoleWrite {
	var writes []RoleWrite
	for _, m := range o.Members {
		if m.Role.HasAnnotation || m.Role.HasLabel {
			writes = append(writes, RoleWrite{Member: m})
		}
	}
	return writes
}

// outdatedHolders returns who led before t, as far as this process or status and slices tell.
func outdatedHolders(o Observed, t term.Number) []types.UID {
	uids := slices.Clone(o.Unmarked)
	for _, c := range published(o) {
		if c.uid != "" && c.term.Valid() && c.term < t {
			uids = append(uids, c.uid)
		}
	}
	return uids
}

func hasRole(m *Member, role string) bool {
	return m.Role.Annotation == role && m.Role.Label == role
}
