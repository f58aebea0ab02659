package membership

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// policyName is the name of the MutatingAdmissionPolicy, and of its binding, that labels pods.
const policyName = "zen-lead-label"

// Labelling says who writes the label zen-lead/pool.
type Labelling struct {
	// ByServer: the admission policy and its binding are there.
	ByServer bool
	// Changed is closed when that is not so any more.
	Changed <-chan struct{}
}

// WatchLabelling looks for the admission policy and its binding and goes on looking until ctx ends. A cluster without
// that API has no such policy.
func WatchLabelling(ctx context.Context, client kubernetes.Interface) (Labelling, error) {
	changed := make(chan struct{})
	api := client.AdmissionregistrationV1()
	_, policyErr := api.MutatingAdmissionPolicies().Get(ctx, policyName, metav1.GetOptions{})
	_, bindingErr := api.MutatingAdmissionPolicyBindings().Get(ctx, policyName, metav1.GetOptions{})
	for _, err := range []error{policyErr, bindingErr} {
		if err != nil && !apierrors.IsNotFound(err) {
			return Labelling{}, fmt.Errorf("look for MutatingAdmissionPolicy and binding %s: %w", policyName, err)
		}
	}
	served, err := servesPolicies(client)
	if err != nil || !served {
		return Labelling{Changed: changed}, err
	}
	l := Labelling{ByServer: policyErr == nil && bindingErr == nil, Changed: changed}
	return l, watchPolicy(ctx, client, l.ByServer, changed)
}

func servesPolicies(client kubernetes.Interface) (bool, error) {
	resources, err := client.Discovery().ServerResourcesForGroupVersion("admissionregistration.k8s.io/v1")
	if err != nil {
		return false, fmt.Errorf("ask for the admission API: %w", err)
	}
	for _, r := range resources.APIResources {
		if r.Name == "mutatingadmissionpolicies" {
			return true, nil
		}
	}
	return false, nil
}

// watchPolicy closes changed once the presence of policy and binding together is not what it was.
func watchPolicy(ctx context.Context, client kubernetes.Interface, before bool, changed chan<- struct{}) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", policyName).String()
	}))
	policies := factory.Admissionregistration().V1().MutatingAdmissionPolicies().Informer()
	bindings := factory.Admissionregistration().V1().MutatingAdmissionPolicyBindings().Informer()
	look := make(chan struct{}, 1)
	nudge := func(any) {
		select {
		case look <- struct{}{}:
		default:
		}
	}
	for _, i := range []cache.SharedIndexInformer{policies, bindings} {
		if _, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: nudge, DeleteFunc: nudge}); err != nil {
			return fmt.Errorf("watch %s: %w", policyName, err)
		}
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), policies.HasSynced, bindings.HasSynced) {
		return errors.Join(errors.New("watch "+policyName), context.Cause(ctx))
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-look:
				if (len(policies.GetStore().List()) > 0 && len(bindings.GetStore().List()) > 0) != before {
					close(changed)
					return
				}
			}
		}
	}()
	nudge(nil) // what changed between the first look and the watch
	return nil
}
