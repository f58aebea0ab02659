package locks

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/kube-zen/zen-lead/controller/internal/replica"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Add returns the keeper of this replica, which hears of ManualLocks once the manager runs. synced says when it has heard of all that there
// were.
func Add(ctx, life context.Context, m manager.Manager, self Self) (k *Keeper, synced toolscache.InformerSynced, err error) {
	status, err := newStatusClient(m.GetConfig(), m.GetHTTPClient())
	if err != nil {
		return nil, nil, fmt.Errorf("write locks: %w", err)
	}
	k = New(life, self, replica.Lasts, m.GetAPIReader(), status)
	k.Patcher, k.Recorder = m.GetClient(), m.GetEventRecorder("zen-lead")
	informer, err := m.GetCache().GetInformer(ctx, &v1alpha1.ManualLock{})
	if meta.IsNoMatchError(err) {
		return nil, nil, fmt.Errorf("the cluster does not know ManualLocks; install them: kubectl apply -k controller/config: %w", err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("watch locks: %w", err)
	}
	registered, err := informer.AddEventHandler(k.Handler())
	if err != nil {
		return nil, nil, fmt.Errorf("watch locks: %w", err)
	}
	return k, registered.HasSynced, nil
}
