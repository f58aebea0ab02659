package cluster

import (
	"fmt"
	"io"
	"sync"
)

// reporter tells people what goes on, one line at a time; without a writer it is silent. Safe for concurrent use.
type reporter struct {
	to io.Writer
	mu *sync.Mutex
}

func newReporter(to io.Writer) reporter { return reporter{to: to, mu: &sync.Mutex{}} }

func (r reporter) say(format string, args ...any) {
	if r.to == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.to, format+"\n", args...)
}
