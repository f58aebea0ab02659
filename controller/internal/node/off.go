package node

import corev1 "k8s.io/api/core/v1"

// Off says whether somebody vouches that the node is off, and the node does not say otherwise: a taint that was left on a node
// which runs again vouches for nothing. The garbage collector of pods asks for both, too.
func Off(n *corev1.Node) bool {
	return StandingOf(n) == OutOfService && ready(n) != corev1.ConditionTrue
}
