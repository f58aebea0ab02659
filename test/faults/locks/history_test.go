package locks_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/kube-zen/zen-lead/test/locker"
)

// request is what a locker knows of one of its requests. Times are 0 where that did not happen.
type request struct {
	lock, id string
	process  *locker.Process
	// asked is when its first attempt was sent, and attempts how many there were; placed is when it heard that it waits.
	asked    time.Duration
	attempts int
	placed   time.Duration
	// granted is when it heard that it holds the lock, by which token, and home which replica said so.
	granted time.Duration
	token   int64
	home    string
	// until is when its time passed by its own clock, as far as it knew.
	until time.Duration
	// refused is when it heard that it will not, and why. It left when that was certain, if leftBy is OK.
	refused, leaves, left time.Duration
	why, leftBy           string
	renewals              []renewal
	// over is when it must not use the lock any more, and lost whether somebody told it so.
	over     time.Duration
	lost     bool
	releases time.Duration
	// released is when that was answered, as releasedBy.
	released   time.Duration
	releasedBy string
	increments []increment
	// gone is when its process was.
	gone time.Duration
}

// renewal is one that was sent, and answered at answered.
type renewal struct {
	sent, answered time.Duration
	home, by       string
}

// increment is one of the register: what it wrote into the cells, or would have. by is OK, refused by the fence, or unheard of.
type increment struct {
	token                 int64
	from, wrote           time.Duration
	fenced, open          int64
	by                    string
	written, late, unread bool
}

// history is what became of all requests, in the order in which they were asked for the first time.
type history []*request

// requests reads the lockers' events.
func requests(entries []locker.Entry) history {
	byID := map[string]*request{}
	of := map[*locker.Process]map[string]*request{}
	var all history
	for _, e := range entries {
		if e.Name == locker.Gone {
			for _, r := range of[e.Process] {
				r.gone = e.At
			}
			continue
		}
		r := byID[e.Request]
		if r == nil {
			r = &request{lock: e.Lock, id: e.Request, process: e.Process}
			byID[e.Request] = r
			if of[e.Process] == nil {
				of[e.Process] = map[string]*request{}
			}
			of[e.Process][r.id] = r
			all = append(all, r)
		}
		r.note(e.Event)
	}
	slices.SortFunc(all, func(a, b *request) int { return cmp.Compare(a.asked, b.asked) })
	return all
}

func (r *request) note(e locker.Event) {
	switch e.Name {
	case locker.Asks:
		r.asked, r.attempts = e.At, 1
	case locker.Again:
		r.attempts++
	case locker.Waits:
		if r.placed == 0 {
			r.placed = e.At
		}
	case locker.Granted:
		r.granted, r.token, r.home, r.until = e.At, e.Token, e.Home, e.Until
	case locker.Refused:
		r.refused, r.why = e.At, e.Outcome
	case locker.Leaves:
		r.leaves = e.At
	case locker.Left:
		r.left, r.leftBy = e.At, e.Outcome
	case locker.Renews:
		r.renewals = append(r.renewals, renewal{sent: e.At, home: e.Home})
	case locker.Renewed:
		last := &r.renewals[len(r.renewals)-1]
		last.answered, last.by = e.At, e.Outcome
		r.until = max(r.until, e.Until)
		r.lost = r.lost || e.Outcome == "Lost"
	case locker.Over:
		r.over = e.At
	case locker.Releases:
		r.releases = e.At
	case locker.Released:
		r.released, r.releasedBy = e.At, e.Outcome
	default:
		r.incremented(e)
	}
}

func (r *request) incremented(e locker.Event) {
	if e.Name == locker.Reads {
		r.increments = append(r.increments, increment{token: e.Token, from: e.At})
		return
	}
	last := &r.increments[len(r.increments)-1]
	switch e.Name {
	case locker.Read:
		last.unread = e.Outcome == locker.Unheard
	case locker.Late:
		last.late = true
	case locker.Writes:
		last.written, last.fenced, last.open, last.by = true, e.Fenced, e.Open, locker.Unheard
	case locker.Wrote:
		last.wrote, last.by = e.At, e.Outcome
	}
}

// counts is when this holder stopped to count itself one: by its own clock, or as it had released the lock, or heard that it is lost.
func (r *request) counts() time.Duration {
	end := r.until
	if r.releases != 0 {
		end = min(end, r.releases)
	}
	for _, k := range r.renewals {
		if k.by == "Lost" || k.by == "UnknownLock" {
			end = min(end, k.answered)
		}
	}
	return end
}

// of are the requests for one lock.
func (h history) of(lock string) (some history) {
	for _, r := range h {
		if r.lock == lock {
			some = append(some, r)
		}
	}
	return some
}

// byLock are all requests, by lock.
func (h history) byLock() map[string]history {
	all := map[string]history{}
	for _, r := range h {
		all[r.lock] = append(all[r.lock], r)
	}
	return all
}
