package membership

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/kube-zen/zen-lead/controller/internal/patience"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// leavers selects pods that bear a role and are in no pool. There are none most of the time, so watching them costs
// nothing.
const leavers = v1alpha1.RoleLabel + ",!" + v1alpha1.PoolLabel

// Add adds what keeps labels and roles fitting to the manager. Where the server labels pods, that is one list of all
// pods at the start and a watch on those that left; else every pod is looked at, in the manager's own cache.
//
// namespaces are the only ones that are looked at, all if there are none. preferred says whether this replica does what one
// of them does for all.
func Add(m manager.Manager, byServer bool, namespaces []string, preferred func(types.NamespacedName) bool) error {
	r := &reconciler{client: m.GetClient(), live: m.GetAPIReader(), preferred: preferred}
	left, err := leaverCache(m, namespaces)
	if err != nil {
		return err
	}
	b := ctrl.NewControllerManagedBy(m).Named("membership").
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, SkipNameValidation: new(true)}).
		WatchesRawSource(source.Kind(left, podMetadata(), &handler.TypedEnqueueRequestForObject[*metav1.PartialObjectMetadata]{}))
	if byServer {
		err = m.Add(manager.RunnableFunc(r.correctOlder))
	} else {
		b = b.Watches(&corev1.Pod{}, &handler.EnqueueRequestForObject{}, builder.WithPredicates(unfit))
	}
	if err != nil {
		return fmt.Errorf("look at older pods: %w", err)
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("controller of membership: %w", err)
	}
	return nil
}

// unfit passes pods whose label or role does not fit their annotation.
var unfit = predicate.NewPredicateFuncs(func(pod client.Object) bool {
	patch, err := correction(pod)
	return err != nil || patch != nil
})

// confined returns nil, which is all, where there are no namespaces.
func confined(namespaces []string) map[string]cache.Config {
	var in map[string]cache.Config
	for _, n := range namespaces {
		if in == nil {
			in = map[string]cache.Config{}
		}
		in[n] = cache.Config{}
	}
	return in
}

func podMetadata() *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	return o
}

// leaverCache is a cache of its own: the manager's holds pods under another selector.
func leaverCache(m manager.Manager, namespaces []string) (cache.Cache, error) {
	selector, err := labels.Parse(leavers)
	if err != nil {
		return nil, fmt.Errorf("selector of leavers: %w", err)
	}
	c, err := cache.New(m.GetConfig(), cache.Options{
		Scheme: m.GetScheme(), Mapper: m.GetRESTMapper(), HTTPClient: m.GetHTTPClient(),
		DefaultTransform:  cache.TransformStripManagedFields(),
		NewInformer:       patience.NewInformer,
		DefaultNamespaces: confined(namespaces),
		ByObject:          map[client.Object]cache.ByObject{podMetadata(): {Label: selector}},
	})
	if err != nil {
		return nil, fmt.Errorf("cache of leavers: %w", err)
	}
	if err := m.Add(c); err != nil {
		return nil, fmt.Errorf("cache of leavers: %w", err)
	}
	return c, nil
}
