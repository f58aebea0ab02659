package lock

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
	"github.com/kube-zen/zen-lead/test/election"
)

// HolderCommand is the argument with which this program holds locks and does nothing else, so that it can be killed.
const HolderCommand = "lock-holder"

// holding is what such a process is to hold. It reads it from its standard input.
type holding struct {
	Address, Token string
	CA             []byte
	Locks          int
	TTL            time.Duration
}

// renewal is what it tells, line by line: that it holds all, that it asks for a renewal, that it was renewed.
type renewal struct {
	// At is when it was sent, by the machine's monotonic clock, also where it tells that it was answered.
	At    time.Duration
	What  string
	Locks []int `json:",omitempty"`
}

// What a holder tells.
const (
	holdsAll = "holds all"
	asks     = "asks"
	renewed  = "renewed"
)

const (
	// mostRenewed is how many locks one request can renew.
	mostRenewed = 1000
	// renewTick is how often it is looked for locks that are to be renewed.
	renewTick = 50 * time.Millisecond
	// busyFor is how long a request that was one too many is put off.
	busyFor = 100 * time.Millisecond
)

func held(i int) string { return fmt.Sprintf("held-%05d", i) }

// Hold is the process. It ends when its input does.
func Hold(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var what holding
	lines := json.NewDecoder(in)
	if err := lines.Decode(&what); err != nil {
		return fmt.Errorf("what to hold: %w", err)
	}
	go func() { // whoever started it ends it by closing its input, also by dying
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(what.CA)
	c, err := newCaller(what.Address, pool, what.Token, "holder")
	if err != nil {
		return err
	}
	defer c.connection.Close()
	h := &holder{caller: c, holding: what, out: json.NewEncoder(out), locks: make([]heldLock, what.Locks)}
	go func() {
		err := inParallel(ctx, what.Locks, h.take)
		if err == nil {
			h.tell(renewal{What: holdsAll})
			return
		}
		fmt.Fprintln(os.Stderr, "holder:", err)
		cancel()
	}()
	return h.renew(ctx)
}

// holder holds locks and renews them, all by one caller.
type holder struct {
	*caller
	holding

	mu    sync.Mutex
	out   *json.Encoder
	locks []heldLock
}

// heldLock is one of them. It is held once it has a token.
type heldLock struct {
	*zenleadv1.Holding
	// sent is when what was answered last had been sent.
	sent time.Duration
}

func (h *holder) tell(r renewal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.out.Encode(r) // who does not listen has ended, and this process soon does
}

// take takes one lock, which is free.
func (h *holder) take(ctx context.Context, i int) error {
	for {
		sent := election.Now()
		g, err := h.acquire(ctx, held(i), newID(), h.TTL, true, nil)
		switch {
		case err == nil:
			h.mu.Lock()
			defer h.mu.Unlock()
			h.locks[i] = heldLock{&zenleadv1.Holding{RequestId: g.GetRequestId(), Token: g.GetToken(), Home: g.GetHome()}, sent}
			return nil
		case status.Code(errors.Unwrap(err)) != codes.ResourceExhausted:
			return fmt.Errorf("%s: %w", held(i), err)
		}
		if err := pause(ctx, busyFor); err != nil {
			return err
		}
	}
}

// renew renews each lock every third of its ttl, as many in one request as may be.
func (h *holder) renew(ctx context.Context) error {
	tick := time.NewTicker(renewTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		for due := h.due(); len(due) > 0; due = h.due() {
			if err := h.renewAll(ctx, due); err != nil {
				return err
			}
		}
	}
}

// due are the locks that are to be renewed, longest not renewed first.
func (h *holder) due() (due []int) {
	now := election.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, l := range h.locks {
		if l.Holding != nil && now-l.sent >= h.TTL/3-renewTick {
			due = append(due, i)
		}
	}
	slices.SortStableFunc(due, func(a, b int) int { return cmp.Compare(h.locks[a].sent, h.locks[b].sent) })
	return due[:min(len(due), mostRenewed)]
}

func (h *holder) renewAll(ctx context.Context, due []int) error {
	q := &zenleadv1.RenewRequest{}
	h.mu.Lock()
	for _, i := range due {
		q.Locks = append(q.Locks, &zenleadv1.Renewal{Lock: held(i), Namespace: ours, Holding: h.locks[i].Holding})
	}
	h.mu.Unlock()
	sent := election.Now()
	h.tell(renewal{At: sent, What: asks, Locks: due})
	a, err := h.service.Renew(ctx, q)
	if err != nil {
		return fmt.Errorf("Renew: %w", err)
	}
	h.mu.Lock()
	for n, r := range a.GetLocks() {
		i := due[n]
		if r.GetError() != nil {
			h.mu.Unlock()
			return fmt.Errorf("%s was not renewed: %s: %s", held(i), r.GetError().GetReason(), r.GetError().GetMessage())
		}
		was := h.locks[i]
		h.locks[i] = heldLock{&zenleadv1.Holding{RequestId: was.GetRequestId(), Token: was.GetToken(), Home: r.GetHome()}, sent}
	}
	h.mu.Unlock()
	h.tell(renewal{At: sent, What: renewed, Locks: due})
	return nil
}
