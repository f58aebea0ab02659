// Package server runs the controllers until it is told to stop.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kube-zen/zen-lead/controller/internal/api"
	"github.com/kube-zen/zen-lead/controller/internal/certificate"
	"github.com/kube-zen/zen-lead/controller/internal/membership"
	"github.com/kube-zen/zen-lead/controller/internal/pool"
	"github.com/kube-zen/zen-lead/controller/internal/replica"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Options of Run.
type Options struct {
	// Metrics and Health are addresses to listen on, as host:port; "0" is nowhere.
	Metrics, Health string
	// Namespaces are the only ones that are watched; none: all are.
	Namespaces []string
	// API is what callers without access to the Kubernetes API may ask.
	API API
}

// API is what callers without access to the Kubernetes API may ask. Without Certificates it is not served.
type API struct {
	// HTTP and GRPC are addresses to listen on, as host:port.
	HTTP, GRPC string
	// Certificates is the folder of tls.crt and tls.key.
	Certificates string
	// Secret, in this process's own namespace, is mounted there and kept filled for Names; "" where somebody else does that.
	Secret string
	Names  []string
	// Anonymous: who brings no token is system:anonymous.
	Anonymous bool
}

// Run runs the controllers until ctx ends. What the cache holds depends on who labels the members, so they start anew,
// in this process, when the admission policy comes or goes.
func Run(ctx context.Context, config *rest.Config, o Options) error {
	config = rest.CopyConfig(config)
	config.DisableCompression = true // the API server packs each event of a watch by itself, for each replica; they are small
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	for {
		err := runOnce(ctx, config, client, o)
		if err != nil || ctx.Err() != nil {
			return err
		}
		ctrl.Log.Info("Starting anew: the admission policy that labels members came or went")
	}
}

func runOnce(ctx context.Context, config *rest.Config, client kubernetes.Interface, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	labelling, err := labelling(ctx, client, o)
	if err != nil {
		return err
	}
	m, self, err := newManager(ctx, config, o, labelling.ByServer)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-labelling.Changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := m.Start(ctx); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	self.Release(context.WithoutCancel(ctx))
	return nil
}

// labelling finds out who labels members. Who is confined to some namespaces may not look for admission policies, which are
// the cluster's.
func labelling(ctx context.Context, client kubernetes.Interface, o Options) (membership.Labelling, error) {
	if len(o.Namespaces) > 0 {
		ctrl.Log.Info("Only some namespaces are watched: all pods of them, and members are labelled by this process", "namespaces", o.Namespaces)
		return membership.Labelling{}, nil
	}
	l, err := membership.WatchLabelling(ctx, client)
	switch {
	case err != nil:
		return l, err
	case l.ByServer:
		ctrl.Log.Info("The API server labels members; only they are watched")
	default:
		ctrl.Log.Info("No admission policy labels members; all pods are watched, and members labelled by this process")
	}
	return l, nil
}

func newManager(ctx context.Context, config *rest.Config, o Options, byServer bool) (manager.Manager, *replica.Replica, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, nil, fmt.Errorf("scheme: %w", err)
	}
	own := replica.OwnNamespace(o.Namespaces)
	cache, err := pool.CacheOptions(pool.Scope{AllPods: !byServer, Namespaces: o.Namespaces, Own: own})
	if err != nil {
		return nil, nil, err
	}
	m, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		Cache:  cache,
		Metrics: metricsserver.Options{
			BindAddress: o.Metrics, SecureServing: true, FilterProvider: filters.WithAuthenticationAndAuthorization,
		},
		HealthProbeBindAddress: o.Health,
	})
	if meta.IsNoMatchError(err) {
		return nil, nil, fmt.Errorf("the cluster does not know LeaderPolicies; install them: kubectl apply -k controller/config: %w", err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("manager: %w", err)
	}
	self, err := replica.Add(ctx, m, own)
	if err != nil {
		return nil, nil, err
	}
	return m, self, errors.Join(
		pool.Add(ctx, m, self.Prefers, len(o.Namespaces) > 0), membership.Add(m, byServer, o.Namespaces, self.Prefers), addProbes(m),
		addAPI(ctx, m, self, o.API),
	)
}

// addAPI serves the API, where it has a certificate.
func addAPI(ctx context.Context, m manager.Manager, self *replica.Replica, o API) error {
	if o.Certificates == "" {
		ctrl.Log.Info("Nobody is told who leads: --api-cert-dir is not given")
		return nil
	}
	files, err := certificate.Add(m, certificate.Options{
		Dir: o.Certificates, Secret: types.NamespacedName{Namespace: self.Namespace, Name: o.Secret}, Names: o.Names,
	})
	if err != nil {
		return fmt.Errorf("certificate of the API: %w", err)
	}
	self.Address = advertised(o.GRPC)
	serving, err := api.Add(ctx, m, api.Options{
		Self: self, Authority: files.Authority,
		HTTP: o.HTTP, GRPC: o.GRPC, Certificate: files.GetCertificate, Certified: files.Ready(), Awaits: files.Check, Anonymous: o.Anonymous, Heard: self.Heard,
	})
	if err != nil {
		return err
	}
	return m.AddReadyzCheck("api", serving)
}

// advertised is where other replicas reach what listens at an address: at the pod's IP, or, outside of a cluster, on the same machine.
func advertised(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = cmp.Or(os.Getenv("POD_IP"), "127.0.0.1")
	}
	return net.JoinHostPort(host, port)
}

// addProbes: healthy is who answers; ready is who has read everything and decides.
func addProbes(m manager.Manager) error {
	var synced atomic.Bool
	ready := manager.RunnableFunc(func(ctx context.Context) error { // started once the caches are filled
		synced.Store(true)
		<-ctx.Done()
		return nil
	})
	check := func(*http.Request) error {
		if !synced.Load() {
			return errors.New("the caches are not filled yet")
		}
		return nil
	}
	return errors.Join(m.Add(ready), m.AddHealthzCheck("ping", healthz.Ping), m.AddReadyzCheck("caches", check))
}
