// Package scribe keeps what programs of test/cmd/scribe write, and judges who wrote when.
package scribe

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kube-zen/zen-lead/test/election"
)

// Write is one write that arrived.
type Write struct {
	// At is when, by the machine's monotonic clock.
	At   time.Duration
	Who  string
	What string
	Role string
	Term int64
	PID  int
	// Late: a larger term had written before. A fenced register refuses it; an unfenced one takes it.
	Late bool
}

// Register is an unfenced register that notes what a fenced one would have refused.
type Register struct {
	URL     string
	server  *http.Server
	mu      sync.Mutex
	writes  []Write
	top     int64
	changed chan struct{}
}

// NewRegister starts a register on an address.
func NewRegister(address string) (*Register, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	r := &Register{URL: "http://" + l.Addr().String(), changed: make(chan struct{})}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.server.Serve(l) }() // ends with Close
	return r, nil
}

// Close ends it.
func (r *Register) Close() error { return r.server.Close() }

func (r *Register) ServeHTTP(_ http.ResponseWriter, q *http.Request) {
	v := q.URL.Query()
	term, _ := strconv.ParseInt(v.Get("term"), 10, 64) // none is 0, which Check finds
	pid, _ := strconv.Atoi(v.Get("pid"))               // for people
	r.mu.Lock()
	defer r.mu.Unlock()
	w := Write{At: election.Now(), Who: v.Get("who"), What: v.Get("what"), Role: v.Get("role"), Term: term, PID: pid, Late: term < r.top}
	r.top = max(r.top, term)
	r.writes = append(r.writes, w)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Writes returns what was written so far.
func (r *Register) Writes() []Write {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.writes)
}

// Await waits for the first write later than after that fits.
func (r *Register) Await(ctx context.Context, after time.Duration, fits func(Write) bool) (Write, error) {
	for seen := 0; ; {
		r.mu.Lock()
		writes, changed := r.writes, r.changed
		r.mu.Unlock()
		for ; seen < len(writes); seen++ {
			if w := writes[seen]; w.At > after && fits(w) {
				return w, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Write{}, fmt.Errorf("await a write: %w", context.Cause(ctx))
		}
	}
}

// Last returns the last write that fits, the zero Write if none does.
func (r *Register) Last(fits func(Write) bool) (last Write) {
	for _, w := range r.Writes() {
		if fits(w) {
			last = w
		}
	}
	return last
}

// Late returns the writes that a fence refuses.
func (r *Register) Late() []Write {
	return slices.DeleteFunc(r.Writes(), func(w Write) bool { return !w.Late })
}

// Check returns what is wrong: a write without a term or a role, a term in which two wrote, and, unless late writes are expected,
// a write in a term after a larger one.
func (r *Register) Check(lateExpected bool) (wrong []string) {
	names := map[int64]string{}
	for _, w := range r.Writes() {
		if w.Term == 0 || w.Role != "leader" {
			wrong = append(wrong, fmt.Sprintf("%+v: no term, or no role", w))
		}
		if names[w.Term] = cmp.Or(names[w.Term], w.Who); names[w.Term] != w.Who {
			wrong = append(wrong, fmt.Sprintf("%s and %s wrote in term %d", names[w.Term], w.Who, w.Term))
		}
		if w.Late && !lateExpected {
			wrong = append(wrong, fmt.Sprintf("%+v: after a larger term", w))
		}
	}
	return wrong[:min(len(wrong), 10)]
}
