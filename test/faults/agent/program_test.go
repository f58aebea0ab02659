package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// answer is what a sidecar says.
type answer struct {
	Role, Holder, Guarantee string
	Term                    int64
	ValidForMs              *int64
	Code                    int `json:"-"`
	// Asked and Received are when.
	Asked, Received time.Duration `json:"-"`
}

func (a answer) leads() bool { return a.Role == "leader" }

// program asks a sidecar again and again.
type program struct {
	*member
	url     string
	mu      sync.Mutex
	answers []answer
	changed chan struct{}
}

// sidecar starts a sidecar and a program that asks it, a hundred times a second.
func (t *contest) sidecar(ctx context.Context, name string, set ...func(*options)) *program {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	address := l.Addr().String()
	Expect(l.Close()).To(Succeed())
	is := func(o *options) { o.sidecar = true; o.flags = append(o.flags, "--bind-address="+address) }
	p := &program{member: t.member(name, append(set, is)...), url: "http://" + address + "/leader", changed: make(chan struct{})}
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.ask(asking)
	}()
	DeferCleanup(func() { stop(); <-ended })
	t.programs = append(t.programs, p)
	return p
}

func (p *program) ask(ctx context.Context) {
	client := &http.Client{Timeout: 300 * time.Millisecond}
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		a := answer{Asked: now()}
		if r, err := client.Get(p.url); err == nil {
			err = json.NewDecoder(r.Body).Decode(&a)
			_ = r.Body.Close() // it was read
			if a.Code = r.StatusCode; err != nil {
				continue
			}
		}
		a.Received = now()
		p.mu.Lock()
		p.answers = append(p.answers, a)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// hears waits for the first answer later than after that fits; one of Code 0 is that there was none.
func (p *program) hears(ctx context.Context, after time.Duration, fits func(answer) bool) answer {
	GinkgoHelper()
	for seen := 0; ; {
		p.mu.Lock()
		answers, changed := p.answers, p.changed
		p.mu.Unlock()
		for ; seen < len(answers); seen++ {
			if a := answers[seen]; a.Asked > after && fits(a) {
				return a
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			Fail(p.name + " was never answered so")
		}
	}
}

// believes is the time in which it may believe that it leads, by an answer.
func (a answer) believes() (from, until time.Duration) {
	return a.Received, a.Asked + time.Duration(*a.ValidForMs)*time.Millisecond
}

// beliefs returns what is wrong with what the programs were told: two may believe at once that they lead, a term has two
// leaders, an answer has no end.
func (t *contest) beliefs() (wrong []string) {
	type span struct {
		who         string
		term        int64
		from, until time.Duration
	}
	var all []span
	for _, p := range t.programs {
		p.mu.Lock()
		for _, a := range p.answers {
			if !a.leads() {
				continue
			}
			if a.ValidForMs == nil || a.Code != http.StatusOK {
				wrong = append(wrong, fmt.Sprintf("%s: %+v", p.name, a))
				continue
			}
			from, until := a.believes()
			if last := len(all) - 1; last >= 0 && all[last].who == p.name && all[last].term == a.Term {
				all[last].until = max(all[last].until, until)
			} else {
				all = append(all, span{p.name, a.Term, from, until})
			}
		}
		p.mu.Unlock()
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.from < b.until && b.from < a.until || a.term == b.term || (a.term < b.term) != (a.from < b.from) {
				wrong = append(wrong, fmt.Sprintf("%+v and %+v", a, b))
			}
		}
	}
	return wrong[:min(len(wrong), 10)]
}

func (p *program) pid() string { return strconv.Itoa(p.Process.Pid) }

func (p *program) port() string {
	u, err := url.Parse(p.url)
	Expect(err).NotTo(HaveOccurred())
	return u.Port()
}
