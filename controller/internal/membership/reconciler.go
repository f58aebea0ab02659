package membership

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// reconciler makes label and role of one pod fit its annotation. It reads the pod from the API server: it is called for
// pods that are not as they should be, which is rare.
type reconciler struct {
	client client.Writer
	live   client.Reader
	// preferred says whether this replica does what one of them does for all.
	preferred func(types.NamespacedName) bool
}

const (
	requestTimeout = 5 * time.Second
	// retryAfter is when a pod that changed under the patch is looked at again.
	retryAfter = 50 * time.Millisecond
)

func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	pod := podMetadata()
	if err := r.live.Get(ctx, req.NamespacedName, pod); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	err := r.correct(ctx, pod)
	if apierrors.IsInvalid(err) {
		return ctrl.Result{RequeueAfter: retryAfter}, nil
	}
	return ctrl.Result{}, err
}

func (r *reconciler) correct(ctx context.Context, pod *metav1.PartialObjectMetadata) error {
	patch, err := correction(pod)
	if err != nil || patch == nil {
		return err
	}
	target := podMetadata()
	target.Namespace, target.Name = pod.Namespace, pod.Name
	err = r.client.Patch(ctx, target, client.RawPatch(types.JSONPatchType, patch))
	if err := client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("correct pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}
