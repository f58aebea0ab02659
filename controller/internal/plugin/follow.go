package plugin

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// calm is how long a watch is listened to after a change: one move is many writes.
const calm = 100 * time.Millisecond

// follow shows something now and after each change of policies and their pods, until ctx ends.
func follow(ctx context.Context, c client.WithWatch, namespace string, show func(context.Context) error) error {
	for ctx.Err() == nil {
		policies, err := c.Watch(ctx, &v1alpha1.LeaderPolicyList{}, client.InNamespace(namespace))
		if err != nil {
			return fmt.Errorf("watch policies: %w", advice(err, namespace, ""))
		}
		pods, err := c.Watch(ctx, &corev1.PodList{}, client.InNamespace(namespace), client.HasLabels{v1alpha1.PoolLabel})
		if err != nil {
			policies.Stop()
			return fmt.Errorf("watch pods: %w", err)
		}
		err = listen(ctx, policies, pods, show)
		policies.Stop()
		pods.Stop()
		if err != nil {
			return err
		}
	}
	return nil // interrupted, as it was meant to be
}

// listen shows what there is after each burst of events, until a watch ends: the API server ends each after a while.
func listen(ctx context.Context, policies, pods watch.Interface, show func(context.Context) error) error {
	timer := time.NewTimer(calm) // a watch begins with what is there
	defer timer.Stop()
	for {
		select {
		case _, open := <-policies.ResultChan():
			if !open {
				return nil
			}
			timer.Reset(calm)
		case _, open := <-pods.ResultChan():
			if !open {
				return nil
			}
			timer.Reset(calm)
		case <-timer.C:
			if err := show(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}
