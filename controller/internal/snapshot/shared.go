package snapshot

import "sync"

// Shared remembers what was made of something, by kind. Its zero value is empty; it is safe for concurrent use.
type Shared struct {
	mu   sync.Mutex
	made map[any]any
}

// Made returns what make returned the first time for this kind. After an error the next caller tries again.
func Made[T any](s *Shared, kind any, make func() (T, error)) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.made[kind].(T); ok {
		return v, nil
	}
	v, err := make()
	if err != nil {
		return v, err
	}
	if s.made == nil {
		s.made = map[any]any{}
	}
	s.made[kind] = v
	return v, nil
}
