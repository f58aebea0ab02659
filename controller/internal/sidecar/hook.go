package sidecar

import (
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/lead"
)

// hook is one run of the hook.
type hook struct {
	sidecar *sidecar
	role    string
	guard   *guard.Guard
	done    chan bool
}

// begin runs the hook for a role, if there is one; it must have ended with the term.
func (s *sidecar) begin(role string, t lead.Term) *hook {
	return s.beginFor(role, t.Number, t.Changed, func() guard.Deadlines { return deadlines(role, t) })
}

// advise runs the hook for a role that zen-lead gave, in a term that nothing bounds.
func (s *sidecar) advise(role string, number int64) *hook {
	return s.beginFor(role, number, func() <-chan struct{} { return nil }, func() guard.Deadlines {
		late := guard.Now().Add(time.Hour)
		return guard.Deadlines{Work: late, Hard: late}
	})
}

func (s *sidecar) beginFor(role string, number int64, changed func() <-chan struct{}, until func() guard.Deadlines) *hook {
	h := &hook{sidecar: s, role: role, done: make(chan bool, 1)}
	if s.Hook == "" {
		h.done <- true
		return h
	}
	g, err := guard.Start()
	if err != nil {
		s.log.Error("The hook could not be started", "role", role, "error", err)
		h.done <- false
		return h
	}
	h.guard = g
	env := append(os.Environ(), "ZEN_LEAD_ROLE="+role, "ZEN_LEAD_TERM="+strconv.FormatInt(number, 10))
	g.Begin(guard.Command{Path: s.Hook, Args: []string{s.Hook}, Env: env}, until())
	go h.watch(changed, until)
	return h
}

// deadlines are those of a hook: for a leader the term's, for a follower what is left of it.
func deadlines(role string, t lead.Term) guard.Deadlines {
	now, left := guard.Now(), t.Left()
	hard := now.Add(left.Hard - beforeHard)
	if role == follower {
		return guard.Deadlines{Work: hard.Add(-beforeHard), Hard: hard}
	}
	return guard.Deadlines{Work: now.Add(left.Work), Hard: hard}
}

// watch tells the guard how the term goes on, and notes how the hook ends.
func (h *hook) watch(changed func() <-chan struct{}, until func() guard.Deadlines) {
	for {
		next := changed()
		h.guard.Until(until())
		select {
		case <-next:
		case out := <-h.guard.Done():
			if out.Err != nil || out.Code != 0 {
				h.sidecar.log.Error("The hook has failed", "role", h.role, "code", out.Code, "error", out.Err)
			}
			if errors.Is(out.Err, guard.ErrDied) {
				h.sidecar.orphans()
			}
			_ = h.guard.Close() // it has ended
			h.done <- out.Err == nil && out.Code == 0
			return
		}
	}
}

// end ends the hook, if it still runs.
func (h *hook) end() {
	if h.guard != nil {
		h.guard.Kill()
	}
	<-h.done
}

// succeeds waits for its end.
func (h *hook) succeeds() bool { return <-h.done }

// orphans ends what a guard that died has left.
func (s *sidecar) orphans() {
	if err := guard.KillBelow(beforeHard); err != nil {
		s.log.Error("What the hook has started could not be ended", "error", err)
	}
}

// settle tells the program that it follows, before this member contends: nobody knows what it was told before. From then on the hook
// is told what zen-lead decides, where it does.
func (s *sidecar) settle(ctx context.Context) {
	h := s.advise(follower, 0)
	select {
	case ok := <-h.done:
		h.done <- ok
	case <-ctx.Done():
		h.end()
	}
}

// heed runs the hook at each change of role in a pool in which zen-lead elects, until ctx ends.
func (s *sidecar) heed(ctx context.Context) {
	if s.Hook == "" {
		return
	}
	role := follower
	for {
		a, _, changed := s.tell()
		s.mu.Lock()
		advised := s.known.advised()
		s.mu.Unlock()
		if advised && a.Role != role {
			role = a.Role
			s.advise(role, a.Term).succeeds()
			continue // it may have changed meanwhile
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
