package agent_test

import (
	"bytes"
	"context"
	"sync"

	. "github.com/onsi/ginkgo/v2"
)

// log is what a member logs.
type log struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLog() *log { return &log{changed: make(chan struct{})} }

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	close(l.changed)
	l.changed = make(chan struct{})
	return GinkgoWriter.Write(p)
}

// await waits until a text was logged.
func (l *log) await(ctx context.Context, text string) {
	GinkgoHelper()
	for {
		l.mu.Lock()
		is, changed := bytes.Contains(l.text.Bytes(), []byte(text)), l.changed
		l.mu.Unlock()
		if is {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			Fail("never logged: " + text)
		}
	}
}
