package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// register is a number that a server keeps. Each request carries the term and its own number in the term; the server refuses
// what is smaller than it has seen, so that neither another term's late write nor one of its own is obeyed.
type register struct {
	url   string
	pause time.Duration
	// patience is how long a request may take. Two of them should fit between the end of the work's context and the hard stop.
	patience time.Duration
	sent     int64
}

var errRefused = errors.New("refused")

// due sends when the next increment may begin; never without a register.
func (r *register) due() <-chan time.Time {
	if r.url == "" {
		return nil
	}
	return time.After(r.pause)
}

// ask sends a request and returns what the register has then.
func (r *register) ask(method string, term int64, query string) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.patience) // not the work's: a write that was begun is finished
	defer cancel()
	r.sent++
	q, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("%s?term=%d&number=%d%s", r.url, term, r.sent, query), nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	if answer.StatusCode == http.StatusConflict {
		return 0, errRefused
	}
	text := make([]byte, 20)
	n, _ := answer.Body.Read(text) // what it has not is no number
	return strconv.ParseInt(strings.TrimSpace(string(text[:n])), 10, 64)
}

// increment reads the register and writes one more. It looks at the term between the two, says what it saw, and writes all the
// same: so does a program that stood still just after it had looked.
func (m *member) increment(term int64, valid func() error) {
	m.out.tell(event{Event: "increments", Term: term})
	value, err := m.register.ask(http.MethodGet, term, "")
	if err != nil {
		m.out.tell(event{Event: "unread", Term: term, Cause: err.Error()})
		return
	}
	if err := valid(); err != nil {
		m.out.tell(event{Event: "late", Term: term, Cause: err.Error()})
	}
	value++
	m.out.tell(event{Event: "writes", Term: term, Value: value})
	outcome := event{Event: "wrote", Term: term, Value: value}
	if _, err := m.register.ask(http.MethodPut, term, fmt.Sprint("&value=", value)); err != nil {
		outcome.Event, outcome.Cause = "unknown", err.Error()
		if errors.Is(err, errRefused) {
			outcome.Event = "refused"
		}
	}
	m.out.tell(outcome)
}
