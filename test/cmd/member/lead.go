package main

import (
	"context"

	"github.com/kube-zen/zen-lead/core/lead"
)

func (m *member) lead(ctx context.Context) error {
	return lead.Run(ctx, m.pool, func(ctx context.Context, t lead.Term) error { return m.work(ctx, t.Number) },
		lead.WithNamespace(m.namespace))
}
