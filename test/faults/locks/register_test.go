package locks_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"

	"github.com/kube-zen/zen-lead/test/locker"
)

// register is what lockers write: for each lock two cells, of which one is behind a fence. The fence refuses a token that is smaller than one
// that it has seen, on a read too, and within a token a request that has been overtaken.
type register struct {
	*httptest.Server
	mu      sync.Mutex
	cells   map[string]*cells
	refused int
	// held holds the answers to reads by one token, until the channel is closed; reached hears of it.
	held      chan struct{}
	heldToken int64
	reached   chan struct{}
}

type cells struct {
	locker.Cells
	token, number int64
}

func newRegister() *register {
	r := &register{cells: map[string]*cells{}, reached: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(r)
	DeferCleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func (r *register) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	has, held := r.do(q)
	if held != nil {
		select {
		case r.reached <- struct{}{}:
		default:
		}
		<-held
	}
	_ = json.NewEncoder(w).Encode(has) // to who is gone
}

// do carries a request out; held is what its answer waits for.
func (r *register) do(q *http.Request) (has locker.Cells, held <-chan struct{}) {
	values := q.URL.Query()
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(values.Get(name), 10, 64) // absent is 0
		return n
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.of(strings.TrimPrefix(q.URL.Path, "/"))
	token, sequence := number("token"), number("number")
	refused := token < of.token || token == of.token && sequence < of.number
	write := q.Method == http.MethodPut
	if write {
		of.Open = number("open")
	}
	if refused {
		r.refused++
	} else {
		of.token, of.number = token, sequence
		if write {
			of.Fenced = number("fenced")
		}
	}
	has = of.Cells
	has.Refused = refused
	if !write && r.held != nil && token == r.heldToken {
		held = r.held
	}
	return has, held
}

func (r *register) of(lock string) *cells {
	if r.cells[lock] == nil {
		r.cells[lock] = &cells{}
	}
	return r.cells[lock]
}

// hold holds the answers to reads by a token until release is called; reached is sent to when one is held.
func (r *register) hold(token int64) (reached <-chan struct{}, release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := make(chan struct{})
	r.held, r.heldToken = held, token
	return r.reached, sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.held = nil
		close(held)
	})
}

// has is what a lock's cells have.
func (r *register) has(lock string) locker.Cells {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(lock).Cells
}
