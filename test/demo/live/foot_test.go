package live_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kube-zen/zen-lead/test/demo/live"
)

// screen is what a terminal was sent.
type screen struct {
	mu   sync.Mutex
	sent bytes.Buffer
	// foot is closed when the foot was drawn.
	foot chan struct{}
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.sent.Write(b)
	select {
	case <-s.foot:
	default:
		if bytes.Contains(s.sent.Bytes(), []byte("the foot")) {
			close(s.foot)
		}
	}
	return n, err
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent.String()
}

func TestLinesKeepTheirOrderAndAreAllThere(t *testing.T) {
	s := &screen{foot: make(chan struct{})}
	f := live.Start(s, tea.WithWindowSize(80, 24), tea.WithEnvironment([]string{"TERM=xterm"}))
	const lines = 100
	for i := range lines {
		f.Show(fmt.Sprintf("the foot %d", i))
		fmt.Fprint(f, "line-") // a line may come in pieces
		fmt.Fprintf(f, "%03d\n", i)
	}
	<-s.foot // it is drawn every now and then
	f.Close()
	f.Close() // again does nothing
	fmt.Fprintln(f, "afterwards")
	sent := s.String()
	at := 0
	for i := range lines {
		next := strings.Index(sent[at:], fmt.Sprintf("line-%03d", i))
		if next < 0 {
			t.Fatalf("line %d is missing, or stands before the one before it:\n%q", i, sent)
		}
		at += next
	}
	if !strings.HasSuffix(sent, "afterwards\n") {
		t.Errorf("what is written afterwards does not end the text: %q", sent[max(0, len(sent)-80):])
	}
}

func TestAFileHasNoFoot(t *testing.T) {
	if live.OnTerminal(&screen{}) {
		t.Error("a buffer is taken for a terminal")
	}
}
