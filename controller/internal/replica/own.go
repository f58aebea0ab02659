package replica

import (
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/term"
)

// own is this replica's own term: what it acknowledges counts only while that lasts. It lasts from the first renewal of a Lease until no
// renewal that was confirmed was sent for too long, or the Lease is not what this process made of it. Then the process begins another one,
// under another name: others may have acted on the end of the old one.
type own struct {
	mu   sync.Mutex
	name string
	uid  string
	// sent is when the last renewal that succeeded was sent, or the first that was tried while none is confirmed.
	sent      term.Instant
	confirmed bool
	// renewed are the times that it wrote, or tried to, since then.
	renewed []time.Time
}

// lasts is how long one's own term certainly lasts after a renewal was sent.
var lasts = term.Durations{Lease: duration}.HardStop()

// started is where the readings of the steady clock count from.
var started = time.Now()

func instant(now time.Time) term.Instant {
	return term.Instant{Mono: now.Sub(started), Wall: now.Round(0)}
}

// begin begins a term of that name, which lasts once a renewal is confirmed.
func (o *own) begin(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.name, o.uid, o.sent, o.confirmed, o.renewed = name, "", term.Instant{}, false, nil
}

func (o *own) current() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.name
}

// had says whether there is, or was, a Lease of that name.
func (o *own) had() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.confirmed
}

// lapsed says that the term was not renewed in time. It does not come back. Nor does one that was never confirmed: the first try may have made
// the Lease, and others have seen it unchanged since.
func (o *own) lapsed(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over(now)
}

func (o *own) over(now time.Time) bool {
	return len(o.renewed) > 0 && instant(now).Since(o.sent) >= lasts
}

func (o *own) tried(renewed, sent time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.renewed) == 0 {
		o.sent = instant(sent)
	}
	o.renewed = append(o.renewed, renewed)
}

// confirm notes that the renewal that was sent at sent happened. It is false where the term has lapsed meanwhile: an answer that comes late
// brings nothing back.
func (o *own) confirm(uid string, sent, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over(now) {
		return false
	}
	o.uid, o.sent, o.confirmed = uid, instant(sent), true
	o.renewed = o.renewed[len(o.renewed)-1:]
	return true
}

// wrote says whether a Lease is as this process wrote it, or tried to.
func (o *own) wrote(l *coordinationv1.Lease) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return (o.uid == "" || o.uid == string(l.UID)) && l.Spec.RenewTime != nil &&
		slices.ContainsFunc(o.renewed, l.Spec.RenewTime.Time.Equal)
}

// Term is the name under which this replica keeps what it keeps now, and whether what it acknowledges counts. Another name is another term:
// what was kept under the old one is not kept any more.
func (r *Replica) Term() (name string, valid bool) {
	now := r.Now()
	r.own.mu.Lock()
	defer r.own.mu.Unlock()
	return r.own.name, r.own.confirmed && instant(now).Since(r.own.sent) < lasts
}

// Home is the replica that something of that name is best kept by: its name, and where it is reached; the address is "" where that is this
// one, or not known.
func (r *Replica) Home(of types.NamespacedName) (name, address string) {
	self := r.own.current()
	serving := []string{self}
	for _, peer := range r.peers.live(r.Now()) {
		if peer != self && r.peers.address(peer) != "" { // one without an API keeps no locks
			serving = append(serving, peer)
		}
	}
	if name = preferred(serving, of.String()); name == self {
		return name, ""
	}
	return name, r.peers.address(name)
}

// Lives says whether a replica is there, and where it is reached.
func (r *Replica) Lives(name string) (address string, lives bool) {
	if !slices.Contains(r.peers.live(r.Now()), name) {
		return "", false
	}
	return r.peers.address(name), true
}

// Silent is since when a replica of that name has certainly been silent: whatever it acknowledged it did so before duration × (1 + margin)
// after that. ok is false while that is not certain. What a watch has not brought is not silence, so this counts only as far as the watch is
// known to have come: of one that was never seen, as far as after it was first asked for.
func (r *Replica) Silent(name string) (since time.Time, ok bool) {
	since = r.peers.lastChange(name, r.Now())
	heard := r.Heard()
	return since, name != r.own.current() && !heard.IsZero() && heard.Sub(since) >= term.Wait(duration)
}

// Lasts is how long a replica's term may go on after its last renewal.
const Lasts = duration
