package election_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/test/election"
)

// records are the versions of a pool's Lease, as a watch told of them.
type records struct {
	mu   sync.Mutex
	seen []sight
}

// sight is one version, and when it came.
type sight struct {
	at      time.Duration
	missing bool
	term.Record
}

// follow watches a Lease until the spec ends.
func follow(p *kube.Pool) *records {
	r := &records{}
	ctx, cancel := context.WithCancel(context.Background())
	DeferCleanup(cancel)
	go p.Follow(ctx, func(l *kube.Lease) {
		r.mu.Lock()
		defer r.mu.Unlock()
		s := sight{at: election.Now(), missing: l == nil}
		if l != nil {
			s.Record = l.Record
		}
		r.seen = append(r.seen, s)
	}, func(error) {}) // it tries again
	return r
}

func (r *records) all() []sight {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sight(nil), r.seen...)
}

// check fails where a term fell, or a holder came without a term of its own.
func (r *records) check() error {
	var wrong []error
	var last term.Record
	for _, s := range r.all() {
		if s.missing {
			continue
		}
		if s.Base != 0 && s.Term() < last.Term() {
			wrong = append(wrong, fmt.Errorf("the Lease's term fell from %d to %d", last.Term(), s.Term()))
		}
		if s.Held() && last.Held() && s.Holder != last.Holder && s.Term() == last.Term() {
			wrong = append(wrong, fmt.Errorf("%v follows %v in the same term %d", s.Holder, last.Holder, s.Term()))
		}
		if s.Base != 0 {
			last = s.Record
		}
	}
	return errors.Join(wrong...)
}
