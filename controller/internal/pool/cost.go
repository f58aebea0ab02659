package pool

import "github.com/kube-zen/zen-lead/core/api/v1alpha1"

// costs says whether the write gives the member the deletion cost of a leader: it has none of its user's.
func (w RoleWrite) costs() bool {
	return w.Role == v1alpha1.RoleLeader && !w.Member.Role.HasCost
}

// costsNoMore says whether the write takes that off again. Only who was leader has ours: the same number on another member is
// its user's.
func (w RoleWrite) costsNoMore() bool {
	r := w.Member.Role
	led := r.Annotation == v1alpha1.RoleLeader || r.Label == v1alpha1.RoleLeader
	return w.Role != v1alpha1.RoleLeader && led && r.HasCost && r.Cost == v1alpha1.LeaderDeletionCost
}

// cost is what the patch does about the deletion cost. Its tests keep a value that a user wrote meanwhile.
func (w RoleWrite) cost() []operation {
	switch {
	case w.costs():
		return []operation{{"test", costPath, nil}, {"add", costPath, v1alpha1.LeaderDeletionCost}}
	case w.costsNoMore():
		return []operation{{"test", costPath, v1alpha1.LeaderDeletionCost}, {Op: "remove", Path: costPath}}
	}
	return nil
}
