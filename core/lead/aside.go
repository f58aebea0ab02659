package lead

import (
	"context"
	"log/slog"
	"time"
)

// aside is a handler of logs that hands records on to another, beside whoever logs: that one may stand still, as standard error does
// when nobody reads the other end of the pipe, and the end of a term must not wait for it. What it cannot take in time is dropped.
type aside struct {
	slog.Handler
	queue chan func()
}

// logAside returns a logger that never waits. flush waits until all is written that was logged, for at most some time; end does so
// too, and frees what it holds.
func logAside(log *slog.Logger) (logger *slog.Logger, flush func(time.Duration), end func()) {
	queue, ended := make(chan func(), 100), make(chan struct{})
	go func() {
		for {
			select {
			case write := <-queue:
				write()
			case <-ended:
				return
			}
		}
	}()
	flush = func(most time.Duration) {
		timer, written := time.NewTimer(most), make(chan struct{})
		defer timer.Stop()
		select {
		case queue <- func() { close(written) }:
		case <-timer.C:
			return
		}
		select {
		case <-written:
		case <-timer.C:
		}
	}
	return slog.New(aside{log.Handler(), queue}), flush, func() { flush(time.Second); close(ended) }
}

// Handle is part of slog's interface.
func (h aside) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	select {
	case h.queue <- func() { _ = h.Handler.Handle(context.WithoutCancel(ctx), r) }:
	default:
	}
	return nil
}

// WithAttrs is part of slog's interface.
func (h aside) WithAttrs(attrs []slog.Attr) slog.Handler {
	return aside{h.Handler.WithAttrs(attrs), h.queue}
}

// WithGroup is part of slog's interface.
func (h aside) WithGroup(name string) slog.Handler {
	return aside{h.Handler.WithGroup(name), h.queue}
}
