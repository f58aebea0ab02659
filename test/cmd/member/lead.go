package main

import (
	"context"

	"github.com/kube-zen/zen-lead/core/lead"
)

func (m *member) lead(ctx context.Context) error {
	options := []lead.Option{lead.WithNamespace(m.namespace)}
	if m.survive {
		options = append(options, lead.OnOverrun(func(t lead.Term) { m.out.tell(event{Event: "overran", Term: t.Number}) }))
	}
	return lead.Run(ctx, m.pool, func(ctx context.Context, t lead.Term) error { return m.work(ctx, t.Number, t.Err) }, options...)
}
