package pool

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// memory is what a process remembers of one pool between decisions. It may be lost: a restart costs a wait or a
// repeated event, never a guess. A pool is decided by one worker at a time, so it needs no lock.
type memory struct {
	// recent holds objects as this process last wrote or read them past the cache, until the cache has caught up.
	// Without it the next decision would judge the version before our own write.
	recent map[string]recentObject
	// roles does the same for the roles written on pods.
	roles map[types.UID]recentRole
	// leaseVersion was first seen at leaseSince.
	leaseVersion string
	leaseSince   time.Time
	// leaseWritten is the version that this process wrote last, leaseConfirmed the one that it read past the cache.
	leaseWritten, leaseConfirmed string
	// acting: the last pass carried its plan out.
	acting bool
	// behind is when to come back for what was left for later: the status, as others had no leader, or a Service; 0 if
	// nothing was.
	behind time.Duration
	// untold is the change that waits to be told with the status; a later one takes its place.
	untold []Event
	// undone is the version of the Lease when this replica found something to do that is another's turn, at undoneSince;
	// "" if there is nothing to do.
	undone      string
	undoneSince time.Time
	// pace bounds how often plans are carried out; nil: none was.
	pace *rate.Limiter
	// unmarked are members that this process replaced, with the term that they were not yet seen to bear.
	unmarked map[types.UID]term.Number
	// failures counts the passes since the last one that went through.
	failures int
	// stepDowns counts the times in a row that the role of a leader could not be taken off.
	stepDowns int
	past      past
	// term is the one that the Lease was in last, since termSince.
	term      term.Number
	termSince time.Time
	// ask is the successor that the Lease names, or named last; declined are members that were named and did not take the lead.
	ask      ask
	declined map[types.UID]bool
	// sighted says what the version of Lease sightedOn was after members were seen running.
	sighted   map[types.UID]int64
	sightedOn string
	// told keeps events about members from being repeated by every decision.
	told map[types.UID]string
	// left are the events about members that are left to the preferred replica.
	left map[types.UID]leftEvent
}

// staleFor bounds how long a remembered version outranks the cache. The event of a write arrives with its answer; if
// the cache does not show the object after this long, it was deleted before the watch could report it.
const staleFor = time.Second

type recentObject struct {
	object  client.Object
	version int64
	at      time.Time
}

type recentRole struct {
	version int64
	role    Role
	at      time.Time
}

type leftEvent struct {
	what  string
	since time.Time
}

func newMemory() *memory {
	return &memory{recent: map[string]recentObject{}, roles: map[types.UID]recentRole{}, told: map[types.UID]string{}, unmarked: map[types.UID]term.Number{}}
}

// remember keeps an object that was just written, or read past the cache.
func (m *memory) remember(key string, o client.Object, now time.Time) {
	version, err := kube.Version(o.GetResourceVersion())
	if err != nil {
		return
	}
	m.recent[key] = recentObject{object: o, version: version, at: now}
}

func (m *memory) forget(key string) { delete(m.recent, key) }

// newest returns the newer of the cached object and the remembered one. cached may be nil.
func newest[T client.Object](m *memory, key string, cached T, found bool, now time.Time) (T, bool) {
	r, ok := m.recent[key]
	if !ok {
		return cached, found
	}
	version := int64(-1)
	if found {
		version, _ = kube.Version(cached.GetResourceVersion())
	}
	o, same := r.object.(T)
	if !same || version >= r.version || now.Sub(r.at) > staleFor {
		delete(m.recent, key)
		return cached, found
	}
	return o, true
}

// newestRole returns the role of a pod whose cached version is given.
func (m *memory) newestRole(uid types.UID, cachedVersion string, cached Role, now time.Time) Role {
	r, ok := m.roles[uid]
	if !ok {
		return cached
	}
	version, err := kube.Version(cachedVersion)
	if err != nil || version >= r.version || now.Sub(r.at) > staleFor {
		delete(m.roles, uid)
		return cached
	}
	return r.role
}

// waiting says whether the cache has still to catch up with something.
func (m *memory) waiting() bool { return len(m.recent)+len(m.roles) > 0 }

// stale is when to look again whether the cache has caught up, 0 if it has.
func (m *memory) stale() time.Duration {
	if m.waiting() {
		return staleFor
	}
	return 0
}

// leaseUnchangedFor notes the version of the Lease and returns how long this process has seen that version.
func (m *memory) leaseUnchangedFor(version string, now time.Time) time.Duration {
	if version != m.leaseVersion {
		m.leaseVersion, m.leaseSince = version, now
	}
	return now.Sub(m.leaseSince)
}

// decline notes that a member was named as successor and did not take the lead.
func (m *memory) decline(uid types.UID) {
	if m.declined == nil {
		m.declined = map[types.UID]bool{}
	}
	m.declined[uid] = true
}

// tell says whether an event about a member is news.
func (m *memory) tell(e Event) bool {
	if m.told[e.Member.UID] == e.what() {
		return false
	}
	m.told[e.Member.UID] = e.what()
	return true
}

// leave leaves the events about members that are news to the preferred replica, and says when to look again whether there
// still is one; 0: no need. The looks become rarer, and after toldAfter the events count as told.
func (m *memory) leave(events []Event, now time.Time) (again time.Duration) {
	for _, e := range events {
		if e.Member == nil || m.told[e.Member.UID] == e.what() {
			continue
		}
		l, ok := m.left[e.Member.UID]
		if !ok || l.what != e.what() {
			l = leftEvent{what: e.what(), since: now}
		}
		left := now.Sub(l.since)
		if left >= toldAfter {
			m.told[e.Member.UID] = l.what
			continue
		}
		if m.left == nil {
			m.left = map[types.UID]leftEvent{}
		}
		m.left[e.Member.UID] = l
		again = sooner(again, min(max(left, time.Second), toldAfter-left))
	}
	return again
}

// prune forgets members that are gone, and marks that have been made.
func (m *memory) prune(members []Member) {
	here := make(map[types.UID]bool, len(members))
	for i := range members {
		here[members[i].UID] = true
		if members[i].Role.Term >= m.unmarked[members[i].UID] {
			delete(m.unmarked, members[i].UID)
		}
	}
	m.past.prune(here)
	maps.DeleteFunc(m.unmarked, func(uid types.UID, _ term.Number) bool { return !here[uid] })
	maps.DeleteFunc(m.declined, func(uid types.UID, _ bool) bool { return !here[uid] })
	maps.DeleteFunc(m.sighted, func(uid types.UID, _ int64) bool { return !here[uid] })
	for uid := range m.roles {
		if !here[uid] {
			delete(m.roles, uid)
		}
	}
	maps.DeleteFunc(m.told, func(uid types.UID, _ string) bool { return !here[uid] })
	maps.DeleteFunc(m.left, func(uid types.UID, _ leftEvent) bool { return !here[uid] })
}

// memories holds the memory of every pool.
type memories struct {
	mu   sync.Mutex
	pool map[types.NamespacedName]*memory
}

func (m *memories) of(key types.NamespacedName) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pool == nil {
		m.pool = map[types.NamespacedName]*memory{}
	}
	if m.pool[key] == nil {
		m.pool[key] = newMemory()
	}
	return m.pool[key]
}

func (m *memories) drop(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pool, key)
}
