package kube

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// FollowPolicy tells of a LeaderPolicy as [Pool.Follow] does of a Lease.
func FollowPolicy(ctx context.Context, client rest.Interface, namespace, name string, tell func(*v1alpha1.LeaderPolicy), failed func(error)) {
	all := func(*metav1.ListOptions) {}
	follow(ctx, name, cache.NewFilteredListWatchFromClient(client, "leaderpolicies", namespace, all), tell, failed)
}

// PolicyClient returns a client of LeaderPolicies.
func PolicyClient(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	metav1.AddToGroupVersion(scheme, v1alpha1.GroupVersion)
	c := rest.CopyConfig(config)
	c.GroupVersion, c.APIPath = &v1alpha1.GroupVersion, "/apis"
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.ContentType, c.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	return rest.RESTClientFor(c)
}

// Durations returns the durations of a policy whose members contend.
func Durations(p *v1alpha1.LeaderPolicy) (term.Durations, error) {
	d := term.DefaultDurations
	set(&d.Lease, p.Spec.LeaseDurationSeconds)
	set(&d.RenewDeadline, p.Spec.RenewDeadlineSeconds)
	set(&d.Retry, p.Spec.RetryPeriodSeconds)
	if err := d.Validate(); err != nil {
		return d, fmt.Errorf("LeaderPolicy %s/%s: %w", p.Namespace, p.Name, err)
	}
	return d, nil
}

func set(d *time.Duration, seconds *int32) {
	if seconds != nil {
		*d = time.Duration(*seconds) * time.Second
	}
}
