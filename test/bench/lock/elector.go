package lock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kube-zen/zen-lead/test/bench/swap"
)

// What client-go recommends in the documentation of LeaderElectionConfig.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// electors contend for one Lease with client-go's elector and its defaults, as a lock for which there is nothing but a Lease: who gets it gives
// it up at once, and looks again when its elector would have: nobody is told that it is free.
type electors struct {
	mu     sync.Mutex
	passed int
}

// electorsTurn has so many contend for a while, and returns how often one got the lock in a second.
func (r *rig) electorsTurn(ctx context.Context, contenders int, warmUp, length time.Duration) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var e electors
	var all sync.WaitGroup
	for i := range contenders {
		client, err := kubernetes.NewForConfig(swap.Protobuf(swap.OwnConnection(r.cluster.RESTConfig())))
		if err != nil {
			return 0, fmt.Errorf("electors: %w", err)
		}
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: apart, Name: fmt.Sprintf("elector-%d", contenders)},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: fmt.Sprintf("elector-%d", i)},
		}
		all.Go(func() { e.contend(ctx, lock) })
	}
	if err := pause(ctx, warmUp); err != nil {
		return 0, err
	}
	before, began := e.count(), time.Now()
	if err := pause(ctx, length); err != nil {
		return 0, err
	}
	perSecond := float64(e.count()-before) / time.Since(began).Seconds()
	cancel()
	all.Wait()
	return perSecond, nil
}

func (e *electors) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.passed
}

func (e *electors) contend(ctx context.Context, lock resourcelock.Interface) {
	_ = pause(ctx, rand.N(retryPeriod)) // they do not begin at once
	for ctx.Err() == nil {
		term, giveUp := context.WithCancel(ctx)
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(ctx context.Context) {
					if ctx.Err() == nil { // else it was told to end before it began
						e.mu.Lock()
						e.passed++
						e.mu.Unlock()
					}
					giveUp()
				},
				OnStoppedLeading: func() {},
			},
		})
		if err == nil {
			elector.Run(term)
		}
		giveUp()
		_ = pause(ctx, wait.Jitter(retryPeriod, leaderelection.JitterFactor))
	}
}
