package locks_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/locker"
)

// tokensGrow (I1) fails where a grant has a token that is not larger than all before it, of other objects of that name too, or a holder's
// changed. And (I2) where a lock has two holders.
func tokensGrow(lock string, versions []version) error {
	var wrong []error
	var top int64
	holder := ""
	for _, v := range versions {
		if len(v.status.Holders) > 1 {
			wrong = append(wrong, fmt.Errorf("%s: two holders at revision %d", lock, v.revision))
		}
		h := v.holder()
		switch {
		case h == nil:
			holder = ""
			continue
		case h.RequestID == holder:
			if h.Token != top {
				wrong = append(wrong, fmt.Errorf("%s: the token of %s changed from %d to %d", lock, holder, top, h.Token))
			}
			continue
		}
		if h.Token <= top {
			wrong = append(wrong, fmt.Errorf("%s: %s got token %d after %d", lock, h.RequestID, h.Token, top))
		}
		holder, top = h.RequestID, max(top, h.Token)
	}
	return errors.Join(wrong...)
}

// endsOnce (I2) fails where a request holds the lock again that was told of a grant which has ended, although the record that was replaced said
// that it had, and says how many did that the record had forgotten, of the last few that it has. One that was not told goes on asking after
// its time has passed.
func endsOnce(lock string, h history, versions []version) (forgotten int, err error) {
	told := map[string]int64{}
	for _, r := range h {
		told[r.id] = r.token
	}
	var wrong []error
	ended := map[string]bool{}
	var before version
	for _, v := range versions {
		was, is := before.holder(), v.holder()
		known := before.status.Finished
		before = v
		if was != nil && is != nil && was.Token == is.Token {
			continue
		}
		if was != nil && told[was.RequestID] == was.Token {
			ended[was.RequestID] = true
		}
		switch {
		case is == nil || !ended[is.RequestID]:
		case slices.ContainsFunc(known, func(m string) bool { return strings.HasPrefix(m, markOf(is)) }):
			wrong = append(wrong, fmt.Errorf("%s: %s has ended, and got it again", lock, is.RequestID))
		default:
			forgotten++
		}
	}
	return forgotten, errors.Join(wrong...)
}

// markOf is how the record has a request that has ended.
func markOf(h *v1alpha1.LockHolder) string {
	sum := sha256.Sum256([]byte(h.Account + "\n" + h.RequestID))
	return base64.RawURLEncoding.EncodeToString(sum[:8])
}

// whatIsToldIsWritten fails where a locker was told of a grant that is not in the record, or is there with another token.
func whatIsToldIsWritten(lock string, h history, versions []version) error {
	type grant struct {
		id    string
		token int64
	}
	written, last := map[grant]bool{}, map[string]int64{}
	for _, v := range versions {
		if held := v.holder(); held != nil {
			written[grant{held.RequestID, held.Token}], last[held.RequestID] = true, held.Token
		}
	}
	var wrong []error
	for _, r := range h {
		if r.granted != 0 && !written[grant{r.id, r.token}] {
			wrong = append(wrong, fmt.Errorf("%s: %s was told token %d, the record has %d", lock, r.id, r.token, last[r.id]))
		}
	}
	return errors.Join(wrong...)
}

// nothingLost (I3) fails where the fenced cell has not all increments that were acknowledged, or more than were sent.
func nothingLost(lock string, h history, has locker.Cells) error {
	var acknowledged, unknown int64
	for _, r := range h {
		for _, n := range r.increments {
			switch {
			case n.by == locker.OK:
				acknowledged++
			case n.written && n.by == locker.Unheard:
				unknown++
			}
		}
	}
	if has.Fenced < acknowledged || has.Fenced > acknowledged+unknown {
		return fmt.Errorf("%s: the fenced cell has %d; %d increments were acknowledged, %d more may have happened", lock, has.Fenced, acknowledged, unknown)
	}
	if got := h.judgeCell(true); got != porcupine.Ok {
		return fmt.Errorf("%s: the history of the fenced cell is %v", lock, got)
	}
	return nil
}

