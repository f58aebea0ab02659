package election_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/kube-zen/zen-lead/test/election"
)

// register is what members write: a number, and the largest token that came with a request. A token is a term and, within it, the
// request's own number; the register refuses a smaller one, on a read too: what was sent before it is refused from then on.
type register struct {
	*httptest.Server
	// fenced: it does refuse.
	fenced bool

	mu           sync.Mutex
	value        int64
	term, number int64
	refused      int
	chances      chances
	// held holds the answers to reads of one term, until the channel is closed.
	held     chan struct{}
	heldTerm int64
	holds    chan struct{}
	end      chan struct{}
}

// chances are how likely, from 0 to 1, something befalls a request.
type chances struct{ lostRequest, lostAnswer, late float64 }

// lateness is how late a late request is at most: members give up before that.
const lateness = 800 * time.Millisecond

func newRegister(fenced bool) *register {
	r := &register{fenced: fenced, end: make(chan struct{}), holds: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(r)
	DeferCleanup(func() {
		close(r.end)
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

// of has a member's work increment the register.
func (r *register) of(o *election.Options) { o.Args = append(o.Args, "-register", r.URL) }

func (r *register) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	luck := r.chances
	r.mu.Unlock()
	switch dice := rand.Float64(); {
	case dice < luck.lostRequest:
		<-q.Context().Done()
		return
	case dice < luck.lostRequest+luck.late:
		r.wait(time.Duration(rand.Float64() * float64(lateness)))
	case luck != (chances{}):
		r.wait(time.Duration(rand.Float64() * float64(10*time.Millisecond)))
	}
	value, ok := r.do(q)
	if rand.Float64() < luck.lostAnswer {
		<-q.Context().Done()
		return
	}
	if luck != (chances{}) {
		r.wait(time.Duration(rand.Float64() * float64(10*time.Millisecond)))
	}
	if !ok {
		w.WriteHeader(http.StatusConflict)
		return
	}
	fmt.Fprint(w, value)
}

func (r *register) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.end:
	}
}

// do carries a request out. One without a term is a bystander's read.
func (r *register) do(q *http.Request) (value int64, ok bool) {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(q.URL.Query().Get(name), 10, 64) // absent is 0
		return n
	}
	term, sequence := number("term"), number("number")
	r.mu.Lock()
	defer r.mu.Unlock()
	if term == 0 {
		return r.value, true
	}
	if r.fenced && (term < r.term || term == r.term && sequence < r.number) {
		r.refused++
		return 0, false
	}
	r.term, r.number = term, sequence
	if q.Method == http.MethodPut {
		r.value = number("value")
	}
	value = r.value
	if held := r.held; held != nil && q.Method == http.MethodGet && term == r.heldTerm {
		r.holds <- struct{}{}
		r.mu.Unlock()
		<-held
		r.mu.Lock()
	}
	return value, true
}

// hold holds the answer to the next read of a term until release is called; reached is sent to when it is held.
func (r *register) hold(term int64) (reached <-chan struct{}, release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := make(chan struct{})
	r.held, r.heldTerm = held, term
	return r.holds, sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.held = nil
		close(held)
	})
}

func (r *register) befalls(c chances) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chances = c
}

// has is the value, and how many requests were refused.
func (r *register) has() (value int64, refused int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.value, r.refused
}
