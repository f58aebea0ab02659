package replica

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// defaultNamespace is where zen-lead is installed.
const defaultNamespace = "zen-lead-system"

// accountNamespace is where a pod finds the namespace that it runs in.
const accountNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// Add makes this process one of the replicas for as long as the manager runs. Release is to be called after that.
//
// namespace is where its Lease is: OwnNamespace.
func Add(ctx context.Context, m manager.Manager, namespace string) (*Replica, error) {
	r := &Replica{Client: m.GetClient(), Live: m.GetAPIReader(), Namespace: namespace, Now: time.Now,
		newcomer: make(chan struct{}, 1)}
	r.own.begin(newName())
	informer, err := m.GetCache().GetInformer(ctx, &coordinationv1.Lease{})
	if err != nil {
		return nil, fmt.Errorf("watch replicas: %w", err)
	}
	if _, err := informer.AddEventHandler(r.handler()); err != nil {
		return nil, fmt.Errorf("watch replicas: %w", err)
	}
	if err := m.Add(r); err != nil {
		return nil, fmt.Errorf("renew the replica's Lease: %w", err)
	}
	return r, nil
}

// handler hears of the replicas' Leases.
func (r *Replica) handler() toolscache.ResourceEventHandler {
	added := func(o any, initial bool) {
		l, ok := o.(*coordinationv1.Lease)
		if !ok {
			return
		}
		r.saw(l, initial)
		if initial || l.Name == r.own.current() {
			return
		}
		select {
		case r.newcomer <- struct{}{}:
		default:
		}
	}
	return toolscache.FilteringResourceEventHandler{
		FilterFunc: func(o any) bool {
			if d, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
				o = d.Obj
			}
			l, ok := o.(*coordinationv1.Lease)
			return ok && l.Namespace == r.Namespace && strings.HasPrefix(l.Name, LeasePrefix) && l.Labels[managedBy] == "zen-lead"
		},
		Handler: toolscache.ResourceEventHandlerDetailedFuncs{
			AddFunc: added,
			UpdateFunc: func(_, o any) {
				if l, ok := o.(*coordinationv1.Lease); ok {
					r.saw(l, false)
				}
			},
			DeleteFunc: func(o any) {
				if key, err := toolscache.DeletionHandlingMetaNamespaceKeyFunc(o); err == nil {
					r.peers.gone(strings.TrimPrefix(key, r.Namespace+"/"), r.Now())
				}
			},
		},
	}
}

func (r *Replica) saw(l *coordinationv1.Lease, initial bool) {
	if r.peers.saw(l, initial, r.Now()); l.Name == r.own.current() && l.Spec.RenewTime != nil {
		r.echo.back(l.Spec.RenewTime.Time)
	}
}

// OwnNamespace returns the namespace in which this process runs. Outside a cluster it is the one in which zen-lead is
// installed, or the first of those that the process is confined to.
func OwnNamespace(confinedTo []string) string {
	if n := os.Getenv("POD_NAMESPACE"); n != "" {
		return n
	}
	if n, err := os.ReadFile(accountNamespace); err == nil {
		return strings.TrimSpace(string(n))
	}
	if len(confinedTo) > 0 {
		return confinedTo[0]
	}
	return defaultNamespace
}

// notInName is what the name of a Lease cannot have.
var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// newName names the Lease of one process on this host, and of no other before or after it.
func newName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown" // only people read it
	}
	host = notInName.ReplaceAllString(strings.ToLower(host), "-")
	return LeasePrefix + strings.Trim(host[:min(len(host), 63)], "-") + "-" + rand.String(5)
}
