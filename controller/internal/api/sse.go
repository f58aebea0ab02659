package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// serveEvents tells who leads a pool, then every change, as server-sent events.
//
// Source: HTML Living Standard, section 9.2, "Server-sent events".
func (s *service) serveEvents(w http.ResponseWriter, r *http.Request, path map[string]string) {
	refuse := func(err error) { answerError(r.Context(), nil, nil, w, r, err) }
	q := &zenleadv1.WatchLeaderRequest{}
	if err := parseQuery(r.URL.RawQuery, q); err != nil {
		refuse(err)
		return
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		q.Resume = last
	}
	pool, err := s.named(path["pool"], q.GetNamespace())
	if err != nil {
		refuse(err)
		return
	}
	known, err := parseRevision(q.GetResume())
	if err != nil {
		refuse(err)
		return
	}
	caller, err := s.admit(r.Context(), r.Header.Get("Authorization"), watch, pool)
	if err != nil {
		refuse(err)
		return
	}
	end, err := caller.stream()
	if err != nil {
		refuse(err)
		return
	}
	defer end()
	if s.board.Newest(pool) == nil {
		refuse(unknown(pool))
		return
	}
	out := newEventWriter(w, s.sendWithin)
	for e, err := range s.follow(r.Context(), pool, known) {
		if err != nil {
			out.last(err)
			return
		}
		if err := out.send(e); err != nil {
			return // the reader is gone, or slow
		}
	}
}

// eventWriter writes server-sent events.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	within  time.Duration
}

func newEventWriter(w http.ResponseWriter, within time.Duration) *eventWriter {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back
	w.WriteHeader(http.StatusOK)
	o := &eventWriter{w: w, control: http.NewResponseController(w), within: within}
	_ = o.control.SetReadDeadline(time.Time{}) // that of the request, which has been read, would end the stream
	return o
}

func (o *eventWriter) send(e event) error {
	b, err := encodeEvent(e)
	if err != nil {
		return err
	}
	return o.write(b)
}

// last says why the stream ends.
func (o *eventWriter) last(err error) {
	data, jerr := json.Marshal(bodyOfError(failureOf(err)))
	if jerr == nil {
		_ = o.write(fmt.Appendf(nil, "event: error\ndata: %s\n\n", data)) // the reader may be gone
	}
}

// write gives up on a reader that makes no room.
func (o *eventWriter) write(b []byte) error {
	if err := o.control.SetWriteDeadline(time.Now().Add(o.within)); err != nil {
		return fmt.Errorf("deadline of an event: %w", err)
	}
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	if err := o.control.Flush(); err != nil {
		return err
	}
	return o.control.SetWriteDeadline(time.Time{}) // HTTP/2 would reset a stream on which nothing happens
}

// encodeEvent writes an event. What is the same for all followers of a pool is written once.
func encodeEvent(e event) ([]byte, error) {
	switch {
	case e.frame == nil:
		data, err := json.Marshal(heartbeatBody{AgeMs: e.age.Milliseconds(), Stale: e.lost})
		return fmt.Appendf(nil, "event: heartbeat\ndata: %s\n\n", data), err
	case e.first:
		return encodeState(e)
	}
	return snapshot.Made(&e.frame.Shared, byHTTP, func() ([]byte, error) { return encodeState(e) })
}

func encodeState(e event) ([]byte, error) {
	state := stateOf(e.frame.State)
	state.AgeMs = e.age.Milliseconds()
	data, err := json.Marshal(bodyOf(state))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: leader\nid: %s\ndata: %s\n\n", formatRevision(e.revision), data)
	return b.Bytes(), nil
}
