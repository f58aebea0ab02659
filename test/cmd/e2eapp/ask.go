package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	askEvery   = 20 * time.Millisecond
	askTimeout = 500 * time.Millisecond
)

// line is what ask prints for each question. Lines come in the order of the answers; Sent tells that of the questions.
type line struct {
	Sent   time.Time `json:"sent"`
	TookMS float64   `json:"took_ms"`
	Pod    string    `json:"pod,omitempty"`
	UID    string    `json:"uid,omitempty"`
	Term   string    `json:"term,omitempty"`
	Role   string    `json:"role,omitempty"`
	Error  string    `json:"error,omitempty"`
}

// ask asks until ctx ends, and waits for the answers that are out then. A question that hangs does not hold up the next: at most
// 25 are out at once.
func ask(ctx context.Context, transport http.RoundTripper, url string, out io.Writer) {
	a := &asker{client: &http.Client{Transport: transport, Timeout: askTimeout}, url: url, out: json.NewEncoder(out)}
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	var pending sync.WaitGroup
	defer pending.Wait()
	for {
		// Not ctx itself: a question that was sent counts, whenever the process is told to stop.
		pending.Go(func() { a.print(a.ask(context.WithoutCancel(ctx))) })
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// freshConnections makes a connection for each question: one that is kept would go on to the pod that it once reached.
func freshConnections() http.RoundTripper { return &http.Transport{DisableKeepAlives: true} }

type asker struct {
	client *http.Client
	url    string

	mu  sync.Mutex
	out *json.Encoder
}

func (a *asker) print(l line) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.out.Encode(l) // there is no other place to complain to
}

func (a *asker) ask(ctx context.Context) line {
	l := line{Sent: time.Now()}
	who, err := a.identity(ctx)
	l.TookMS = float64(time.Since(l.Sent).Microseconds()) / 1000
	if err != nil {
		l.Error = err.Error()
		return l
	}
	l.Pod, l.UID, l.Term, l.Role = who.Pod, who.UID, who.Term, who.Role
	return l
}

func (a *asker) identity(ctx context.Context) (identity, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return identity{}, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return identity{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return identity{}, fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return identity{}, fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(body)))
	}
	var who identity
	if err := json.Unmarshal(body, &who); err != nil {
		return identity{}, fmt.Errorf("decode the answer: %w", err)
	}
	return who, nil
}
