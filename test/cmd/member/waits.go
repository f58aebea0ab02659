package main

import (
	"context"
	"log/slog"
)

// teller passes the log on, and tells once the elector says that it waits: its watches are there then.
type teller struct {
	slog.Handler
	out *out
}

// Handle makes an event of the line that says so.
func (t teller) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "Waiting for the lead" {
		e := event{Event: "waits"}
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "why" {
				e.Cause = a.Value.String()
			}
			return true
		})
		t.out.tell(e)
	}
	return t.Handler.Handle(ctx, r)
}

// WithAttrs keeps telling.
func (t teller) WithAttrs(all []slog.Attr) slog.Handler {
	return teller{t.Handler.WithAttrs(all), t.out}
}
