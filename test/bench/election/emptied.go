package election

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-zen/zen-lead/test/election"
)

// emptied knows when a watch of its own saw that a Lease names nobody. It sees that at about the moment at which standbys can.
type emptied struct {
	mu sync.Mutex
	at map[string][]time.Duration
}

// watchEmptied watches until ctx ends, or the API server ends the watch: half an hour or more.
func (r *rig) watchEmptied(ctx context.Context) (*emptied, error) {
	e := &emptied{at: map[string][]time.Duration{}}
	for _, namespace := range []string{oursNamespace, theirNamespace} {
		w, err := r.client.CoordinationV1().Leases(namespace).Watch(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		go e.follow(w)
	}
	return e, nil
}

func (e *emptied) follow(w watch.Interface) {
	for seen := range w.ResultChan() {
		now := election.Now()
		if l, ok := seen.Object.(*coordinationv1.Lease); ok && (l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "") {
			e.mu.Lock()
			e.at[l.Name] = append(e.at[l.Name], now)
			e.mu.Unlock()
		}
	}
}

// after is the first such moment of a pool after another. It is not known yet when the successor begins, who has a watch of its own.
func (e *emptied) after(pool string, moment time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, at := range e.at[pool] {
		if at > moment {
			return at
		}
	}
	return moment
}
