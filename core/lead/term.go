package lead

import (
	"fmt"
	"sync"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// The four outcomes, as the cause of a context that ended and as errors of [Run] and [Term.Err].
var (
	// ErrHeld: somebody else leads. Run waits instead, and does not return it.
	ErrHeld = term.ErrHeld
	// ErrLost: the term ended, or was taken.
	ErrLost = term.ErrLost
	// ErrReleased: the term was given up, as was asked for.
	ErrReleased = term.ErrReleased
	// ErrUnknown: the term ended while it was not known whether a renewal had happened.
	ErrUnknown = term.ErrUnknown
)

var _ kube.Tenure = Term{}

// Term is one term of this process. It is safe for concurrent use.
type Term struct {
	// Number is the fencing token: it grows with every term of the pool. Large, with gaps: only compare.
	Number int64
	// Holder is the identity under which this process leads.
	Holder string
	tenure *tenure
}

// Err is nil only if the term is certainly valid at this moment: it asks the clocks, and does not wait for a timer. Otherwise it
// is one of the four outcomes. The next moment may be another: see the package's non-guarantee.
func (t Term) Err() error {
	if t.tenure == nil {
		return fmt.Errorf("%w: a Term that Run did not make", ErrLost)
	}
	return t.tenure.err()
}

// Left is how long this term lasts from this moment, if it is not renewed again: until the work is told to end, and until it must
// have ended. Work is not positive where [Term.Err] is not nil; Hard may still be then, until the function has returned. A renewal
// makes both longer.
func (t Term) Left() term.Times {
	if t.tenure == nil {
		return term.Times{}
	}
	return t.tenure.left()
}

// Token is Number, for who needs a method: [kube.StampTerm] stamps it on what is written.
func (t Term) Token() int64 { return t.Number }

// Changed returns a channel that is closed when what is left of the term is another: it was renewed, or its end comes sooner, as once
// the work has ended. Ask for the channel before [Term.Left]. It is not closed as time passes, nor because the work is told to end.
func (t Term) Changed() <-chan struct{} {
	if t.tenure == nil {
		return nil
	}
	t.tenure.mu.Lock()
	defer t.tenure.mu.Unlock()
	return t.tenure.changed
}

// tenure is what is known of the validity of a term.
type tenure struct {
	mu       sync.Mutex
	clock    clock
	validity term.Validity
	// pending says that a renewal was sent whose outcome is not known.
	pending bool
	// ended is why the term is over, nil while it is not.
	ended error
	// over says that the work has ended: the next term may begin before the time of this one is over.
	over bool
	// changed is closed and replaced when validity or over is.
	changed chan struct{}
}

func newTenure(c clock, v term.Validity) *tenure {
	return &tenure{clock: c, validity: v, changed: make(chan struct{})}
}

func (t *tenure) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.judge()
}

// judge ends the term once its time is over: a late timer cannot keep it alive, nor can a renewal bring it back.
func (t *tenure) judge() error {
	if t.ended == nil && t.validity.At(t.clock.now()).Work <= 0 {
		t.ended = fmt.Errorf("%w: it was not renewed in time", ErrLost)
		if t.pending {
			t.ended = fmt.Errorf("%w: a renewal was sent and not confirmed in time", ErrUnknown)
		}
	}
	return t.ended
}

// end ends the term for a cause, unless it has ended.
func (t *tenure) end(cause error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.judge() == nil {
		t.ended = cause
	}
	return t.ended
}

func (t *tenure) tried(sent term.Instant, d term.Durations) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.validity
	t.validity.Tried(sent, d)
	t.pending = true
	t.tell(before)
}

// confirmed notes a renewal that happened. Once the time of the term is over it comes too late.
func (t *tenure) confirmed(sent term.Instant, d term.Durations) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.judge() == nil {
		before := t.validity
		t.validity.Confirmed(sent, d)
		t.pending = false
		t.tell(before)
	}
}

// tell wakes who waits for another validity than before.
func (t *tenure) tell(before term.Validity) {
	if t.validity != before {
		t.wake()
	}
}

// close ends the term for whatever its work has left behind.
func (t *tenure) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.wake()
}

func (t *tenure) wake() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// settled notes that no renewal can have happened but those that are known.
func (t *tenure) settled() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending = false
}

// times returns what is left of the term, at this moment.
func (t *tenure) times() (times term.Times) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.validity.At(t.clock.now())
}

// left is times, without time for work once the term has ended, and without any once the work has.
func (t *tenure) left() term.Times {
	t.mu.Lock()
	defer t.mu.Unlock()
	times := t.validity.At(t.clock.now())
	if t.judge() != nil {
		times.Work = min(times.Work, 0)
	}
	if t.over {
		times.Hard = min(times.Hard, 0)
	}
	return times
}
