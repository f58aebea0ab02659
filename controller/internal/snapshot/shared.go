package snapshot

import (
	"sync"
	"sync/atomic"
)

// kinds is how many kinds there can be.
const kinds = 4

// Shared remembers what was made of something, by kind: a small number. Its zero value is empty; it is safe for concurrent use.
type Shared struct {
	mu   sync.Mutex // held by who makes something
	made [kinds]atomic.Value
}

// Made returns what the function returned the first time for this kind. After an error the next caller tries again.
func Made[T any](s *Shared, kind int, f func() (T, error)) (T, error) {
	if v, ok := s.made[kind].Load().(T); ok {
		return v, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.made[kind].Load().(T); ok {
		return v, nil
	}
	v, err := f()
	if err == nil {
		s.made[kind].Store(v)
	}
	return v, err
}
