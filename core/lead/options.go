package lead

import (
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
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

// WithNamespace names the namespace of the pool. Set it outside of the pool's pods. Default: POD_NAMESPACE, else the pod's, else that
// of the kubeconfig's context.
func WithNamespace(namespace string) Option { return func(o *options) { o.namespace = namespace } }

// OnOverrun has f called where the function has not returned when the term can be another's; f gets the term that is over. Set it
// in a program that must survive that, and all of whose writes carry the term. The process contends again once the function has
// returned. Default: the process exits with status 1.
func OnOverrun(f func(Term)) Option { return func(o *options) { o.overrun = f } }

// complete fills in what was not set.
func complete(all []Option) (options, error) {
	o := options{namespace: os.Getenv("POD_NAMESPACE")}
	for _, set := range all {
		set(&o)
	}
	if o.config != nil && o.namespace != "" {
		return o, nil
	}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil)
	var err error
	if o.namespace == "" {
		if o.namespace, _, err = loader.Namespace(); err != nil {
			return o, fmt.Errorf("find the namespace: %w", err)
		}
	}
	if o.config == nil {
		if o.config, err = loader.ClientConfig(); err != nil {
			return o, fmt.Errorf("find the API server: %w", err)
		}
	}
	return o, nil
}
