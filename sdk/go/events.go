package zenlead

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// eventStream reads server-sent events. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, as much of it as a
// server that is not a browser's enemy sends: UTF-8, and lines that end with LF or CRLF.
type eventStream struct {
	ctx   context.Context
	body  io.Closer
	lines *bufio.Scanner
}

// longestLine is what no event comes near: a state is half a kilobyte.
const longestLine = 1 << 20

func newEventStream(ctx context.Context, body io.ReadCloser) *eventStream {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, longestLine)
	return &eventStream{ctx: ctx, body: body, lines: lines}
}

func (s *eventStream) recv() (*zenleadv1.WatchLeaderResponse, error) {
	event, err := s.next()
	if err != nil {
		_ = s.body.Close()
		return nil, err
	}
	response, err := event.read()
	if err != nil {
		_ = s.body.Close()
		return nil, err
	}
	return response, nil
}

// sentEvent is one server-sent event.
type sentEvent struct{ kind, id, data string }

// next reads lines until an empty one ends the event. What the end of the stream cuts off is no event.
func (s *eventStream) next() (e sentEvent, err error) {
	var data []string
	for s.lines.Scan() {
		line := s.lines.Text()
		if line == "" {
			e.data = strings.Join(data, "\n")
			return e, nil
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			e.kind = value
		case "id":
			e.id = value
		case "data":
			data = append(data, value)
		}
	}
	if err := s.lines.Err(); err != nil {
		return e, concluded(s.ctx, ErrUnavailable, err.Error())
	}
	return e, concluded(s.ctx, ErrUnavailable, "the stream ended")
}

// read returns what the event says, which is nothing where this version does not know its kind.
func (e sentEvent) read() (*zenleadv1.WatchLeaderResponse, error) {
	response := &zenleadv1.WatchLeaderResponse{Revision: e.id}
	var err error
	switch e.kind {
	case "leader":
		state := &zenleadv1.LeaderState{}
		err = decoding.Unmarshal([]byte(e.data), state)
		response.Event = &zenleadv1.WatchLeaderResponse_State{State: state}
	case "heartbeat":
		heartbeat := &zenleadv1.Heartbeat{}
		err = decoding.Unmarshal([]byte(e.data), heartbeat)
		response.Event = &zenleadv1.WatchLeaderResponse_Heartbeat{Heartbeat: heartbeat}
	case "error":
		if answer := errorOfBody([]byte(e.data), ErrUnavailable); answer != nil {
			return nil, answer
		}
		err = errors.New("an error without a reason")
	default:
		return &zenleadv1.WatchLeaderResponse{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the stream is none of zen-lead's: %w", ErrUnavailable, err)
	}
	return response, nil
}
