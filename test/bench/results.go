package bench

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/kube-zen/zen-lead/test/zenlead"
)

// Keep writes what a benchmark found to bench/results of the checkout: <suite>-<bench>.json with the figures and the
// machine, and <suite>-<bench>.csv.gz with the raw samples, whose first row is the head. What a quick run finds is
// written to files that git ignores.
func Keep(ctx context.Context, e Effort, suite string, r *Result, samples [][]string) error {
	return KeepAs(ctx, e, fmt.Sprintf("%s-%v", suite, r.values["bench"]), r, samples)
}

// KeepAs is Keep for a benchmark with more than one line: name is that of the files.
func KeepAs(ctx context.Context, e Effort, name string, r *Result, samples [][]string) error {
	root, err := zenlead.Root()
	if err != nil {
		return fmt.Errorf("keeping results: %w", err)
	}
	path := filepath.Join(root, "bench", "results", name)
	suffix := Pick(e, ".tmp", "", "")
	figures, err := json.MarshalIndent(struct {
		Result  *Result `json:"result"`
		Machine machine `json:"machine"`
	}{r, describe(ctx, root)}, "", "  ")
	if err != nil {
		return fmt.Errorf("keeping results: %w", err)
	}
	return errors.Join(
		os.WriteFile(path+".json"+suffix, append(figures, '\n'), 0o644),
		writeSamples(path+".csv.gz"+suffix, samples),
	)
}

// KeepText writes a text beside the results: a profile for people to read. What a quick run finds is written to a file
// that git ignores.
func KeepText(e Effort, name string, text []byte) error {
	root, err := zenlead.Root()
	if err != nil {
		return fmt.Errorf("keeping %s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(root, "bench", "results", name+Pick(e, ".tmp", "", "")), text, 0o644)
}

func writeSamples(path string, samples [][]string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("raw samples: %w", err)
	}
	z := gzip.NewWriter(f)
	return errors.Join(csv.NewWriter(z).WriteAll(samples), z.Close(), f.Close())
}

// machine is what latencies depend on.
type machine struct {
	Date   string `json:"date"`
	Commit string `json:"commit"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Load   string `json:"load_average_after"`
}

func describe(ctx context.Context, root string) machine {
	m := machine{
		Date: time.Now().UTC().Format(time.DateOnly), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Kernel: firstLine("/proc/sys/kernel/osrelease"), Load: firstLine("/proc/loadavg"),
	}
	if commit, err := exec.CommandContext(ctx, "git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(commit))
	}
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

func firstLine(path string) string {
	b, _ := os.ReadFile(path) // where it is missing the machine is described without it
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
