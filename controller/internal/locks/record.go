package locks

import (
	"strconv"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

// defaultMaxWaiters is how many may wait where the lock does not say.
const defaultMaxWaiters = 1000

// longestMessage is how many bytes a message in a record may have.
const longestMessage = 1024

// versionOf is an object's resourceVersion as a number: they are comparable. An unreadable one counts as the least.
//
// Source: KEP-5504, "Comparable Resource Version".
func versionOf(o *v1alpha1.ManualLock) int64 {
	n, err := strconv.ParseInt(o.ResourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// recordOf is the record in a status.
func recordOf(s *v1alpha1.ManualLockStatus) lock.Record {
	r := lock.Record{Token: s.Token, Ended: s.Finished}
	if len(s.Holders) > 0 {
		h := s.Holders[0]
		r.Holder = &lock.Holder{
			Request: lock.Request{ID: h.RequestID, Owner: h.Owner, Account: h.Account},
			Token:   h.Token, TTL: time.Duration(h.TTLSeconds) * time.Second, Home: h.Home, Attempt: h.Attempt, Since: timeOf(h.Since),
		}
		if f := h.Forced; f != nil {
			r.Holder.Forced = &lock.Forced{By: f.By, Reason: f.Reason}
		}
	}
	for _, w := range s.Waiters {
		r.Waiters = append(r.Waiters, lock.Waiter{Request: lock.Request{ID: w.RequestID, Owner: w.Owner, Account: w.Account}, Since: timeOf(w.Since)})
	}
	if s.Waiting != nil {
		r.Waiting = int(*s.Waiting)
	}
	if l := s.LastTransition; l != nil {
		r.Last = lock.Transition{Reason: lock.Reason(l.Reason), Time: timeOf(l.Time), Message: l.Message}
	}
	return r
}

// statusOf is the status that has a record. The epoch is the administrators'.
func statusOf(r lock.Record, epoch int64) v1alpha1.ManualLockStatus {
	s := v1alpha1.ManualLockStatus{Token: r.Token, Epoch: epoch, Waiting: new(int32(r.Waiting)), Finished: r.Ended} //nolint:gosec // at most 10,000 wait
	if h := r.Holder; h != nil {
		holder := v1alpha1.LockHolder{
			RequestID: h.ID, Owner: h.Owner, Account: h.Account, Token: h.Token, Since: micro(h.Since),
			TTLSeconds: int32(h.TTL / time.Second), Home: h.Home, Attempt: h.Attempt,
		}
		if f := h.Forced; f != nil {
			holder.Forced = &v1alpha1.LockForce{By: f.By, Reason: f.Reason}
		}
		s.Holders = []v1alpha1.LockHolder{holder}
	}
	for _, w := range r.Waiters {
		s.Waiters = append(s.Waiters, v1alpha1.LockWaiter{RequestID: w.ID, Owner: w.Owner, Account: w.Account, Since: micro(w.Since)})
	}
	if r.Last.Reason != "" {
		s.LastTransition = &v1alpha1.LockTransition{Reason: string(r.Last.Reason), Time: micro(r.Last.Time), Message: Cut(r.Last.Message, longestMessage)}
	}
	return s
}

func timeOf(t *metav1.MicroTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func micro(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	return &metav1.MicroTime{Time: t.Round(0).Truncate(time.Microsecond)}
}

// Cut leaves as many whole characters as fit.
func Cut(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	for bytes > 0 && !utf8.RuneStart(s[bytes]) {
		bytes--
	}
	return s[:bytes]
}

// maxWaiters is how many may wait for a lock.
func maxWaiters(s *v1alpha1.ManualLockSpec) int {
	if s.MaxWaiters != nil {
		return int(*s.MaxWaiters)
	}
	return defaultMaxWaiters
}
