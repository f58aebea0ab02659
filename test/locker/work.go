package locker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/kube-zen/zen-lead/test/election"
)

// Cells are the two of a register: Fenced obeys no request whose token is smaller than one that it has seen, Open obeys all.
type Cells struct {
	Fenced int64 `json:"fenced"`
	Open   int64 `json:"open"`
	// Refused: the fence did not let the request in.
	Refused bool `json:"refused,omitempty"`
}

// work increments the register while the lock may be used.
func (w *worker) work(ctx context.Context, h *hold) {
	most := time.Duration(0)
	if w.by(w.Long) {
		most = election.Now() + w.upTo(2*h.ttl)
	}
	for n := int64(1); ; n += 2 {
		if err := h.valid(); err != nil {
			w.tell(Event{Name: Over, Lock: h.lock, Request: h.id, Token: h.token, Outcome: err.Error()})
			return
		}
		if w.Register != "" {
			w.increment(h, n)
		}
		done := w.Increments > 0 && n/2+1 >= int64(w.Increments)
		if done && election.Now() >= most || ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(w.Pause):
		case <-w.yields:
			return
		case <-ctx.Done():
			return
		}
	}
}

// increment reads both cells and writes one more into each. It looks at its time between the two, says what it saw, and writes all the same.
func (w *worker) increment(h *hold, n int64) {
	about := Event{Lock: h.lock, Request: h.id, Token: h.token}
	tell := func(name, outcome string, c Cells) {
		e := about
		e.Name, e.Outcome, e.Fenced, e.Open = name, outcome, c.Fenced, c.Open
		w.tell(e)
	}
	tell(Reads, "", Cells{})
	had, err := w.cells(http.MethodGet, h, n, Cells{})
	tell(Read, said(had, err), had)
	if err != nil {
		return
	}
	if err := h.valid(); err != nil {
		tell(Late, err.Error(), had)
	}
	next := Cells{Fenced: had.Fenced + 1, Open: had.Open + 1}
	tell(Writes, "", next)
	has, err := w.cells(http.MethodPut, h, n+1, next)
	tell(Wrote, said(has, err), next)
}

func said(c Cells, err error) string {
	switch {
	case err != nil:
		return Unheard
	case c.Refused:
		return Refused
	}
	return OK
}

// cells sends a request to the register. It is not bounded by the lock's time: what was begun is finished.
func (w *worker) cells(method string, h *hold, number int64, c Cells) (Cells, error) {
	url := fmt.Sprintf("%s/%s?token=%d&number=%d&fenced=%d&open=%d", w.Register, h.lock, h.token, number, c.Fenced, c.Open)
	q, err := http.NewRequestWithContext(context.Background(), method, url, nil)
	if err != nil {
		return Cells{}, err
	}
	answer, err := w.http.Do(q)
	if err != nil {
		return Cells{}, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	var has Cells
	return has, json.NewDecoder(answer.Body).Decode(&has)
}
