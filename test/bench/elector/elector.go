// Package elector runs candidates that elect a leader with client-go's leaderelection and its defaults, as an operator's
// replicas do.
package elector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// What client-go recommends in the documentation of LeaderElectionConfig, and every Kubernetes component uses.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// UserAgent is how the electors show up in the audit log.
const UserAgent = "client-go-elector"

// Groups are pools of candidates. They run until the context of Start ends.
type Groups struct {
	leading chan lead
	cancel  map[string]context.CancelFunc
	leaders map[int]string
	done    sync.WaitGroup
}

type lead struct {
	group    int
	identity string
	at       time.Time
}

// Start starts groups of candidates and returns when each group has a leader.
func Start(ctx context.Context, config *rest.Config, namespace string, groups, candidates int) (*Groups, error) {
	config = rest.CopyConfig(config)
	config.UserAgent, config.QPS = UserAgent, -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("electors: %w", err)
	}
	g := &Groups{leading: make(chan lead, groups*candidates), cancel: map[string]context.CancelFunc{}, leaders: map[int]string{}}
	for group := range groups {
		for n := range candidates {
			if err := g.candidate(ctx, client, namespace, group, fmt.Sprintf("elector-%d-%d", group, n)); err != nil {
				return nil, fmt.Errorf("electors: %w", err)
			}
		}
	}
	for len(g.leaders) < groups {
		l, err := g.next(ctx)
		if err != nil {
			return nil, fmt.Errorf("electors: waiting for leaders: %w", err)
		}
		g.leaders[l.group] = l.identity
	}
	return g, nil
}

func (g *Groups) candidate(ctx context.Context, client kubernetes.Interface, namespace string, group int, identity string) error {
	ctx, g.cancel[identity] = context.WithCancel(ctx)
	e, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("elector-%d", group)},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		ReleaseOnCancel: false, // cancelling it is its sudden death
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { g.leading <- lead{group, identity, time.Now()} },
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	g.done.Go(func() { e.Run(ctx) })
	return nil
}

func (g *Groups) next(ctx context.Context) (lead, error) {
	select {
	case l := <-g.leading:
		return l, nil
	case <-time.After(time.Minute):
		return lead{}, errors.New("nobody became leader for a minute")
	case <-ctx.Done():
		return lead{}, context.Cause(ctx)
	}
}

// Kill ends the leader of a group without a release and returns how long the group had none: from the moment that it was
// killed until a standby leads.
func (g *Groups) Kill(ctx context.Context, group int) (time.Duration, error) {
	killed := time.Now()
	g.cancel[g.leaders[group]]()
	for {
		l, err := g.next(ctx)
		if err != nil {
			return 0, fmt.Errorf("electors: successor of %s: %w", g.leaders[group], err)
		}
		if l.group == group {
			g.leaders[group] = l.identity
			return l.at.Sub(killed), nil
		}
	}
}

// Wait returns when every candidate has ended, after the context of Start has.
func (g *Groups) Wait() { g.done.Wait() }
