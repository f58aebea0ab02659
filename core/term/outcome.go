package term

import "errors"

// The four outcomes of an attempt to have or to keep a term. They are never folded into one another.
var (
	// ErrHeld: somebody else has it.
	ErrHeld = errors.New("somebody else leads")
	// ErrLost: the term ended, or was taken.
	ErrLost = errors.New("the term is lost")
	// ErrReleased: the holder gave it up.
	ErrReleased = errors.New("the term was released")
	// ErrUnknown: a write of the record may or may not have happened, and was not settled in time. The record may name this
	// holder; nobody may act on that.
	ErrUnknown = errors.New("it is not known whether the term goes on")
)
