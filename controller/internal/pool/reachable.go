package pool

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// leaderReachable says whether the node of the leader, nil for none, can be heard.
func leaderReachable(leader *Member) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionLeaderReachable, Status: metav1.ConditionTrue}
	if leader == nil || !leader.Standing.Lost() {
		return c
	}
	c.Status = metav1.ConditionFalse
	var what string
	switch leader.Standing {
	case node.Silent:
		c.Status, c.Reason = metav1.ConditionUnknown, v1alpha1.ReasonNodeSilent
		what = "has stopped to renew its Lease: it may be well, cut off or dead"
	case node.Unreachable:
		c.Reason, what = v1alpha1.ReasonNodeUnreachable, "is unreachable: the pod may still run there"
	case node.Gone:
		c.Reason, what = v1alpha1.ReasonNodeGone, "is gone: the pod may still run there"
	default:
		c.Reason, what = v1alpha1.ReasonNodeOutOfService, "is out of service"
	}
	c.Message = fmt.Sprintf("node %s of %s %s", leader.Node, leader.Name, what)
	return c
}
