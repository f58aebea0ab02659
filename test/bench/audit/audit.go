// Package audit counts requests in the audit log of an API server, which is the only one that knows what every client
// really asked for: a client's own counters miss retries, watches and what a library does by itself.
package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Request is one finished request, as far as a line of the log (level Metadata) is of use here.
type Request struct {
	ID         string    `json:"auditID"`
	Stage      string    `json:"stage"`
	Verb       string    `json:"verb"`
	UserAgent  string    `json:"userAgent"`
	ObjectRef  ObjectRef `json:"objectRef"`
	Response   Response  `json:"responseStatus"`
	ReceivedAt time.Time `json:"requestReceivedTimestamp"`
}

// ObjectRef is what was asked for; empty for paths outside the API.
type ObjectRef struct {
	Group       string `json:"apiGroup"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
}

// Response is the outcome.
type Response struct {
	Code int `json:"code"`
}

// IsWrite says whether the request changes something. A review is a question in the form of a creation.
func (r *Request) IsWrite() bool {
	switch r.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return !strings.HasSuffix(r.ObjectRef.Resource, "reviews")
	default:
		return false
	}
}

// Succeeded says whether it was answered with 2xx.
func (r *Request) Succeeded() bool { return r.Response.Code/100 == 2 }

// IsEvent says whether the request is about an Event, which tells of something and changes nothing.
func (r *Request) IsEvent() bool { return r.ObjectRef.Resource == "events" }

// Kind names what was asked for, for a table: "update leases".
func (r *Request) Kind() string {
	what := r.ObjectRef.Resource
	if r.ObjectRef.Subresource != "" {
		what += "/" + r.ObjectRef.Subresource
	}
	if what == "" {
		what = "other"
	}
	return r.Verb + " " + what
}

// outcome is the kind, with the code where it failed.
func (r *Request) outcome() string {
	if r.Succeeded() {
		return r.Kind()
	}
	return fmt.Sprintf("%s (%d)", r.Kind(), r.Response.Code)
}

// stageComplete is the stage of a finished request. A watch has another line when it begins.
const stageComplete = "ResponseComplete"

// Parse reads a log and calls keep for each request that is finished. A last line that is not written to its end is left
// out.
func Parse(log io.Reader, keep func(*Request)) error {
	lines := bufio.NewReader(log)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("audit log: %w", err)
		}
		var r Request
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("audit log, line %d: %w", n, err)
		}
		if r.Stage == stageComplete {
			keep(&r)
		}
	}
}

// Read returns the requests that the API server received from one moment, inclusive, to another, exclusive, and has
// finished since; they need not be in order. A watch that goes on is not among them: whoever wants it counted ends it
// first.
func Read(path string, from, to time.Time) ([]Request, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	var found []Request
	err = Parse(f, func(r *Request) {
		if !r.ReceivedAt.Before(from) && r.ReceivedAt.Before(to) {
			found = append(found, *r)
		}
	})
	return found, errors.Join(err, f.Close())
}
