package zenlead

import (
	"fmt"
	"sync"
)

// poolKey names a pool.
type poolKey struct{ namespace, name string }

func (k poolKey) String() string { return k.namespace + "/" + k.name }

// of is an error if a state is not of this pool: whatever sent it is not zen-lead, or mixes things up.
func (k poolKey) of(s State) error {
	if s.Pool != k.name || s.Namespace != k.namespace {
		return fmt.Errorf("%w: the answer is of pool %q in namespace %q, or none of zen-lead's", ErrUnavailable, s.Pool, s.Namespace)
	}
	return nil
}

// terms remembers the largest term of each pool that any call has seen.
type terms struct {
	mu     sync.Mutex
	newest map[poolKey]int64
}

// of is the largest term that was seen of a pool, 0 if none was.
func (t *terms) of(k poolKey) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.newest[k]
}

// saw notes a term. It is false if a larger one was seen before.
func (t *terms) saw(k poolKey, term int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if term < t.newest[k] {
		return false
	}
	if t.newest == nil {
		t.newest = map[poolKey]int64{}
	}
	t.newest[k] = term
	return true
}
