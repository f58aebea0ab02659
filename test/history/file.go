package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Write writes events as JSON lines.
func Write(w io.Writer, events []Event) error {
	out := json.NewEncoder(w)
	for _, e := range events {
		if err := out.Encode(e); err != nil {
			return fmt.Errorf("writing the event of revision %d: %w", e.Revision, err)
		}
	}
	return nil
}

// Read reads what [Write] wrote and puts it in order, so that lines may stand in any.
func Read(r io.Reader) ([]Event, error) {
	var events []Event
	in := json.NewDecoder(bufio.NewReader(r))
	for {
		var e Event
		if err := in.Decode(&e); errors.Is(err, io.EOF) {
			Sort(events)
			return events, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading event %d of the history: %w", len(events)+1, err)
		}
		events = append(events, e)
	}
}
