package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"github.com/kube-zen/zen-lead/controller/internal/agent"
	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/lead"
)

// run runs the hook once, and says whether it has succeeded. A hook for a leader ends with its term t, where there is one, also if
// this process stands still, and when the role is another.
func (s *sidecar) run(ctx context.Context, wanted told, t *lead.Term) bool {
	log := s.log.With("role", wanted.role, "term", wanted.number)
	g, err := guard.Start()
	if err != nil {
		log.Error("The hook could not be started", "error", err)
		return false
	}
	defer func() { _ = g.Close() }() // it has ended
	env := guard.Environment(map[string]string{"ZEN_LEAD_ROLE": wanted.role, "ZEN_LEAD_TERM": strconv.FormatInt(wanted.number, 10)})
	until := deadlines(t)
	g.Begin(guard.Command{Path: s.Hook, Args: []string{s.Hook}, Env: env}, until())
	watching, stop := context.WithCancel(ctx)
	defer stop()
	other := s.other(watching, wanted)
	for {
		var longer <-chan struct{}
		if t != nil {
			longer = t.Changed()
			g.Until(until())
		}
		select {
		case <-longer:
		case <-other:
			other = nil
			g.Kill()
		case out := <-g.Done():
			return succeeded(log, out)
		}
	}
}

// deadlines returns those of a hook, as they are at each moment: its term's, or a time of its own where it has none.
func deadlines(t *lead.Term) func() guard.Deadlines {
	if t == nil {
		late := guard.Now().Add(hookTime)
		return func() guard.Deadlines { return guard.Deadlines{Work: late.Add(-beforeHard), Hard: late} }
	}
	return func() guard.Deadlines {
		now, left := guard.Now(), t.Left()
		return guard.Deadlines{Work: now.Add(left.Work), Hard: now.Add(left.Hard - beforeHard)}
	}
}

// succeeded says whether a hook has succeeded. What it has left is ended before anything else is done.
func succeeded(log *slog.Logger, out guard.Outcome) bool {
	switch {
	case errors.Is(out.Err, guard.ErrDied):
		agent.EndAll(0)
	case errors.Is(out.Err, guard.ErrResists):
		agent.Exit(out.Err)
	case out.Err == nil && out.Code == 0:
		return true
	}
	log.Error("The hook has failed", "code", out.Code, "error", out.Err)
	return false
}
