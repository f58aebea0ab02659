package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	_ "embed" // the pools

	"github.com/kube-zen/zen-lead/test/demo/frozen"
)

//go:embed bank.yaml
var bankManifest []byte

const (
	unfencedPool = "unfenced"
	fencedPool   = "fenced"
	bankAccount  = "bank"
)

// corrupt shows what a frozen leader does to data when it goes on, without a fence and with one.
func (d *demo) corrupt(ctx context.Context) error {
	d.tell.text(`
--- a leader is frozen between its read and its write, and goes on while another leads
Two processes of a pool add 1 to a balance in SQLite: examples/fencing/sql, without and with its fence.
`)
	outcomes, err := d.deposit(ctx)
	if err != nil {
		return fmt.Errorf("a leader is frozen: %w", err)
	}
	d.tell.line("kill -STOP after a read; the other one leads and deposits; kill -CONT: the write comes; the other one goes on")
	d.tell.text("\nunfenced: %s\nfenced:   %s", outcomes[0], outcomes[1])
	return nil
}

// deposit returns the outcomes without and with the fence. The two do not know of each other, so they go side by side.
func (d *demo) deposit(ctx context.Context) (outcomes [2]frozen.Outcome, err error) {
	p := d.place
	defer d.tell.during("building and freezing examples/fencing/sql")()
	program, err := frozen.Build(ctx, p.dir)
	if err != nil {
		return outcomes, err
	}
	manifest := filepath.Join(p.dir, "bank.yaml")
	if err := os.WriteFile(manifest, bankManifest, 0o600); err != nil {
		return outcomes, err
	}
	if _, err := p.run(ctx, "apply", "-f", manifest); err != nil {
		return outcomes, err
	}
	kubeconfig, err := p.account(ctx, p.namespace, bankAccount)
	if err != nil {
		return outcomes, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	both, ctx := errgroup.WithContext(ctx)
	for i, pool := range []string{unfencedPool, fencedPool} {
		both.Go(func() (err error) {
			o := frozen.Options{Program: program, Kubeconfig: kubeconfig, Pool: pool, Dir: p.dir, Logs: p.logs, Unfenced: pool == unfencedPool}
			if outcomes[i], err = frozen.Run(ctx, o); err != nil {
				return fmt.Errorf("%s: %w", pool, err)
			}
			return nil
		})
	}
	return outcomes, both.Wait()
}
