package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Rule is one fault. It acts until it is removed, or as often as it may.
type Rule struct {
	proxy *Proxy
	match Match

	lose    bool
	keep    bool // the answer, not the request, is held
	refusal *metav1.Status
	delay   time.Duration
	late    time.Duration
	hold    chan bool // closed by Release and Drop, which set forward

	mu      sync.Mutex
	left    int // how often it may still act; negative: always
	count   int
	forward bool
	over    bool
	changed chan struct{} // closed and replaced whenever count grows
}

// Always lets a rule act on every request that matches.
const Always = -1

// Hold holds back every request that matches until Release or Drop.
func (p *Proxy) Hold(m Match) *Rule {
	return p.add(&Rule{match: m, left: Always, hold: make(chan bool)})
}

// HoldOne holds back the first request that matches until Release or Drop; later ones pass.
func (p *Proxy) HoldOne(m Match) *Rule { return p.add(&Rule{match: m, left: 1, hold: make(chan bool)}) }

// HoldReply forwards writes that match, and holds back their answers until Release (which sends them, if the program still waits)
// or Drop. A GET that matches is held as it is: who asks cannot tell the two apart.
func (p *Proxy) HoldReply(m Match, times int) *Rule {
	return p.add(&Rule{match: m, left: times, keep: true, hold: make(chan bool)})
}

// LoseReply forwards requests that match and breaks the connection instead of answering: their outcome is unknown to
// the program. They must be writes.
func (p *Proxy) LoseReply(m Match, times int) *Rule {
	return p.add(&Rule{match: m, left: times, lose: true})
}

// Refuse answers requests that match with an error of the API: 409 Conflict, 503 ServiceUnavailable and so on.
func (p *Proxy) Refuse(m Match, times, code int) *Rule {
	reason := metav1.StatusReasonServiceUnavailable
	if code == http.StatusConflict {
		reason = metav1.StatusReasonConflict
	}
	return p.add(&Rule{match: m, left: times, refusal: &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Reason: reason, Code: int32(code), Message: "the proxy of a test says " + http.StatusText(code),
	}})
}

// Delay forwards requests that match after a while.
func (p *Proxy) Delay(m Match, d time.Duration) *Rule {
	return p.add(&Rule{match: m, left: Always, delay: d})
}

// LateReply forwards requests that match at once and lets their answers wait. They must be writes.
func (p *Proxy) LateReply(m Match, by time.Duration) *Rule {
	return p.add(&Rule{match: m, left: Always, late: by})
}

// Cut lets nothing pass any more, and breaks what is open: the program is cut off. Release and Drop heal it.
func (p *Proxy) Cut() *Rule {
	r := p.Hold(Match{})
	p.Break()
	return r
}

// Break breaks the connections that are open. The program may connect again.
func (p *Proxy) Break() { p.server.CloseClientConnections() }

// Deafen lets what the program writes pass, and nothing come back, and breaks what is open: the program is heard and hears nothing.
// The rule counts what it asked. Release and Drop heal it.
func (p *Proxy) Deafen() *Rule {
	r := p.HoldReply(Match{}, Always)
	p.server.CloseClientConnections()
	return r
}

func (p *Proxy) add(r *Rule) *Rule {
	r.proxy, r.changed = p, make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return r
}

// Remove ends the rule for requests that come later.
func (r *Rule) Remove() {
	r.proxy.mu.Lock()
	defer r.proxy.mu.Unlock()
	r.proxy.rules = slices.DeleteFunc(r.proxy.rules, func(o *Rule) bool { return o == r })
}

// Release forwards what a rule holds and removes the rule.
func (r *Rule) Release() { r.end(true) }

// Drop breaks the connections of what a rule holds, never forwards it, and removes the rule.
func (r *Rule) Drop() { r.end(false) }

func (r *Rule) end(forward bool) {
	r.Remove()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hold != nil && !r.over {
		r.over, r.forward = true, forward
		close(r.hold)
	}
}

// Count is how many requests the rule acted on.
func (r *Rule) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// Await waits until the rule has acted on n requests: holds them, has lost their answers, and so on.
func (r *Rule) Await(ctx context.Context, n int) error {
	for {
		r.mu.Lock()
		count, changed := r.count, r.changed
		r.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d requests %+v have come: %w", count, n, r.match, context.Cause(ctx))
		}
	}
}

// takes says whether the rule acts on a request, and uses up one of its times.
func (r *Rule) takes(q Request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == 0 || !r.match.matches(q) {
		return false
	}
	if r.left > 0 {
		r.left--
	}
	return true
}

func (r *Rule) acted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	close(r.changed)
	r.changed = make(chan struct{})
}

// before does what comes before forwarding; false: it is not forwarded.
func (r *Rule) before(w http.ResponseWriter, q *http.Request) bool {
	switch {
	case r.hold != nil:
		r.acted()
		<-r.hold // not bounded by the request: a write outlives its author
		if !r.forward {
			abort()
		}
	case r.delay != 0:
		r.acted()
		select {
		case <-time.After(r.delay):
		case <-q.Context().Done():
		}
	case r.refusal != nil:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(r.refusal.Code))
		_ = json.NewEncoder(w).Encode(r.refusal) // if the program is gone it needs no answer
		r.acted()
		return false
	}
	return true
}

// after does what comes after forwarding, with an answer that was not given yet.
func (r *Rule) after(w http.ResponseWriter, unsaid *httptest.ResponseRecorder, q *http.Request) {
	r.acted()
	if r.lose {
		abort()
	}
	if r.keep {
		if <-r.hold; !r.forward {
			abort()
		}
	}
	select {
	case <-time.After(r.late):
	case <-q.Context().Done():
		return
	}
	maps.Copy(w.Header(), unsaid.Header())
	w.WriteHeader(unsaid.Code)
	_, _ = w.Write(unsaid.Body.Bytes()) // if the program is gone it needs no answer
}
