package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Result is one line of figures: flat, in the order in which they were set.
type Result struct {
	keys   []string
	values map[string]any
}

// NewResult begins the result of a benchmark.
func NewResult(name string) *Result {
	r := &Result{values: map[string]any{}}
	r.Set("bench", name)
	return r
}

// Set sets a figure: a number, or a text.
func (r *Result) Set(key string, value any) {
	if _, known := r.values[key]; !known {
		r.keys = append(r.keys, key)
	}
	r.values[key] = value
}

// Print writes the line.
func (r *Result) Print(w io.Writer) error {
	line, err := r.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "RESULT %s\n", line)
	return err
}

// MarshalJSON keeps the order of the keys, which a map would lose.
func (r *Result) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, key := range r.keys {
		k, keyErr := json.Marshal(key)
		v, valueErr := json.Marshal(r.values[key])
		if err := errors.Join(keyErr, valueErr); err != nil {
			return nil, fmt.Errorf("figure %s: %w", key, err)
		}
		b.WriteByte([]byte("{,")[min(i, 1)])
		b.Write(append(append(k, ':'), v...))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
