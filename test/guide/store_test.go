package guide_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// client has less patience than the store has with a sender that stands still.
var client = &http.Client{Timeout: 5 * time.Second}

// store is a process of examples/fencing/http.
type store struct {
	t                    *testing.T
	program, dir, listen string
	process              *exec.Cmd
}

func newStore(t *testing.T) *store {
	t.Helper()
	dir := t.TempDir()
	s := &store{t: t, program: filepath.Join(dir, "store"), dir: dir}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.program, "examples/fencing/http/main.go")
	build.Dir = "../.."
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listen = l.Addr().String()
	l.Close()
	t.Cleanup(s.kill)
	return s
}

// start starts the process and waits until it listens.
func (s *store) start() {
	s.t.Helper()
	s.process = exec.Command(s.program, "-listen", s.listen, "-dir", s.dir) // it lives until it is killed
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	for tick := time.Tick(10 * time.Millisecond); ; {
		c, err := net.Dial("tcp", s.listen)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-tick:
		case <-s.t.Context().Done():
			s.t.Fatal(err)
		}
	}
}

func (s *store) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait() // it was killed
	}
}

// ask sends a request in a term, "" for none, and returns the answer as one line.
func (s *store) ask(method, term, body string) string {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.listen+"/value", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if term != "" {
		q.Header.Set("Zen-Lead-Term", term)
	}
	answer, err := client.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(fmt.Sprint(answer.StatusCode, " ", string(text)))
}

func (s *store) expect(method, term, body, want string) {
	s.t.Helper()
	if got := s.ask(method, term, body); got != want {
		s.t.Errorf("%s in term %q: %q, want %q", method, term, got, want)
	}
}

const noTerm = "400 header Zen-Lead-Term: must be a term, which is a positive number"

func TestTheMiddlewareOfTheGuide(t *testing.T) {
	s := newStore(t)
	s.start()
	for _, term := range []string{"", "x", "0", "-1", "9223372036854775808"} {
		s.expect(http.MethodPut, term, "0", noTerm)
	}
	s.expect(http.MethodPut, "412", "1", "200")
	s.expect(http.MethodPut, "412", "2", "200")
	s.expect(http.MethodGet, "415", "", "200 2") // a read raises the fence
	s.expect(http.MethodPut, "412", "3", "412 term 412 is over: term 415 was here")
	s.expect(http.MethodGet, "415", "", "200 2")

	s.kill()
	s.start()
	s.expect(http.MethodPut, "412", "3", "412 term 412 is over: term 415 was here")
	s.expect(http.MethodGet, "415", "", "200 2")
}

// TestTheMiddlewareAndASenderThatStandsStill: a leader that is frozen in the middle of a request must not hold up the next one, and what it
// had sent is judged when the rest comes.
func TestTheMiddlewareAndASenderThatStandsStill(t *testing.T) {
	s := newStore(t)
	s.start()
	body, rest := io.Pipe()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+s.listen+"/value", body)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Zen-Lead-Term", "412")
	code := make(chan int, 1)
	go func() {
		answer, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Error(err)
			code <- 0
			return
		}
		answer.Body.Close()
		code <- answer.StatusCode
	}()
	if _, err := rest.Write([]byte("3")); err != nil { // taken by the transport: the request is under way
		t.Fatal(err)
	}
	s.expect(http.MethodPut, "415", "2", "200")
	if err := rest.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != http.StatusPreconditionFailed {
		t.Errorf("the late rest of a request of term 412: %d", got)
	}
	s.expect(http.MethodGet, "415", "", "200 2")
}

// TestTheMiddlewareWhileAnOlderTermWrites: what the leader of a new term has read is not changed by a write that had passed before.
func TestTheMiddlewareWhileAnOlderTermWrites(t *testing.T) {
	s := newStore(t)
	s.start()
	s.expect(http.MethodPut, "1", "1", "200")
	for term := 2; term < 100; term++ {
		older, newer := strconv.Itoa(term-1), strconv.Itoa(term)
		written := make(chan string, 1)
		go func() { written <- s.ask(http.MethodPut, older, strings.Repeat(newer, 100_000)) }() // long: it takes its time
		read := s.ask(http.MethodGet, newer, "")
		said := <-written
		if again := s.ask(http.MethodGet, newer, ""); again != read {
			t.Fatalf("what the leader of term %s has read was changed by the older one, which was told %q", newer, said)
		}
	}
}
