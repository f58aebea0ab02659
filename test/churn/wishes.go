package churn

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// wish writes what somebody wants of a pool. pod is any pod, of that pool or not.
func (l *load) wish(ctx context.Context, a Action, pool, pod string, chance int) {
	change := map[Action]fields{
		AskHandover: {"metadata": fields{"annotations": fields{v1alpha1.HandoverAnnotation: pod}}},
		EditPolicy: {"spec": fields{
			"preference": []any{nil, preference(pool, 0), preference(pool, 1), preference("elsewhere", 1)}[chance],
			"failover":   []any{nil, nil, fields{"minSecondsBetweenMoves": 1}, fields{"minSecondsBetweenMoves": 3}}[chance],
		}},
		PausePool:  {"spec": fields{"paused": true}},
		ResumePool: {"spec": fields{"paused": nil}},
	}[a]
	l.did(a, l.patchPolicy(ctx, pool, change))
}

// preference prefers the pods whose role was written last in a pool: what changes all the time.
func preference(pool string, failBackAfter int) fields {
	p := fields{"weights": []fields{
		{"weight": 10, "podLabels": fields{v1alpha1.PoolLabel: pool, v1alpha1.RoleLabel: v1alpha1.RoleFollower}},
		{"weight": -10, "podLabels": fields{v1alpha1.PoolLabel: pool}},
	}}
	if failBackAfter > 0 {
		p["failBack"] = fields{"afterSeconds": failBackAfter}
	}
	return p
}

func (l *load) patchPolicy(ctx context.Context, pool string, change fields) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = l.policies.Patch(ctx, pool, types.MergePatchType, body, metav1.PatchOptions{})
	return err
}
