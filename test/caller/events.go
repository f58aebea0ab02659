package caller

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Event is one of a watch by HTTP.
type Event struct {
	// Kind is leader, heartbeat or error, and ID what to resume with.
	Kind, ID string
	Leader   *struct{ Name, UID string }
	Term     int64
	AgeMs    int64
	Stale    bool
	// Error is why the stream ends.
	Error struct{ Reason, Message string }
}

// Events is a watch by HTTP.
type Events struct {
	body  io.ReadCloser
	lines *bufio.Scanner
}

// Watch follows a pool from a revision on, "" from the beginning.
func (c *Caller) Watch(ctx context.Context, namespace, pool, resume string) (*Events, error) {
	var headers []string
	if resume != "" {
		headers = []string{"Last-Event-ID", resume}
	}
	r, err := c.send(ctx, http.MethodGet, "/v1/leader/pool/"+pool+"/watch?namespace="+namespace, "", headers...)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		_ = r.Body.Close()
		return nil, fmt.Errorf("watch: %s", r.Status)
	}
	return &Events{body: r.Body, lines: bufio.NewScanner(r.Body)}, nil
}

// Close ends the watch.
func (e *Events) Close() error { return e.body.Close() }

// Next waits for the next event; io.EOF where the stream has ended.
func (e *Events) Next() (v Event, err error) {
	data := ""
	for e.lines.Scan() {
		name, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch name {
		case "event":
			v.Kind = value
		case "id":
			v.ID = value
		case "data":
			data = value
		case "":
			return v, json.Unmarshal([]byte(data), &v)
		}
	}
	if err := e.lines.Err(); err != nil {
		return v, err
	}
	return v, io.EOF
}

// Leads waits for the next event that tells of a leader.
func (e *Events) Leads() (Event, error) {
	for {
		v, err := e.Next()
		if err != nil || v.Kind == "leader" {
			return v, err
		}
		if v.Kind == "error" {
			return v, fmt.Errorf("the stream ends: %s: %s", v.Error.Reason, v.Error.Message)
		}
	}
}
