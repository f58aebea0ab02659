package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// stepDown takes the role from the leader before a planned move. What the move writes on it later is fenced by that.
func (p *pass) stepDown(ctx context.Context, plan Plan) error {
	if plan.StepDown == nil {
		return nil
	}
	p.m.stepDowns++
	if err := p.writeRole(ctx, *plan.StepDown); err != nil {
		return fmt.Errorf("%w: %w", errStale, err) // it may have landed
	}
	p.m.stepDowns = 0
	for i := range plan.Roles {
		if m := &plan.Roles[i].Member; m.UID == plan.StepDown.Member.UID {
			m.Role, m.Unlabelled = plan.StepDown.written(), false
		}
	}
	return nil
}

// writeRoles writes roles side by side; but unless a leader is lost, that of the leader last: nobody else bears it then.
func (p *pass) writeRoles(ctx context.Context, plan Plan) error {
	lost := plan.Record != nil && !plan.Planned
	var first, last []RoleWrite
	for _, w := range plan.Roles {
		if w.Role == v1alpha1.RoleLeader && !lost {
			last = append(last, w)
		} else {
			first = append(first, w)
		}
	}
	err := p.writeSideBySide(ctx, first)
	if err != nil && p.m.failures < failuresInARow {
		return err
	}
	return errors.Join(err, p.writeSideBySide(ctx, last))
}

func (p *pass) writeSideBySide(ctx context.Context, writes []RoleWrite) error {
	var roles sync.WaitGroup
	errs := make([]error, len(writes))
	for i, w := range writes {
		roles.Go(func() { errs[i] = p.writeRole(ctx, w) })
	}
	roles.Wait()
	return errors.Join(errs...)
}

// writeRole patches the metadata of a pod; see RoleWrite.patch for its fence.
func (p *pass) writeRole(ctx context.Context, w RoleWrite) error {
	body, err := w.patch(p.o.Name)
	if err != nil {
		return err
	}
	pod := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: p.o.Namespace, Name: w.Member.Name}}
	pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	err = p.bounded(ctx, func(ctx context.Context) error {
		return p.r.Client.Patch(ctx, pod, client.RawPatch(types.JSONPatchType, body))
	})
	switch {
	case apierrors.IsNotFound(err):
		return nil // the pod is gone, and its role with it
	case apierrors.IsInvalid(err):
		return fmt.Errorf("%w: role of pod %s: %w", errStale, w.Member.Name, err)
	case err != nil:
		return fmt.Errorf("write role of pod %s: %w", w.Member.Name, err)
	}
	p.rememberRole(w.Member.UID, pod.ResourceVersion, w.written())
	return nil
}
