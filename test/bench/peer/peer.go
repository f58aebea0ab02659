package peer

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	coordinationlisters "k8s.io/client-go/listers/coordination/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const (
	// PoolLabel on a pod names the pool that it is in.
	PoolLabel = "peer/pool"
	// UserAgent is how the peer shows up in the audit log.
	UserAgent = "naive-peer"

	byPool  = "pool"
	workers = 16
)

type loop struct {
	client kubernetes.Interface
	queue  workqueue.TypedRateLimitingInterface[cache.ObjectName]
	pods   cache.Indexer
	leases coordinationlisters.LeaseLister
	slices discoverylisters.EndpointSliceLister
}

// Run elects leaders of the pools of a namespace until ctx ends.
func Run(ctx context.Context, config *rest.Config, namespace string) error {
	config = rest.CopyConfig(config)
	config.UserAgent, config.QPS = UserAgent, -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	l, synced, err := newLoop(ctx, client, namespace)
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return errors.Join(errors.New("peer: caches"), context.Cause(ctx))
	}
	for range workers {
		go wait.UntilWithContext(ctx, l.work, time.Second)
	}
	<-ctx.Done()
	l.queue.ShutDown()
	return nil
}

func newLoop(ctx context.Context, client kubernetes.Interface, namespace string) (*loop, []cache.InformerSynced, error) {
	all := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	members := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = PoolLabel }))
	l := &loop{
		client: client,
		queue:  workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]()),
		leases: all.Coordination().V1().Leases().Lister(),
		slices: all.Discovery().V1().EndpointSlices().Lister(),
	}
	pods := members.Core().V1().Pods().Informer()
	l.pods = pods.GetIndexer()
	if err := pods.AddIndexers(cache.Indexers{byPool: func(o any) ([]string, error) { return []string{poolOf(o)}, nil }}); err != nil {
		return nil, nil, err
	}
	enqueue := func(o any) { l.queue.Add(cache.ObjectName{Namespace: namespace, Name: poolOf(o)}) }
	if _, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: enqueue, UpdateFunc: func(_, o any) { enqueue(o) }, DeleteFunc: enqueue,
	}); err != nil {
		return nil, nil, err
	}
	synced := []cache.InformerSynced{
		pods.HasSynced, all.Coordination().V1().Leases().Informer().HasSynced, all.Discovery().V1().EndpointSlices().Informer().HasSynced,
	}
	all.Start(ctx.Done())
	members.Start(ctx.Done())
	return l, synced, nil
}

func poolOf(o any) string {
	if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	if pod, ok := o.(*corev1.Pod); ok {
		return pod.Labels[PoolLabel]
	}
	return ""
}

func (l *loop) work(ctx context.Context) {
	for {
		pool, shutdown := l.queue.Get()
		if shutdown {
			return
		}
		if err := l.reconcile(ctx, pool); err != nil {
			l.queue.AddRateLimited(pool)
		} else {
			l.queue.Forget(pool)
		}
		l.queue.Done(pool)
	}
}

func (l *loop) reconcile(ctx context.Context, pool cache.ObjectName) error {
	lease, err := l.lease(ctx, pool)
	if err != nil {
		return err
	}
	holder := ""
	if lease.Spec.HolderIdentity != nil {
		holder = *lease.Spec.HolderIdentity
	}
	leader, err := l.choose(pool, holder)
	if err != nil || leader == nil {
		return err
	}
	if leader.Name != holder {
		now := metav1.NowMicro()
		lease = lease.DeepCopy()
		lease.Spec.HolderIdentity, lease.Spec.AcquireTime, lease.Spec.RenewTime = &leader.Name, &now, &now
		transitions := int32(1)
		if lease.Spec.LeaseTransitions != nil {
			transitions += *lease.Spec.LeaseTransitions
		}
		lease.Spec.LeaseTransitions = &transitions
		if _, err := l.client.CoordinationV1().Leases(pool.Namespace).Update(ctx, lease, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return l.publish(ctx, pool, leader)
}

// choose keeps the holder while it is ready, and else takes the oldest ready member.
func (l *loop) choose(pool cache.ObjectName, holder string) (*corev1.Pod, error) {
	members, err := l.pods.ByIndex(byPool, pool.Name)
	if err != nil {
		return nil, err
	}
	var oldest *corev1.Pod
	for _, o := range members {
		pod, ok := o.(*corev1.Pod)
		if !ok || !ready(pod) {
			continue
		}
		if pod.Name == holder {
			return pod, nil
		}
		if oldest == nil || older(pod, oldest) {
			oldest = pod
		}
	}
	return oldest, nil
}

func ready(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func older(a, b *corev1.Pod) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}

func names(slice *discoveryv1.EndpointSlice, leader *corev1.Pod) bool {
	return len(slice.Endpoints) == 1 && slice.Endpoints[0].TargetRef != nil && slice.Endpoints[0].TargetRef.UID == leader.UID
}
