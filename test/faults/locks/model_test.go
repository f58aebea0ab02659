package locks_test

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/kube-zen/zen-lead/test/locker"
)

// verdict bounds porcupine, for one lock.
const verdict = 5 * time.Minute

// do is what a client did to a lock, or knew of it.
type do int

const (
	// grants: the request got the lock, by that token. mayGrant: nobody knows whether it did.
	grants do = iota
	mayGrant
	// refuses: somebody else had it.
	refuses
	// holds: the request had the lock; lacks: it had not.
	holds
	lacks
	// frees: the request gave it up. mayFree: perhaps. leaves: it has the lock no more, if it had it.
	frees
	mayFree
	leaves
	// deletes: an administrator deleted the lock. Who held it still counts, until the next.
	deletes
)

// operation is one, between call and returned. request is a number of its own for each request, from 1 on. rank is that of a grant among all that
// were told, by their tokens: as tokens only grow, they were made in that order.
type operation struct {
	do                   do
	request, token, rank int64
	call, returned       time.Duration
}

// state of a fenced lock: who holds it, by token, or by its number below 0 where nobody knows the token; 0 is nobody.
type state struct {
	holder, top, rank int64
	deleted           bool
}

// fencedLock is a lock as its clients may believe in it: it takes tokens that only grow, and a holder has it until it gives it up, or another
// one is granted it. That it was not granted too early shows in that its holder had it until its time had passed.
var fencedLock = porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(s, input, _ any) []any { return s.(state).after(input.(operation)) },
	DescribeOperation: func(input, _ any) string {
		op := input.(operation)
		return fmt.Sprintf("%d of request %d, token %d", op.do, op.request, op.token)
	},
}

// after are the states that may come after an operation; none: it cannot have happened.
func (s state) after(op operation) []any {
	is := s.holder == op.token
	when := func(ok bool) []any {
		if ok {
			return []any{s}
		}
		return nil
	}
	free, got := s, s
	free.holder = 0
	got.deleted = false
	switch op.do {
	case grants:
		if op.token <= s.top || op.rank != s.rank+1 {
			return nil
		}
		got.holder, got.top, got.rank = op.token, op.token, op.rank
		return []any{got}
	case mayGrant:
		got.holder = -op.request
		return []any{s, got}
	case refuses:
		return when(s.holder != 0)
	case holds:
		return when(is)
	case lacks:
		return when(!is || s.deleted)
	case frees:
		if !is {
			return nil
		}
		return []any{free}
	case mayFree:
		if is {
			return []any{s, free}
		}
		return []any{s}
	case leaves:
		if s.holder == -op.request {
			return []any{free}
		}
		return []any{s}
	default: // deletes
		s.deleted = true
		return []any{s}
	}
}

const never = time.Duration(math.MaxInt64)

// span is a time in which a request held the lock by the record, as the watch told; to is 0 where that has not ended.
type span struct {
	token    int64
	from, to time.Duration
}

// spans are the times in which requests held the lock by the record, of which every write is known.
func spans(versions []version) map[string][]span {
	times := map[string][]span{}
	last, token := "", int64(0)
	for _, v := range versions {
		id, now := "", int64(0)
		if h := v.holder(); h != nil {
			id, now = h.RequestID, h.Token
		}
		if now == token {
			continue
		}
		if last != "" {
			times[last][len(times[last])-1].to = v.at
		}
		if id != "" {
			times[id] = append(times[id], span{token: now, from: v.at})
		}
		last, token = id, now
	}
	return times
}

// operations are what the requests for one lock did. Of a grant of which nobody was told the record says when it was: else it might have been
// at any time, and whether there is an order could not be decided in years.
func (h history) operations(record map[string][]span) (ops []operation) {
	var tokens []int64
	for _, r := range h {
		if r.granted != 0 {
			tokens = append(tokens, r.token)
		}
	}
	slices.Sort(tokens)
	for i, r := range h {
		rank, _ := slices.BinarySearch(tokens, r.token)
		add := func(what do, call, returned time.Duration) {
			ops = append(ops, operation{what, int64(i + 1), r.token, int64(rank + 1), call, returned})
		}
		switch {
		case r.granted != 0:
			add(grants, r.asked, r.granted)
		case r.why == "Held" || r.why == "QueueFull":
			add(refuses, r.asked, r.refused)
		}
		for _, held := range record[r.id] {
			if held.token == r.token && r.granted != 0 {
				if held.to > r.until {
					add(mayFree, r.until, held.to+1) // its time had passed
					add(lacks, held.to+1, held.to+1+slack)
				}
				continue
			}
			add(mayGrant, r.asked, held.from)
			if held.to != 0 {
				add(leaves, held.from+1, held.to+1) // as late as the watch told of it
			}
		}
		if r.granted == 0 {
			continue
		}
		end := r.counts()
		if end > r.granted { // it counted itself a holder at all
			add(holds, end-1, end)
		}
		for _, k := range r.renewals {
			switch k.by {
			case locker.OK:
				add(holds, k.sent, k.answered)
			case "Lost":
				add(lacks, k.sent, k.answered)
			}
		}
		switch {
		case r.releases == 0:
		case r.releasedBy == locker.OK:
			add(frees, r.releases, r.released)
		case r.releasedBy == "Lost":
			add(lacks, r.releases, r.released)
		default:
			add(mayFree, r.releases, never)
		}
	}
	return ops
}

// judge asks porcupine.
func judge(model porcupine.NondeterministicModel, ops []porcupine.Operation) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model.ToModel(), ops, verdict)
}

func judgeLock(ops []operation) porcupine.CheckResult {
	all := make([]porcupine.Operation, len(ops))
	for i, o := range ops {
		all[i] = porcupine.Operation{ClientId: int(o.request), Input: o, Call: int64(o.call), Return: int64(o.returned)}
	}
	return judge(fencedLock, all)
}

// added is one increment of a cell.
type added struct {
	value   int64
	unknown bool
}

// cell is a cell of the register: each increment that was acknowledged adds one. One that was not may have happened, late too, or not.
//
// The value that an increment writes is the one that it read plus one. It is an increment only if the cell has not changed in between: nothing
// but the lock and the fence see to that.
var cell = porcupine.NondeterministicModel{
	Init: func() []any { return []any{int64(0)} },
	Step: func(s, input, _ any) []any {
		has, op := s.(int64), input.(added)
		switch {
		case op.unknown && op.value == has+1:
			return []any{has, op.value}
		case op.unknown:
			return []any{has}
		case op.value == has+1:
			return []any{op.value}
		}
		return nil
	},
}

// judgeCell asks porcupine about one of a lock's cells.
func (h history) judgeCell(fenced bool) porcupine.CheckResult {
	var ops []porcupine.Operation
	for i, r := range h {
		for _, n := range r.increments {
			value := n.open
			if fenced {
				value = n.fenced
			}
			if !n.written || fenced && n.by == locker.Refused {
				continue
			}
			op := porcupine.Operation{ClientId: i, Input: added{value, n.by == locker.Unheard}, Call: int64(n.from), Return: int64(n.wrote)}
			if n.by == locker.Unheard {
				op.Return = math.MaxInt64
			}
			ops = append(ops, op)
		}
	}
	return judge(cell, ops)
}
