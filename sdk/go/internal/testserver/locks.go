package testserver

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Locks keeps locks in memory: first come, first served; a request never gets two tokens; a holder that is not heard of for its ttl and a
// twentieth has lost the lock. Every name but "none" is one of a lock. It is safe for concurrent use.
type Locks struct {
	// TTL is the ttl of all locks. Default: 15 s.
	TTL time.Duration
	// Between is asked before each call is done, and once more when it is done and not answered yet. It may wait, and its error is the answer.
	// io.EOF is an answer that says nothing.
	Between func(Call) error

	mu       sync.Mutex
	locks    map[string]*lock
	token    int64
	homes    int
	acquires []*zenleadv1.AcquireRequest
	renewals [][]*zenleadv1.Renewal
	releases []*zenleadv1.Holding
}

// Grant is one time that a lock was held.
type Grant struct {
	Request, Owner string
	Token          int64
	// From is when it was granted, and To when it ended; zero while it has not.
	From, To time.Time
}

type lock struct {
	grants []*Grant
	// holder is the last of grants while that holds the lock.
	holder  *Grant
	home    string
	expires *time.Timer
	// refusal is what renewals are answered, "" where they are good.
	refusal string
	queue   []*waiter
	ended   map[string]bool
}

type waiter struct {
	request, owner string
	came           time.Time
	// told gets what becomes of it. away: nobody listens at present.
	told chan answer
	away bool
}

type answer struct {
	granted *zenleadv1.Granted
	err     error
}

func (l *Locks) ttl() time.Duration { return cmp.Or(l.TTL, 15*time.Second) }

// of returns a lock. The mutex is held.
func (l *Locks) of(namespace, name string) *lock {
	key := namespace + "/" + name
	if l.locks[key] == nil {
		if l.locks == nil {
			l.locks = map[string]*lock{}
		}
		l.locks[key] = &lock{ended: map[string]bool{}}
	}
	return l.locks[key]
}

// ask has a request wait, or answers it at once. The mutex is held.
func (l *Locks) ask(k *lock, a *zenleadv1.Acquisition) *waiter {
	w := &waiter{request: a.GetRequestId(), owner: a.GetOwner(), came: time.Now(), told: make(chan answer, 1)}
	at := slices.IndexFunc(k.queue, func(o *waiter) bool { return o.request == w.request })
	switch {
	case k.holder != nil && k.holder.Request == w.request:
		w.told <- answer{granted: l.granted(k, w)}
	case k.ended[w.request]:
		w.told <- answer{err: Error("Finished", "the request has ended")}
	case at >= 0:
		k.queue[at].told <- answer{err: Error("Unknown", "it was asked for again")}
		k.queue[at] = w
	case a.GetWait() != nil && a.GetWait().AsDuration() == 0 && (k.holder != nil || len(k.queue) > 0):
		w.told <- answer{err: Error("Held", "somebody else holds the lock")}
	default:
		k.queue = append(k.queue, w)
	}
	l.next(k)
	return w
}

// next gives a free lock to the first who is there. The mutex is held.
func (l *Locks) next(k *lock) {
	at := slices.IndexFunc(k.queue, func(w *waiter) bool { return !w.away })
	if k.holder != nil || at < 0 {
		return
	}
	w := k.queue[at]
	k.queue = slices.Delete(k.queue, at, at+1)
	l.token += 10
	k.holder, k.refusal = &Grant{Request: w.request, Owner: w.owner, Token: l.token, From: time.Now()}, ""
	k.grants = append(k.grants, k.holder)
	l.homes++
	k.home = "home-" + strconv.Itoa(l.homes)
	g := k.holder
	k.expires = time.AfterFunc(time.Hour, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.holder == g {
			l.end(k)
		}
	})
	w.told <- answer{granted: l.granted(k, w)}
}

// granted is the answer to the holder, of which this is a sign of life. The mutex is held.
func (l *Locks) granted(k *lock, w *waiter) *zenleadv1.Granted {
	k.expires.Reset(l.ttl() + l.ttl()/20)
	return &zenleadv1.Granted{
		RequestId: w.request, Token: k.holder.Token, TtlSeconds: int32(l.ttl() / time.Second),
		WaitedMs: time.Since(w.came).Milliseconds(), Home: k.home,
	}
}

// end ends the holder. The mutex is held.
func (l *Locks) end(k *lock) {
	k.expires.Stop()
	k.ended[k.holder.Request] = true
	k.holder.To = time.Now()
	k.holder = nil
	l.next(k)
}

// leave is the end of a stream. Who waits may come back within ten seconds. The mutex is not held.
func (l *Locks) leave(k *lock, w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.away = true
	time.AfterFunc(10*time.Second, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		k.queue = slices.DeleteFunc(k.queue, func(o *waiter) bool { return o == w })
	})
}

// renew keeps a lock. The mutex is held.
func (l *Locks) renew(r *zenleadv1.Renewal) (home, refusal string) {
	k, h := l.of(r.GetNamespace(), r.GetLock()), r.GetHolding()
	switch {
	case k.holder == nil || k.holder.Request != h.GetRequestId() || k.holder.Token != h.GetToken():
		return "", "Lost"
	case k.refusal != "":
		return "", k.refusal
	case h.GetHome() == "":
		l.homes++
		k.home = "home-" + strconv.Itoa(l.homes)
	}
	k.expires.Reset(l.ttl() + l.ttl()/20)
	return k.home, ""
}

// release gives a lock up, or the wait for it. The mutex is held.
func (l *Locks) release(k *lock, h *zenleadv1.Holding) error {
	switch {
	case k.holder != nil && k.holder.Request == h.GetRequestId():
		l.end(k)
	case h.GetToken() == 0 || k.ended[h.GetRequestId()]:
		k.ended[h.GetRequestId()] = true
		k.queue = slices.DeleteFunc(k.queue, func(w *waiter) bool { return w.request == h.GetRequestId() })
	default:
		return Error("Lost", "somebody else holds the lock, or nobody")
	}
	return nil
}
