package pools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// succession is what is written when the leader of a pool is lost, worked out before it is.
type succession struct {
	lease  *coordinationv1.Lease
	slice  *discoveryv1.EndpointSlice
	policy *v1alpha1.LeaderPolicy
	pods   []*corev1.Pod

	successor *corev1.Pod
	patch     []byte
}

// prepare turns the objects as they were read into those that zen-lead would write.
func (s *succession) prepare() error {
	if s.lease == nil || s.slice == nil || s.policy == nil || len(s.slice.Endpoints) != 1 {
		return errors.New("it has no Lease, no slice with a leader or no policy")
	}
	record, ok, err := kube.RecordOf(s.lease)
	if err != nil || !ok {
		return errors.Join(errors.New("the Lease is not zen-lead's"), err)
	}
	for _, p := range s.pods {
		if string(p.UID) != record.Holder.UID {
			s.successor = p
		}
	}
	if s.successor == nil {
		return errors.New("nobody is left to lead")
	}
	record = record.Grant(term.Holder{Identity: s.successor.Name, UID: string(s.successor.UID)}, 0)
	now := metav1.MicroTime{Time: time.Now().Truncate(time.Microsecond)}
	s.prepareLease(record, now)
	s.prepareSlice(record.Term())
	s.preparePolicy(record.Term(), now)
	return s.preparePatch(record.Term())
}

func (s *succession) prepareLease(record term.Record, now metav1.MicroTime) {
	s.lease.ManagedFields = nil // zen-lead's cache does not hold them
	s.lease.Annotations[v1alpha1.HolderUIDAnnotation] = record.Holder.UID
	s.lease.Spec.HolderIdentity, s.lease.Spec.LeaseTransitions = &record.Holder.Identity, &record.Transitions
	s.lease.Spec.AcquireTime, s.lease.Spec.RenewTime = &now, &now
}

func (s *succession) prepareSlice(t term.Number) {
	s.slice.ManagedFields = nil
	s.slice.Annotations[v1alpha1.TermAnnotation] = kube.FormatTerm(t)
	e := &s.slice.Endpoints[0]
	e.Addresses = []string{s.successor.Status.PodIP}
	e.TargetRef.Name, e.TargetRef.UID = s.successor.Name, s.successor.UID
}

func (s *succession) preparePolicy(t term.Number, now metav1.MicroTime) {
	s.policy.ManagedFields = nil
	status := &s.policy.Status
	status.Term, status.LastTransitionTime = int64(t), &now
	*status.Candidates--
	*status.CurrentHolder = v1alpha1.Holder{
		Name: s.successor.Name, UID: s.successor.UID, Namespace: s.successor.Namespace, StartTime: &now,
	}
	for i := range status.Conditions {
		switch c := &status.Conditions[i]; c.Type {
		case v1alpha1.ConditionLeaderElected:
			c.Message = s.successor.Name + " leads"
		case v1alpha1.ConditionCandidatesAvailable:
			c.Message = fmt.Sprintf("%d members may be elected", *status.Candidates)
		}
	}
}

// preparePatch makes the patch of the successor's role with the same tests and changes as zen-lead's.
func (s *succession) preparePatch(t term.Number) (err error) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value"`
	}
	seen := s.successor.Annotations
	s.patch, err = json.Marshal([]operation{
		{"test", "/metadata/uid", string(s.successor.UID)},
		{"test", "/metadata/annotations/zen-lead~1pool", seen[v1alpha1.PoolAnnotation]},
		{"test", "/metadata/annotations/zen-lead~1role", seen[v1alpha1.RoleAnnotation]},
		{"test", "/metadata/annotations/zen-lead~1term", seen[v1alpha1.TermAnnotation]},
		{"add", "/metadata/annotations/zen-lead~1role", v1alpha1.RoleLeader},
		{"add", "/metadata/annotations/zen-lead~1term", kube.FormatTerm(t)},
		{"add", "/metadata/labels/zen-lead~1role", v1alpha1.RoleLeader},
	})
	return err
}

// write makes the four writes.
func (s *succession) write(ctx context.Context, c client.Client) error {
	if err := c.Update(ctx, s.lease); err != nil {
		return fmt.Errorf("raw Lease: %w", err)
	}
	if err := c.Update(ctx, s.slice); err != nil {
		return fmt.Errorf("raw slice: %w", err)
	}
	pod := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: s.successor.Namespace, Name: s.successor.Name}}
	pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	if err := c.Patch(ctx, pod, client.RawPatch(types.JSONPatchType, s.patch)); err != nil {
		return fmt.Errorf("raw role: %w", err)
	}
	if err := c.Status().Update(ctx, s.policy); err != nil {
		return fmt.Errorf("raw status: %w", err)
	}
	return nil
}
