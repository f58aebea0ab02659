package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// network is a RoundTripper made of a function.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func says(status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(body))}, nil
}

// askFor runs ask for some time of a bubble's clock and returns what it printed.
func askFor(t *testing.T, d time.Duration, n network) []line {
	t.Helper()
	var out bytes.Buffer
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	ask(ctx, n, "http://web-leader:8080/", &out)
	return lines(t, &out)
}

func lines(t *testing.T, out io.Reader) []line {
	t.Helper()
	var printed []line
	for d := json.NewDecoder(out); ; {
		var l line
		err := d.Decode(&l)
		if errors.Is(err, io.EOF) {
			return printed
		}
		if err != nil {
			t.Fatal(err)
		}
		printed = append(printed, l)
	}
}

func TestItAsksEvery20Milliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got := askFor(t, 110*time.Millisecond, func(*http.Request) (*http.Response, error) {
			return says(http.StatusOK, `{"pod":"web-1","uid":"u-1"}`)
		})
		if len(got) != 6 {
			t.Fatalf("%d lines in 110 ms, want 6", len(got))
		}
		for i, l := range got {
			want := line{Sent: start.Add(time.Duration(i) * askEvery), Pod: "web-1", UID: "u-1"}
			if !l.Sent.Equal(want.Sent) || l.Pod != want.Pod || l.UID != want.UID || l.Error != "" {
				t.Errorf("line %d: %+v, want %+v", i, l, want)
			}
		}
	})
}

// Nobody answers the first question: the others are asked and answered meanwhile, and the first one is an error after 500 ms.
func TestAQuestionThatHangsDoesNotHoldUpTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first sync.Once
		got := askFor(t, 590*time.Millisecond, func(r *http.Request) (response *http.Response, err error) {
			hang := false
			first.Do(func() { hang = true })
			if hang {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return says(http.StatusOK, `{"pod":"web-2"}`)
		})
		if len(got) != 30 {
			t.Fatalf("%d lines in 590 ms, want 30", len(got))
		}
		var failed []line
		for _, l := range got {
			if l.Error != "" {
				failed = append(failed, l)
			}
		}
		if len(failed) != 1 || failed[0].TookMS != 500 || failed[0].Pod != "" {
			t.Errorf("failed: %+v, want one, after 500 ms", failed)
		}
	})
}

// The process is told to stop when a question is out: it is still answered.
func TestItWaitsForTheLastAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := askFor(t, 10*time.Millisecond, func(*http.Request) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // moves the bubble's clock
			return says(http.StatusOK, `{"pod":"web-1"}`)
		})
		if len(got) != 1 || got[0].Error != "" || got[0].TookMS != 100 {
			t.Errorf("%+v, want one answer after 100 ms", got)
		}
	})
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		network network
		want    string
	}{
		"a status other than 200": {func(*http.Request) (*http.Response, error) { return says(503, "no leader\n") }, "no leader"},
		"not JSON":                {func(*http.Request) (*http.Response, error) { return says(200, "hello") }, "decode"},
		"no connection":           {func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := askFor(t, 30*time.Millisecond, c.network)
				if len(got) != 2 {
					t.Fatalf("%d lines in 30 ms, want 2: an error ends nothing", len(got))
				}
				for _, l := range got {
					if !strings.Contains(l.Error, c.want) || l.Pod != "" {
						t.Errorf("%+v, want an error with %q", l, c.want)
					}
				}
			})
		})
	}
}

// The real thing over a real network: each question comes over a connection of its own.
func TestEachQuestionIsANewConnection(t *testing.T) {
	const questions = 5
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var opened, asked int
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked == questions {
			stop()
		}
		_, _ = io.WriteString(w, `{"pod":"web-1","uid":"u-1"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			opened++
		}
	}
	server.Start()
	defer server.Close()
	reader, writer := io.Pipe()
	go func() {
		// What main runs, with the same transport.
		ask(ctx, freshConnections(), server.URL, writer)
		writer.Close()
	}()
	got := lines(t, reader)
	mu.Lock()
	defer mu.Unlock()
	if asked < questions || opened != asked || len(got) != asked {
		t.Errorf("%d questions over %d connections, %d lines", asked, opened, len(got))
	}
	for _, l := range got {
		if l.Pod != "web-1" || l.UID != "u-1" || l.Error != "" {
			t.Errorf("line %+v", l)
		}
	}
}
