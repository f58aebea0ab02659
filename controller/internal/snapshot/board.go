package snapshot

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
)

// Board is what is published of all pools. Its zero value has none; its methods are safe for concurrent use.
type Board struct {
	mu    sync.Mutex // held by who publishes
	pools sync.Map   // *topic by types.NamespacedName
	keys  atomic.Pointer[[]types.NamespacedName]
}

// topic is one pool.
type topic struct {
	newest atomic.Pointer[Frame]
	// heard are the versions that were told of the pool, also where they changed nothing.
	heard atomic.Pointer[Revision]
}

// Newest returns the newest frame of a pool, nil where there is no such pool.
func (b *Board) Newest(pool types.NamespacedName) *Frame {
	t := b.topic(pool)
	if t == nil {
		return nil
	}
	return t.newest.Load()
}

// Behind says whether this process has not heard of all of a pool that a revision was made of.
func (b *Board) Behind(pool types.NamespacedName, r Revision) bool {
	t := b.topic(pool)
	if t == nil {
		return true
	}
	heard := t.heard.Load()
	return heard.Term < r.Term || heard.Lease < r.Lease || heard.Policy < r.Policy
}

// Pools returns the pools that there are, by namespace and name. The caller does not change the slice.
func (b *Board) Pools() []types.NamespacedName {
	if keys := b.keys.Load(); keys != nil {
		return *keys
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []types.NamespacedName
	b.pools.Range(func(k, _ any) bool {
		if key, ok := k.(types.NamespacedName); ok {
			keys = append(keys, key)
		}
		return true
	})
	slices.SortFunc(keys, Order)
	b.keys.Store(&keys)
	return keys
}

// Order orders pools by namespace and name.
func Order(a, b types.NamespacedName) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func (b *Board) topic(pool types.NamespacedName) *topic {
	if t, ok := b.pools.Load(pool); ok {
		if t, ok := t.(*topic); ok {
			return t
		}
	}
	return nil
}

// publish publishes a state, unless it is what is published or of an older term.
func (b *Board) publish(s State, r Revision) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topic(s.Pool)
	if t == nil {
		t = &topic{}
		t.newest.Store(newFrame(s, r))
		t.heard.Store(&r)
		b.pools.Store(s.Pool, t)
		b.keys.Store(nil)
		return
	}
	was, next := t.newest.Load(), (*Frame)(nil)
	if s != was.State && s.Term >= was.State.Term {
		next = newFrame(s, r)
		t.newest.Store(next)
	}
	r.Term = max(r.Term, was.Revision.Term)
	t.heard.Store(&r) // once the frame is there: who is not behind finds it
	if next != nil {
		was.then(next) // and who is told of it is not behind
	}
}

// Nudge has everybody who follows a pool look around. Each of thousands would wait on a channel for it, which all of them share, otherwise.
func (b *Board) Nudge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pools.Range(func(_, v any) bool {
		if t, ok := v.(*topic); ok {
			was := t.newest.Load()
			f := newFrame(was.State, was.Revision)
			f.Nudge, f.At = true, was.At
			t.newest.Store(f)
			was.then(f)
		}
		return true
	})
}

// withdraw tells who follows a pool that it is no more.
func (b *Board) withdraw(pool types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topic(pool)
	if t == nil {
		return
	}
	b.pools.Delete(pool)
	b.keys.Store(nil)
	was := t.newest.Load()
	f := newFrame(was.State, was.Revision)
	f.Gone = true
	was.then(f)
}
