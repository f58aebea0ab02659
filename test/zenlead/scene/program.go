package scene

import (
	"context"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// readProgram reads the Lease of a program that elects itself; one that is missing is empty.
func (s *State) readProgram(ctx context.Context, scene *Scene) error {
	if s.observed == s.Policy.Name {
		return nil
	}
	s.own, s.Lease = s.Lease, &coordinationv1.Lease{}
	return client.IgnoreNotFound(scene.Get(ctx, client.ObjectKey{Namespace: scene.Namespace, Name: s.observed}, s.Lease))
}

// checkProgram compares a program's Lease with what the pool says of it. Whether the record has expired is not to be seen
// from here: the leader may be nobody although it names a member.
func (s *State) checkProgram() error {
	var c complaints
	holder := deref(s.Lease.Spec.HolderIdentity)
	pod, _, _ := strings.Cut(holder, "_")
	uid := holder == s.Leader+"-"+string(s.UID)
	c.check(s.Leader == "" || pod == s.Leader || uid, "Lease %s: held by %q, the status says %q", s.observed, holder, s.Leader)
	c.check(s.Lease.Labels[v1alpha1.PoolLabel] == "" || s.observed == s.Policy.Name, "Lease %s: bears zen-lead's label", s.observed)
	if s.own != nil { // a program may have it, whom nobody observes any more
		c.check(deref(s.own.Spec.HolderIdentity) == "" || deref(s.own.Spec.LeaseDurationSeconds) != heldForever, "Lease %s: held by %q while the pool observes %s", s.Policy.Name, deref(s.own.Spec.HolderIdentity), s.observed)
	}
	return c.err()
}
