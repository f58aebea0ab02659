package api

import (
	"cmp"
	"context"
	"crypto/x509"
	_ "embed" // for the description that is served
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/kube-zen/zen-lead/controller/internal/locks"
	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

//go:embed openapi.swagger.json
var openAPI []byte

// Options of the API.
type Options struct {
	// HTTP and GRPC are addresses to listen on, as host:port.
	HTTP, GRPC string
	// Certificate is shown to callers once Certified is closed.
	Certificate Certificate
	Certified   <-chan struct{}
	// Authority are those that the certificates of other replicas may be of; nil are those of the system.
	Authority func() *x509.CertPool
	// Awaits says what is awaited while there is no certificate.
	Awaits func(*http.Request) error
	// Anonymous: who brings no token is system:anonymous.
	Anonymous bool
	// Self is this replica among the others.
	Self locks.Self
	// Heard returns a moment before which everything that was written has been heard of.
	Heard func() time.Time
}

// api is the API while a manager runs.
type api struct {
	options Options
	service *service
	keeper  *locks.Keeper
	// end ends the keeper's life.
	end     context.CancelFunc
	synced  []toolscache.InformerSynced
	serving atomic.Bool
}

// Add serves the API for as long as the manager runs. The check that it returns fails until it does.
func Add(ctx context.Context, m manager.Manager, o Options) (func(*http.Request) error, error) {
	access, err := newAccess(m.GetConfig(), o.Anonymous)
	if err != nil {
		return nil, err
	}
	// Locks outlive what tells the manager to end: what is under way is settled, and told.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	keeper, heardOfLocks, err := locks.Add(ctx, life, m, o.Self)
	if err != nil {
		end()
		return nil, err
	}
	feed := &snapshot.Feed{}
	a := &api{options: o, keeper: keeper, end: end, synced: []toolscache.InformerSynced{heardOfLocks}, service: &service{
		board: &feed.Board, heard: o.Heard, live: m.GetAPIReader(), asked: m.GetClient(),
		access: access, now: time.Now, sendWithin: slowAfter,
	}}
	a.service.locks = newLockService(a.service, keeper, o.Self, newReplicas(o.Certificate, o.Authority))
	for _, kind := range []client.Object{&v1alpha1.LeaderPolicy{}, &coordinationv1.Lease{}, &corev1.Pod{}} {
		informer, err := m.GetCache().GetInformer(ctx, kind)
		if err != nil {
			return nil, fmt.Errorf("watch %T for the API: %w", kind, err)
		}
		registered, err := informer.AddEventHandler(feed.Handler())
		if err != nil {
			return nil, fmt.Errorf("watch %T for the API: %w", kind, err)
		}
		a.synced = append(a.synced, registered.HasSynced)
	}
	if err := m.Add(a); err != nil {
		return nil, fmt.Errorf("serve the API: %w", err)
	}
	return a.check, nil
}

// NeedLeaderElection: every replica answers.
func (a *api) NeedLeaderElection() bool { return false }

// Start serves once everything was read and there is a certificate, until ctx ends.
func (a *api) Start(ctx context.Context) error {
	if !toolscache.WaitForCacheSync(ctx.Done(), a.synced...) {
		return nil
	}
	logger := log.FromContext(ctx).WithName("api")
	select {
	case <-a.options.Certified:
	default:
		logger.Info("Waiting for a certificate")
		select {
		case <-a.options.Certified:
		case <-ctx.Done():
			return nil
		}
	}
	v, err := newServer(ctx, a.service, a.options.Certificate, openAPI)
	if err != nil {
		return err
	}
	var l net.ListenConfig
	byGRPC, err := l.Listen(ctx, "tcp", a.options.GRPC)
	if err != nil {
		return fmt.Errorf("listen for gRPC: %w", err)
	}
	byHTTP, err := l.Listen(ctx, "tcp", a.options.HTTP)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	logger.Info("Telling who leads", "grpc", byGRPC.Addr().String(), "https", byHTTP.Addr().String())
	go watchTide(ctx, func() bool {
		_, lost := a.service.age()
		return lost
	}, a.service.board.Nudge)
	go a.keeper.Run(ctx)
	defer a.end()
	defer a.service.locks.replicas.close()
	a.serving.Store(true)
	defer a.serving.Store(false)
	return v.run(ctx, byGRPC, byHTTP)
}

func (a *api) check(r *http.Request) error {
	if a.serving.Load() {
		return nil
	}
	return cmp.Or(a.options.Awaits(r), errors.New("the API is not served yet"))
}
