package membership

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// correctOlder pages once through all pods: those that are older than the admission policy have no label, and those
// that left a pool before may bear a role. It tries until it went through; until then such pods wait.
func (r *reconciler) correctOlder(ctx context.Context) error {
	backoff := wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.1, Steps: 10, Cap: time.Minute}
	return wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		if err := r.correctAll(ctx); err != nil {
			log.FromContext(ctx).Info("Older pods are not all looked at yet", "error", err.Error())
			return false, nil
		}
		return true, nil
	})
}

func (r *reconciler) correctAll(ctx context.Context) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	var errs []error
	for {
		if err := r.live.List(ctx, list, client.Limit(500), client.Continue(list.Continue)); err != nil {
			return errors.Join(append(errs, fmt.Errorf("list pods: %w", err))...)
		}
		for i := range list.Items {
			errs = append(errs, r.correct(ctx, &list.Items[i]))
		}
		if list.Continue == "" {
			return errors.Join(errs...)
		}
	}
}
