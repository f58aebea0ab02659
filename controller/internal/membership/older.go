package membership

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Times at which all pods are looked at. The admission policies act a moment after they are applied, so a pod that was
// made in between is found by the second look; one that they passed over (failurePolicy Ignore) by a later one.
const (
	secondLook = 5 * time.Second
	laterLooks = 10 * time.Minute
)

// laterLook names the later looks among the pools: one of the replicas is preferred for them, and does them for all.
var laterLook = types.NamespacedName{Name: "later look"}

// correctOlder pages through all pods: those that are older than the admission policy have no label, and those that
// left a pool while nobody watched may bear a role. A pod that cannot be corrected waits for the next look; nothing
// here ends the process.
func (r *reconciler) correctOlder(ctx context.Context) error {
	for pause := secondLook; ; pause = laterLooks {
		if err := r.correctAll(ctx); err != nil {
			log.FromContext(ctx).Info("Not every pod's label and role could be corrected", "error", err.Error(), "nextLook", pause)
		}
		for looks := false; !looks; looks = pause == secondLook || r.preferred(laterLook) {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
		}
	}
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
