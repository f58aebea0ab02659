package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
)

const (
	// patience is how long what was killed may take to be gone once no time is left: it runs no more code of its own, and this
	// process's exit would not hurry it.
	patience = time.Second
	// lastWords is how long the end of this process waits for whoever reads standard error.
	lastWords = 10 * time.Millisecond
)

// EndAll ends whatever runs below this process, within a time; or else this process, which ends a container whose first process it
// is. What may not be killed is not waited for beyond that time: it goes on.
func EndAll(within time.Duration) {
	err := guard.KillBelow(within - 2*lastWords)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		err = guard.KillBelow(patience)
	}
	if err != nil {
		Exit(err)
	}
}

// Exit ends this process, as what it has started cannot be ended.
func Exit(err error) {
	go fmt.Fprintln(os.Stderr, "zen-lead: what was started cannot be ended:", err)
	<-time.After(lastWords)
	os.Exit(CodeFailed)
}
