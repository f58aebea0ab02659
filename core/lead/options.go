package lead

import (
	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/core/kube"
)

// Option changes how [Run] and [Observe] work.
type Option func(*options)

type options struct {
	config    *rest.Config
	namespace string
	overrun   func(Term)
}

// WithConfig names the API server and the account. Set it in a program that has a configuration already, or more than one.
// Default: KUBECONFIG, else the pod's account.
func WithConfig(c *rest.Config) Option { return func(o *options) { o.config = c } }

// WithNamespace names the namespace of the pool. Set it outside of the pool's pods. Default: POD_NAMESPACE, else that of the
// kubeconfig's context, else the pod's.
func WithNamespace(namespace string) Option { return func(o *options) { o.namespace = namespace } }

// OnOverrun has f called where the function has not returned when the term can be another's; f gets the term that is over. Set it
// in a program that must survive that, and all of whose writes carry the term. The process contends again once the function has
// returned. Default: the process exits with status 1.
func OnOverrun(f func(Term)) Option { return func(o *options) { o.overrun = f } }

// complete fills in what was not set.
func complete(all []Option) (o options, err error) {
	for _, set := range all {
		set(&o)
	}
	if o.config == nil {
		if o.config, err = kube.Config(); err != nil {
			return o, err
		}
	}
	if o.namespace == "" {
		o.namespace, err = kube.Namespace()
	}
	return o, err
}
