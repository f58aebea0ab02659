package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// teller writes lines for people, in a terminal or a file.
type teller struct {
	out   *serial
	began time.Time
}

// serial lets one line be written at a time: what still goes on is told beside what is done.
type serial struct {
	mu  sync.Mutex
	out io.Writer
}

// to lets what follows be written elsewhere, and returns where it was written until now.
func (s *serial) to(out io.Writer) (before io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.out = s.out, out
	return before
}

func (s *serial) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(line)
}

// slow is how long something may last before the teller says that it still goes on, and how often it says so.
const slow = 5 * time.Second

// line tells what was done, with the time since the start.
func (t *teller) line(format string, args ...any) {
	fmt.Fprintf(t.out, "%6.1f s  %s\n", time.Since(t.began).Seconds(), fmt.Sprintf(format, args...))
}

// text tells something as it is.
func (t *teller) text(format string, args ...any) {
	fmt.Fprintf(t.out, format+"\n", args...)
}

// shell shows a command and what it said.
func (t *teller) shell(args []string, said []byte) {
	line := []string{"$ kubectl"}
	for _, a := range args {
		if strings.ContainsAny(a, `{" `) {
			a = "'" + a + "'"
		}
		line = append(line, a)
	}
	fmt.Fprintf(t.out, "\n%s\n%s", strings.Join(line, " "), said)
}

// during says every now and then that something still goes on, until the returned function is called.
func (t *teller) during(what string) (stop func()) {
	tick, done, ended := time.NewTicker(slow), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-tick.C:
				t.line("still waiting: %s", what)
			case <-done:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(done)
		<-ended // two lines are never mixed
	}
}
