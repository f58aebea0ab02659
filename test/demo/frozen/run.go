package frozen

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

const (
	// before is how many deposits the leader makes before it is frozen, and how many the next one makes after that one went on.
	before = 5
	// after is how many the next one makes meanwhile: what a late write undoes.
	after = 20
)

// Options of a run.
type Options struct {
	// Program is what Build made.
	Program string
	// Kubeconfig is that of an account which may lead the pool; it names the namespace.
	Kubeconfig string
	// Pool is of mode participant, and nobody's else.
	Pool string
	// Dir is a folder for the database, Logs one for what the processes log.
	Dir, Logs string
	// Unfenced: the program does not ask its fence.
	Unfenced bool
}

func (o Options) database() string { return filepath.Join(o.Dir, o.Pool+".db") }

// Run lets the leader deposit, freezes it between a read and its write until another has led and deposited, and lets it go on. Its error
// tells where the outcome is not what it must be. No process of it is left when it returns, and the Lease is free if it returns nil.
func Run(ctx context.Context, o Options) (Outcome, error) {
	out, err := o.play(ctx)
	if err != nil {
		return out, err
	}
	out.Balance, err = balance(ctx, o.database())
	return out, errors.Join(err, out.check(o.Unfenced))
}

func (o Options) play(ctx context.Context) (out Outcome, err error) {
	former, err := start(o, "a")
	if err != nil {
		return out, err
	}
	defer former.kill()
	if _, err := former.awaits(ctx, "leads"); err != nil {
		return out, err
	}
	next, err := start(o, "b")
	if err != nil {
		return out, err
	}
	defer next.kill()
	if err := former.deposits(ctx, before); err != nil {
		return out, err
	}
	if err := former.freezeBeforeItWrites(ctx); err != nil {
		return out, err
	}
	if _, err := next.awaits(ctx, "leads"); err != nil {
		return out, err
	}
	if err := next.deposits(ctx, after); err != nil {
		return out, err
	}
	if err := former.resume(); err != nil {
		return out, err
	}
	out.Acknowledged = before + after + before
	switch l, err := former.awaits(ctx, "wrote", "fenced"); {
	case err != nil:
		return out, err
	case l.what == "wrote":
		out.Acknowledged++
	default:
		out.Refused = append(out.Refused, l.reason)
	}
	if err := next.deposits(ctx, before); err != nil {
		return out, err
	}
	former.kill() // it would lead as soon as the other leaves
	return out, next.leave(ctx)
}

// freezeBeforeItWrites stops it when it has read. What it waits for to write is there when it goes on.
func (p *process) freezeBeforeItWrites(ctx context.Context) error {
	if err := p.enter(); err != nil {
		return err
	}
	if _, err := p.awaits(ctx, "read"); err != nil {
		return err
	}
	return errors.Join(p.freeze(), p.enter())
}

// balance asks the database, and not who wrote to it.
func balance(ctx context.Context, file string) (n int64, err error) {
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, "SELECT balance FROM account WHERE name = 'savings'").Scan(&n); err != nil {
		return 0, fmt.Errorf("read the balance: %w", err)
	}
	return n, nil
}
