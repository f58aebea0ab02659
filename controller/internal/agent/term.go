package agent

import (
	"context"
	"log/slog"
	"strconv"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/lead"
)

// lead runs the command for one term.
func (t *tenure) lead(ctx context.Context, term lead.Term) error {
	if err := t.next.prepare(); err != nil {
		return t.fail(err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w := working{guard: t.next.take(), until: term, grace: t.run.GracePeriod, log: slog.With("term", term.Number)}
	out, err := w.run(ctx, t.command(term), t.pass)
	if err != nil {
		return t.fail(err)
	}
	return t.ended(ctx, out)
}

func (t *tenure) command(term lead.Term) guard.Command {
	env := guard.Environment(map[string]string{"ZEN_LEAD_TERM": strconv.FormatInt(term.Number, 10), "ZEN_LEAD_ROLE": "leader"})
	return guard.Command{Path: t.path, Args: t.run.Command, Env: env}
}

// fail ends the tenure: the command cannot be run.
func (t *tenure) fail(err error) error {
	t.failed = err
	t.over()
	return err
}

// ended notes how the command ended, and decides by that whether the lead is given up for good. The guard looks at the clock by
// itself: that it has ended a command says nothing of whether this process knows already that the term is over.
func (t *tenure) ended(ctx context.Context, out guard.Outcome) error {
	if !out.Told || t.user.Err() != nil {
		t.code, t.interrupted = out.Code, out.Interrupted
		t.over()
		return ctx.Err()
	}
	if err := t.next.prepare(); err != nil {
		slog.Error("The next term will start its guard itself", "error", err)
	}
	return ctx.Err()
}
