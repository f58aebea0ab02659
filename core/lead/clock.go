package lead

import (
	"time"

	"github.com/kube-zen/zen-lead/core/term"
)

// clock is this machine's, or in tests one that runs at another rate.
type clock interface {
	now() term.Instant
	// after sends once d has passed; stop frees it.
	after(d time.Duration) (c <-chan time.Time, stop func() bool)
}

var started = time.Now()

type machineClock struct{}

func (machineClock) now() term.Instant {
	now := time.Now()
	return term.Instant{Mono: now.Sub(started), Wall: now.Round(0)}
}

func (machineClock) after(d time.Duration) (<-chan time.Time, func() bool) {
	t := time.NewTimer(d)
	return t.C, t.Stop
}
