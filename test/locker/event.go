package locker

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/kube-zen/zen-lead/test/election"
)

// Event is what befell a locker. What is asked of others has two: before it is sent, and when the answer has come.
type Event struct {
	// At is when, by the machine's monotonic clock.
	At time.Duration `json:"at"`
	// Name is one of the constants below.
	Name string `json:"name"`
	// Lock and Request are what it is about.
	Lock    string `json:"lock,omitempty"`
	Request string `json:"request,omitempty"`
	Token   int64  `json:"token,omitempty"`
	Attempt int64  `json:"attempt,omitempty"`
	Home    string `json:"home,omitempty"`
	// Outcome is OK, or why not: a reason of the API, or what package grpc says.
	Outcome string `json:"outcome,omitempty"`
	// Until is when the holder's time passes by its own clock, if it is not renewed.
	Until time.Duration `json:"until,omitempty"`
	// Place is that in the queue.
	Place int32 `json:"place,omitempty"`
	// Fenced and Open are what the two cells of the register have, or are to have.
	Fenced int64 `json:"fenced,omitempty"`
	Open   int64 `json:"open,omitempty"`
}

// Names of events.
const (
	// Asks: an acquisition begins. Again: it is asked for once more. Waits: it has a place.
	Asks  = "asks"
	Again = "again"
	Waits = "waits"
	// Granted: it holds the lock. Refused: it will not. Leaves: it does not want to any more, and Left: that is certain, or not.
	Granted = "granted"
	Refused = "refused"
	Leaves  = "leaves"
	Left    = "left"
	// Renews and Renewed: a renewal.
	Renews  = "renews"
	Renewed = "renewed"
	// Over: it must not use the lock any more. Late: it found that out between a read and a write, and writes all the same, as a program does
	// that stood still just after it had looked.
	Over = "over"
	Late = "late"
	// Reads and Read, Writes and Wrote: an increment of the register.
	Reads  = "reads"
	Read   = "read"
	Writes = "writes"
	Wrote  = "wrote"
	// Releases and Released: it gives the lock up.
	Releases = "releases"
	Released = "released"
	// Gone: its process has ended; noted by who follows it.
	Gone = "gone"
)

// OK is the outcome of what succeeded.
const OK = "OK"

// Unheard is the outcome of what may or may not have happened.
const Unheard = "Unheard"

type out struct {
	mu      sync.Mutex
	encoder *json.Encoder
}

func newOut(w io.Writer) *out { return &out{encoder: json.NewEncoder(w)} }

// tell writes an event, with the time that it is unless it has one.
func (o *out) tell(e Event) {
	if e.At == 0 {
		e.At = election.Now()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.encoder.Encode(e) // to a pipe whose reader is gone
}
