package kubebuilder

import (
	"context"

	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/core/kube"
)

// Fence returns a copy of a configuration whose clients write only in a term, as [kube.Fence] has it: give it to the manager. A request
// is fenced by the term in its context, which that of a reconciliation and of [Election.Work] has (also once it has ended, by
// [context.WithoutCancel]); any other by the term that this process is in. In none it fails with kube.ErrNotSent and lead.ErrLost.
// Reads, and so caches, go on.
//
// Caveats: an event that the manager's recorder is given in no term is tried again by client-go, for two minutes at most. What every
// replica writes needs a client of the configuration as it was, and so does the election itself, where lead.WithConfig is among its
// options: it would never begin.
func (e *Election) Fence(config *rest.Config, opts ...kube.FenceOption) *rest.Config {
	return kube.FenceFunc(config, e.termOf, opts...)
}

// termOf is the term of a request: one that began in an earlier term is not of the present one.
func (e *Election) termOf(ctx context.Context) kube.Tenure {
	if t, ok := TermFrom(ctx); ok {
		return t
	}
	if t, ok := e.Term(); ok {
		return t
	}
	return nil
}
