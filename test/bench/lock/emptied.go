package lock

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/bench/swap"
	"github.com/kube-zen/zen-lead/test/election"
)

// watchEmptied returns where it comes when the last of so many records names the holder no more, by a watch of its own.
func (r *rig) watchEmptied(ctx context.Context, owner string, locks int) (emptied <-chan time.Duration, stop func(), err error) {
	c, err := client.NewWithWatch(swap.OwnConnection(r.cluster.RESTConfig()), client.Options{Scheme: r.scheme})
	if err != nil {
		return nil, nil, err
	}
	var list v1alpha1.ManualLockList
	if err := c.List(ctx, &list, client.InNamespace(ours)); err != nil {
		return nil, nil, fmt.Errorf("list of locks: %w", err)
	}
	left := map[string]bool{}
	for i := range list.Items {
		if ofHolder(&list.Items[i], owner) {
			left[list.Items[i].Name] = true
		}
	}
	if len(left) != locks {
		return nil, nil, fmt.Errorf("the holder holds %d locks, not %d", len(left), locks)
	}
	w, err := c.Watch(ctx, &v1alpha1.ManualLockList{}, client.InNamespace(ours), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	if err != nil {
		return nil, nil, fmt.Errorf("watch of locks: %w", err)
	}
	last := make(chan time.Duration, 1)
	go func() {
		for e := range w.ResultChan() {
			o, ok := e.Object.(*v1alpha1.ManualLock)
			if ok && e.Type == watch.Modified && !ofHolder(o, owner) {
				delete(left, o.Name)
			}
			if len(left) == 0 {
				last <- election.Now()
				return
			}
		}
	}()
	return last, w.Stop, nil
}

// ofHolder says whether a record names the process that was killed.
func ofHolder(o *v1alpha1.ManualLock, owner string) bool {
	return len(o.Status.Holders) > 0 && o.Status.Holders[0].Owner == owner
}
