package snapshot

import (
	"sync/atomic"
	"time"
)

// Frame is one state of a pool that was published. It never changes; those who follow the pool share it.
type Frame struct {
	State    State
	Revision Revision
	// At is when it was published, by this process's clock.
	At time.Time
	// Gone: the pool is no more. Nothing follows.
	Gone bool
	// Nudge: nothing happened to the pool; whoever follows it is to look around.
	Nudge bool
	// Shared holds what is made of the frame once, for all who follow.
	Shared Shared

	next chan struct{} // closed once after is set
	// after is the frame that was published next.
	after atomic.Pointer[Frame]
}

// Next is closed once another frame was published.
func (f *Frame) Next() <-chan struct{} { return f.next }

// After returns the frame that was published next, nil while none was.
func (f *Frame) After() *Frame { return f.after.Load() }

func newFrame(s State, r Revision) *Frame {
	return &Frame{State: s, Revision: r, At: time.Now(), next: make(chan struct{})}
}

// then publishes the frame that follows f.
func (f *Frame) then(next *Frame) {
	f.after.Store(next)
	close(f.next)
}
