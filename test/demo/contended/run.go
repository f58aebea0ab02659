package contended

import (
	"context"
	"fmt"
	"time"
)

// Options of Run.
type Options struct {
	// Program is the binary zen-lead.
	Program string
	// Server, CAFile and TokenFile are how it reaches the API.
	Server, CAFile, TokenFile string
	// Namespace and Lock are the lock's.
	Namespace, Lock string
	// Logs is the folder for logs.
	Logs string
	// Queued waits until so many wait for the lock, and shows that.
	Queued func(ctx context.Context, waiting int) error
}

// Outcome is what was seen.
type Outcome struct {
	// Names of those who held the lock, in turn, with their tokens.
	Names  []string
	Tokens []int64
	// Killed is how long after the death of the first the second had the lock, and Released how long after the second was told to end the
	// third had it.
	Killed, Released time.Duration
}

// Run has three want the lock, kills the first, and has the second release it to the third.
func Run(ctx context.Context, o Options) (out Outcome, err error) {
	var all []*process
	defer func() {
		for _, p := range all {
			p.kill()
		}
	}()
	hold := func(p *process) (time.Time, error) {
		token, since, err := p.holds(ctx)
		out.Names, out.Tokens = append(out.Names, p.name), append(out.Tokens, token)
		return since, err
	}
	for i, name := range []string{"alice", "bob", "carol"} {
		p, err := start(o, name)
		if err != nil {
			return out, err
		}
		all = append(all, p)
		if i == 0 {
			_, err = hold(p)
		} else {
			err = o.Queued(ctx, i)
		}
		if err != nil {
			return out, err
		}
	}
	died := time.Now()
	all[0].kill()
	since, err := hold(all[1])
	if err != nil {
		return out, err
	}
	out.Killed = since.Sub(died)
	told := time.Now()
	if err := all[1].finish(ctx); err != nil {
		return out, err
	}
	if since, err = hold(all[2]); err != nil {
		return out, err
	}
	out.Released = since.Sub(told)
	if err := all[2].finish(ctx); err != nil {
		return out, err
	}
	return out, out.check()
}

// check fails where the tokens did not grow.
func (o Outcome) check() error {
	for i := 1; i < len(o.Tokens); i++ {
		if o.Tokens[i] <= o.Tokens[i-1] {
			return fmt.Errorf("%s has token %d after %d of %s", o.Names[i], o.Tokens[i], o.Tokens[i-1], o.Names[i-1])
		}
	}
	return nil
}
