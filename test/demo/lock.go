package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	_ "embed" // the lock

	"github.com/kube-zen/zen-lead/test/demo/contended"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

//go:embed lock.yaml
var lockManifest []byte

const (
	lockName    = "till"
	lockAccount = "cashier"
)

// contend shows a lock that three want, whose holder is killed.
func (d *demo) contend(ctx context.Context) error {
	d.tell.text(`
--- three want a lock, and its holder is killed
Each is   zen-lead lock %s -- sh -c '%s'
`, lockName, `echo "$ZEN_LEAD_TOKEN"; …`)
	o, err := d.cashiers(ctx)
	if err != nil {
		return fmt.Errorf("a lock: %w", err)
	}
	d.tell.text("")
	d.tell.line("kill -9 of %s, which held %s with token %d: %s had it %.1f s later (the ttl is 2 s, from its last renewal), with token %d",
		o.Names[0], lockName, o.Tokens[0], o.Names[1], o.Killed.Seconds(), o.Tokens[1])
	d.tell.line("%s ended by itself: %s had it %s ms later, with token %d", o.Names[1], o.Names[2], millis(o.Released), o.Tokens[2])
	return nil
}

func (d *demo) cashiers(ctx context.Context) (contended.Outcome, error) {
	p := d.place
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	o := contended.Options{Namespace: p.namespace, Lock: lockName, Logs: p.logs, TokenFile: filepath.Join(p.dir, "cashier.token"), Queued: d.queued}
	program, err := zenlead.Build(ctx)
	if err != nil {
		return contended.Outcome{}, err
	}
	served, err := d.served(ctx)
	if err != nil {
		return contended.Outcome{}, err
	}
	o.Program, o.Server, o.CAFile = program, served.GRPC, served.CA
	manifest := filepath.Join(p.dir, "lock.yaml")
	if err := os.WriteFile(manifest, lockManifest, 0o600); err != nil {
		return contended.Outcome{}, err
	}
	if _, err := p.run(ctx, "apply", "-f", manifest); err != nil {
		return contended.Outcome{}, err
	}
	token, err := p.run(ctx, "create", "token", lockAccount, "--audience=zen-lead")
	if err != nil {
		return contended.Outcome{}, err
	}
	if err := os.WriteFile(o.TokenFile, bytes.TrimSpace(token), 0o600); err != nil {
		return contended.Outcome{}, err
	}
	return contended.Run(ctx, o)
}

// queued waits until so many wait for the lock, and shows it once two do.
func (d *demo) queued(ctx context.Context, waiting int) error {
	if _, err := d.place.run(ctx, "wait", "manuallock/"+lockName, fmt.Sprintf("--for=jsonpath={.status.waiting}=%d", waiting), "--timeout=20s"); err != nil {
		return err
	}
	if waiting < 2 {
		return nil
	}
	args := []string{"get", "manuallock"}
	said, err := d.place.run(ctx, args...)
	d.tell.shell(args, said)
	return err
}

// served is the API of a replica that still runs.
func (d *demo) served(ctx context.Context) (zenlead.API, error) {
	for _, c := range d.controllers {
		if status, err := c.Probe(ctx, "/readyz"); err == nil && status == http.StatusOK {
			return c.API, nil
		}
	}
	return zenlead.API{}, errors.New("no replica is ready")
}