// whoLeftGetsNothing (I4) fails where a request was granted the lock after it was told that it had left, or had been refused.
func whoLeftGetsNothing(lock string, h history, versions []version) error {
	byID := map[string]*request{}
	for _, r := range h {
		byID[r.id] = r
	}
	var wrong []error
	holder := ""
	for _, v := range versions {
		id := ""
		if held := v.holder(); held != nil {
			id = held.RequestID
		}
		if r := byID[id]; r != nil && id != holder {
			switch {
			case r.leftBy == locker.OK && v.at > r.left+slack:
				wrong = append(wrong, fmt.Errorf("%s: %s had left %v before it was granted the lock", lock, id, v.at-r.left))
			case (r.why == "Held" || r.why == "QueueFull") && v.at > r.refused+slack:
				wrong = append(wrong, fmt.Errorf("%s: %s had been told %s %v before it was granted the lock", lock, id, r.why, v.at-r.refused))
			}
		}
		holder = id
	}
	return errors.Join(wrong...)
}

// slack is how much later than an answer the watch may tell of a write that came before it.
const slack = 2 * time.Second

// inOrder (I5) fails where one who had a place got the lock after one who asked later, at the same home, and neither had to ask again.
func inOrder(lock string, h history) error {
	var wrong []error
	for i, a := range h {
		if a.placed == 0 || a.granted == 0 || a.attempts > 1 {
			continue
		}
		for _, b := range h[i+1:] {
			if b.asked > a.granted {
				break
			}
			if b.asked > a.placed && b.granted != 0 && b.attempts == 1 && b.home == a.home && b.token < a.token {
				wrong = append(wrong, fmt.Errorf("%s: %s waited when %s asked, which got the lock before it", lock, a.id, b.id))
			}
		}
	}
	return errors.Join(wrong...)
}

// neverTwo (I7) fails where a request held the lock by the record, or was told so, before the holder before it had stopped to count itself
// one by its own clock.
func neverTwo(lock string, h history, versions []version) error {
	byID := map[string]*request{}
	for _, r := range h {
		byID[r.id] = r
	}
	var wrong []error
	var last *request // who was told of the last grant of which anybody was
	for _, v := range versions {
		held := v.holder()
		if held == nil || last != nil && held.Token == last.token {
			continue
		}
		next, at := byID[held.RequestID], v.at
		if next != nil && (next.granted == 0 || next.token != held.Token) {
			next = nil // it was told of another grant, or of none
		}
		if next != nil {
			at = min(at, next.granted)
		}
		if last != nil && last.counts() > last.granted && at < last.counts() {
			wrong = append(wrong, fmt.Errorf("%s: %s was granted the lock %v before %s had stopped to count itself its holder", lock, held.RequestID, last.counts()-at, last.id))
		}
		if next != nil {
			last = next
		}
	}
	return errors.Join(wrong...)
}

// buried is how long a replica may remember a holder whose lock was deleted, and so refuse it to others: its home's time, the longest ttl of a lock
// that is deleted here, and 5 %.
const buried = 21 * time.Second

// linearizable fails where what clients did and knew of the lock cannot have happened one after the other. That a deleted lock is held may be
// said for a while by who remembers its holder, while who does not grants the new one.
func linearizable(lock string, h history, versions []version, deleted []operation) error {
	ops := slices.DeleteFunc(h.operations(spans(versions)), func(o operation) bool {
		return o.do == refuses && slices.ContainsFunc(deleted, func(d operation) bool { return o.returned > d.call && o.call < d.returned+buried })
	})
	if got := judgeLock(append(ops, deleted...)); got != porcupine.Ok {
		return fmt.Errorf("%s: the history of the lock is %v", lock, got)
	}
	return nil
}
