package election_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/kube-zen/zen-lead/test/election"
)

// operation is what a client did to the register and saw of it.
type operation struct {
	client     int
	increments bool
	// value is what a read returned, or what the register had by an increment, or would have had.
	value int64
	term  int64
	call  time.Duration
	// returned is when the client knew; unknown: it never did.
	returned time.Duration
	unknown  bool
}

// counter is the register as its clients may believe in it: each increment adds one at one moment between call and return, each
// read returns what the register has at such a moment. An increment that was not answered may have happened, late too, or not.
//
// The value that an increment writes is the one it read plus one. It is an increment only if the register has not changed in
// between: nothing but the election and the fence see to that.
var counter = porcupine.NondeterministicModel{
	Init: func() []any { return []any{int64(0)} },
	Step: func(state, input, _ any) []any {
		has, op := state.(int64), input.(operation)
		switch {
		case !op.increments && op.value != has, op.increments && !op.unknown && op.value != has+1:
			return nil
		case !op.increments:
			return []any{has}
		case op.unknown && op.value == has+1:
			return []any{has, op.value}
		case op.unknown:
			return []any{has}
		default:
			return []any{op.value}
		}
	},
	DescribeOperation: func(input, _ any) string {
		op := input.(operation)
		return fmt.Sprintf("increments=%v %d unknown=%v term %d", op.increments, op.value, op.unknown, op.term)
	},
}

// history is what all clients did.
type history []operation

// linearizable asks porcupine.
func (h history) linearizable(patience time.Duration) porcupine.CheckResult {
	ops := make([]porcupine.Operation, 0, len(h))
	for _, o := range h {
		p := porcupine.Operation{ClientId: o.client, Input: o, Call: int64(o.call), Return: int64(o.returned)}
		if o.unknown {
			p.Return = math.MaxInt64
		}
		ops = append(ops, p)
	}
	return porcupine.CheckOperationsTimeout(counter.ToModel(), ops, patience)
}

// acknowledged is how many increments were answered.
func (h history) acknowledged() int {
	return h.count(func(o operation) bool { return o.increments && !o.unknown })
}

// unknown is how many were not.
func (h history) unknown() int { return h.count(func(o operation) bool { return o.unknown }) }

// after is how many increments of a term were acknowledged later than at.
func (h history) after(at time.Duration, term int64) int {
	return h.count(func(o operation) bool { return o.increments && !o.unknown && o.term == term && o.returned > at })
}

func (h history) count(is func(operation) bool) (n int) {
	for _, o := range h {
		if is(o) {
			n++
		}
	}
	return n
}

// overlapping is how many operations ran beside another. One whose outcome is not known runs until the client gave up.
func (h history) overlapping() (n int) {
	byCall := slices.Clone(h)
	slices.SortFunc(byCall, func(a, b operation) int { return cmp.Compare(a.call, b.call) })
	beside := make([]bool, len(byCall))
	last := -1 // whichever returns last so far
	for i, o := range byCall {
		if last >= 0 && byCall[last].returned > o.call {
			beside[i], beside[last] = true, true
		}
		if last < 0 || o.returned > byCall[last].returned {
			last = i
		}
	}
	for _, b := range beside {
		if b {
			n++
		}
	}
	return n
}

func (h history) String() string {
	return fmt.Sprintf("%d operations, %d of them increments, %d %% overlapping, %d increments unknown (%.1f %%)", len(h),
		h.count(func(o operation) bool { return o.increments }), 100*h.overlapping()/max(1, len(h)), h.unknown(),
		100*float64(h.unknown())/float64(max(1, h.count(func(o operation) bool { return o.increments }))))
}

// history returns the increments of the members. Those that were refused did not happen.
func (t *contest) history() (h history) {
	open := map[*election.Member]*operation{}
	clients := map[*election.Member]int{}
	for _, e := range t.Entries() {
		op := open[e.Member]
		switch e.Name {
		case "increments":
			if _, ok := clients[e.Member]; !ok {
				clients[e.Member] = len(clients)
			}
			open[e.Member] = &operation{client: clients[e.Member], increments: true, term: e.Term, call: e.At}
			continue
		case "writes":
			op.value = e.Value
			continue
		case "wrote", "unknown", "gone":
			if op != nil && op.value != 0 {
				op.returned, op.unknown = e.At, e.Name != "wrote"
				h = append(h, *op)
			}
		case "refused", "unread":
		default:
			continue
		}
		delete(open, e.Member)
	}
	for _, op := range open {
		if op.value != 0 {
			op.returned, op.unknown = election.Now(), true
			h = append(h, *op)
		}
	}
	return h
}

// readers read a register until they are told to stop.
type readers struct {
	wait sync.WaitGroup
	mu   sync.Mutex
	saw  history
}

// read starts n readers.
func (r *register) read(ctx context.Context, n int) *readers {
	all := &readers{}
	for i := range n {
		all.wait.Go(func() {
			for ctx.Err() == nil {
				pass(ctx, time.Duration(rand.Float64()*float64(10*time.Millisecond)))
				o := operation{client: 1000 + i, call: election.Now()}
				var err error
				if o.value, err = look(ctx, r.URL); err != nil {
					continue // a read that was not answered says nothing
				}
				o.returned = election.Now()
				all.mu.Lock()
				all.saw = append(all.saw, o)
				all.mu.Unlock()
			}
		})
	}
	return all
}

func look(ctx context.Context, url string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, lateness/2)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}
