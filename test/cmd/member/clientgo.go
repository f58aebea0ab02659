package main

import (
	"context"
	"crypto/rand"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kube-zen/zen-lead/core/kube"
)

// clientGo contends as controller-runtime's manager does, with LeaderElectionReleaseOnCancel where -release is set.
func (m *member) clientGo(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.Timeout, config.UserAgent = m.requestTimeout, "client-go-elector"
	client, err := coordinationclient.NewForConfig(config)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	return m.elect(ctx, &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: m.namespace, Name: m.pool},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: host + "_" + rand.Text()},
	}, func() int64 { return 0 })
}

// lock contends with the same elector on the Lease of a pool.
func (m *member) lock(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	lock, err := kube.NewResourceLock(config, m.namespace, m.pool)
	if err != nil {
		return err
	}
	return m.elect(ctx, lock, lock.Term)
}

func (m *member) elect(ctx context.Context, lock resourcelock.Interface, number func() int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: m.lease, RenewDeadline: m.renew, RetryPeriod: m.retry, ReleaseOnCancel: m.release,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				defer cancel()
				_ = m.work(ctx, number(), ctx.Err)
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	e.Run(ctx)
	return nil
}
