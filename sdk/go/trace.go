package zenlead

import (
	"context"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Trace is told what goes on while a lock is asked for. Functions that are nil are not. None may block.
type Trace struct {
	// Place is told the place of who waits: at first, and now and then when it is another. Only a client that asks by gRPC hears of it.
	Place func(Place)
	// Trouble is told each error after which zen-lead is asked again.
	Trouble func(error)
}

// Place is a place among those who wait for a lock.
type Place struct {
	// Number is 1 for who is next.
	Number int
	// Holder is who holds the lock meanwhile, for people.
	Holder string
}

type traceKey struct{}

// WithTrace returns a context for [Lock.Lock], [Lock.TryLock] and [Client.WithLock], which tell t of what they do.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func tellPlace(ctx context.Context, w *zenleadv1.Waiting) {
	if t, _ := ctx.Value(traceKey{}).(Trace); t.Place != nil && w != nil {
		t.Place(Place{Number: int(w.GetPlace()), Holder: w.GetHolder()})
	}
}

func tellTrouble(ctx context.Context, err error) {
	if t, _ := ctx.Value(traceKey{}).(Trace); t.Trouble != nil {
		t.Trouble(err)
	}
}
