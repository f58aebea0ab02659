package agent

import (
	"fmt"
	"os"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
)

const (
	// patience is how long what was killed may take to be gone, also where no time is left: it runs no more code of its own, and
	// this process's exit would not hurry it.
	patience = time.Second
	// lastWords is how long the end of this process waits for whoever reads standard error.
	lastWords = 10 * time.Millisecond
)

// EndAll ends whatever runs below this process, within a time, though at least a second; or else this process, which ends a
// container whose first process it is.
func EndAll(within time.Duration) {
	if err := guard.KillBelow(max(within, patience)); err != nil {
		Exit(err)
	}
}

// Exit ends this process, as what it has started cannot be ended.
func Exit(err error) {
	go fmt.Fprintln(os.Stderr, "zen-lead: what ran in the term cannot be ended:", err)
	<-time.After(lastWords)
	os.Exit(CodeFailed)
}
