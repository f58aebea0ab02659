package agent

import (
	"time"

	"github.com/kube-zen/zen-lead/core/term"
)

// lockTime is how long a command may run that a lock allows.
type lockTime struct{ Lock }

// Left is what the lock says.
func (l lockTime) Left() term.Times {
	work, hard := l.Lock.Left()
	return term.Times{Work: work, Hard: hard}
}

// Changed looks again when half of the time has passed: the lock is renewed before that, and does not tell when. A renewal that comes just
// after a look is seen while the other half lasts.
func (l lockTime) Changed() <-chan struct{} {
	left := l.Left().Work
	if left <= 0 {
		return nil // it is over for good
	}
	changed := make(chan struct{})
	time.AfterFunc(max(left/2, leastLook), func() { close(changed) })
	return changed
}

// leastLook keeps the last looks from becoming ever more frequent.
const leastLook = 20 * time.Millisecond
