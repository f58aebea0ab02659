package api

import (
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/bench/usage"
)

func TestFiguresOfAFanOut(t *testing.T) {
	const ms = time.Millisecond
	f := &fanout{
		subscribers: 2, events: 6, server: 80 * ms, callers: 40 * ms,
		before: usage.Usage{Resident: 10 << 20}, after: usage.Usage{Resident: 10<<20 + 64<<10},
		changes: []told{
			{leased: 10 * ms, first: 12 * ms, last: 15 * ms, all: []time.Duration{15 * ms, 12 * ms}},
			{leased: 30 * ms, first: 20 * ms, last: 40 * ms, all: []time.Duration{20 * ms, 40 * ms}}, // our watch was late
		},
	}
	want := fanoutFigures{
		p50: 2 * ms, p99: 20 * ms, last: 5 * ms, // of 2 and 5 ms after the Lease, 0 and 20 ms after the first
		deleteP50: 15 * ms, deleteP99: 40 * ms,
		server: 20 * ms, callers: 10 * ms,
		kib: 32, events: 1.5,
	}
	if got := f.figures(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
