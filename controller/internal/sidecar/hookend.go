package sidecar

import (
	"errors"
	"log/slog"

	"github.com/kube-zen/zen-lead/controller/internal/agent"
	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/lead"
)

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
