package main

import (
	"encoding/json"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// event is one line of output.
type event struct {
	// At is when, in nanoseconds of the machine's monotonic clock.
	At int64 `json:"at"`
	// Event is waits, began, decided, told, overran, ended or stopped; of an increment it is increments, then writes, then wrote, refused or
	// unknown; late stands between where the term was over before the write was sent.
	Event string `json:"event"`
	// Term is the term's number, 0 where the elector has none.
	Term int64 `json:"term,omitempty"`
	// Value is what the register is to have, or has.
	Value int64 `json:"value,omitempty"`
	// Cause is why the work was told to end, or why an increment failed.
	Cause string `json:"cause,omitempty"`
}

type out struct {
	mu      sync.Mutex
	encoder *json.Encoder
}

func newOut(w io.Writer) *out { return &out{encoder: json.NewEncoder(w)} }

func (o *out) tell(e event) {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // of a clock that Linux always has
	e.At = now.Nano()
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.encoder.Encode(e) // to a pipe whose reader is gone
}
