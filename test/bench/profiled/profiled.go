package profiled

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/kube-zen/zen-lead/test/zenlead"
)

//go:embed listen.go.txt
var listen []byte

// Variant is a binary of zen-lead, and the address on which the one process of it that runs can be profiled.
type Variant struct {
	dir, binary, address string
}

// Build builds the variant into a folder.
func Build(ctx context.Context, dir string) (*Variant, error) {
	root, err := zenlead.Root()
	if err != nil {
		return nil, fmt.Errorf("build a profiled zen-lead: %w", err)
	}
	v := &Variant{dir: dir, binary: filepath.Join(dir, "zen-lead-profiled")}
	source, overlay := filepath.Join(dir, "listen.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(root, "controller", "cmd", "zen-lead", "listen.go"): source},
	})
	if err != nil {
		return nil, fmt.Errorf("build a profiled zen-lead: %w", err)
	}
	if err := errors.Join(os.WriteFile(source, listen, 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return nil, fmt.Errorf("build a profiled zen-lead: %w", err)
	}
	c := exec.CommandContext(ctx, "go", "-C", root, "build", "-overlay", overlay, "-o", v.binary, "./controller/cmd/zen-lead")
	if said, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build a profiled zen-lead: %w: %s", err, said)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("port for profiles: %w", err)
	}
	v.address = l.Addr().String()
	return v, l.Close()
}

// Options are those with which to start it.
func (v *Variant) Options() zenlead.Options {
	return zenlead.Options{Binary: v.binary, Metrics: true, Env: []string{"BENCH_PPROF_ADDRESS=" + v.address}}
}

// CPU returns, as text, where the process spends the time from now on.
func (v *Variant) CPU(ctx context.Context, length time.Duration) ([]byte, error) {
	return v.top(ctx, fmt.Sprintf("profile?seconds=%d", max(1, int(length.Seconds()))))
}

// Below returns, as text, of the profile that was taken last, where the time was spent with all that was called from there.
func (v *Variant) Below(ctx context.Context) ([]byte, error) {
	return v.text(ctx, 3*lines, "-cum")
}

// Heap returns, as text, who allocated what the process holds after a garbage collection.
func (v *Variant) Heap(ctx context.Context) ([]byte, error) {
	return v.top(ctx, "heap?gc=1", "-sample_index=inuse_space")
}

// lines is how many functions a text names.
const lines = 30

func (v *Variant) top(ctx context.Context, what string, options ...string) ([]byte, error) {
	if err := v.fetch(ctx, what, v.raw()); err != nil {
		return nil, fmt.Errorf("profile %s: %w", what, err)
	}
	return v.text(ctx, lines, options...)
}

// raw is the file of the profile that was taken last.
func (v *Variant) raw() string { return filepath.Join(v.dir, "profile.pb.gz") }

func (v *Variant) text(ctx context.Context, functions int, options ...string) ([]byte, error) {
	args := append([]string{"tool", "pprof", "-top", fmt.Sprintf("-nodecount=%d", functions)}, options...)
	text, err := exec.CommandContext(ctx, "go", append(args, v.raw())...).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w", err)
	}
	return text, nil
}

func (v *Variant) fetch(ctx context.Context, what, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.address+"/debug/pprof/"+what, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, answer.Body)
	return errors.Join(err, f.Close())
}
