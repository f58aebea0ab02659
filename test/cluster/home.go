package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// home is the state directory of one cluster, locked by its owner for as long as the owner uses it.
type home struct {
	dir       string
	temporary bool
	lock      fileLock
}

func (h home) path(elements ...string) string {
	return filepath.Join(append([]string{h.dir}, elements...)...)
}

const (
	lockFile  = "lock"
	stateFile = "cluster.json"
)

// state is what a later process needs to know of a cluster.
type state struct {
	// Ready is set when Start has succeeded.
	Ready      bool   `json:"ready"`
	Kubeconfig string `json:"kubeconfig"`
	AuditLog   string `json:"auditLog,omitempty"`
	// Nodes is what real nodes have outside of their namespaces.
	Nodes     outside                `json:"nodes,omitzero"`
	Processes map[Component]identity `json:"processes"`
}

func claimHome(ctx context.Context, options Options, report reporter) (home, error) {
	if options.Dir == "" {
		return newTemporaryHome(ctx, report)
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return home{}, fmt.Errorf("state directory: %w", err)
	}
	h := home{dir: dir}
	if h.lock, err = lockHome(ctx, dir, options.Detached, report); err != nil {
		return home{}, err
	}
	if err := h.takeOver(); err != nil {
		h.lock.release()
		return home{}, err
	}
	return h, nil
}

// lockHome: whoever works on a detached cluster holds the lock for moments and is waited for; the owner of another one holds it
// until the cluster ends.
func lockHome(ctx context.Context, dir string, wait bool, report reporter) (fileLock, error) {
	path := filepath.Join(dir, lockFile)
	if wait {
		return awaitLock(ctx, path, func() { report.say("waiting for another process that starts or stops the cluster in %s", dir) })
	}
	lock, err := tryLock(path)
	if errors.Is(err, errLocked) {
		return fileLock{}, fmt.Errorf("%s: %w", dir, ErrRunning)
	}
	return lock, err
}

// takeOver empties the directory of an earlier cluster. One that was being started by a caller that is gone is ended first.
func (h home) takeOver() error {
	earlier, err := readState(h.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if earlier.Ready && earlier.running() {
		return fmt.Errorf("%s: %w", h.dir, ErrRunning)
	}
	if err := earlier.end(); err != nil {
		return err
	}
	return h.remove("log", "audit.log", "data", "pki")
}

// clear removes what must not or need not outlive the cluster: all of a temporary home, keys and data of another.
func (h home) clear() error {
	defer h.lock.release()
	if h.temporary {
		return os.RemoveAll(h.dir)
	}
	return h.remove("data", "pki")
}

// remove also removes the files that would make a cluster look alive.
func (h home) remove(names ...string) error {
	files, err := filepath.Glob(h.path("*.kubeconfig"))
	if err != nil {
		return err
	}
	for _, name := range append(names, stateFile) {
		files = append(files, h.path(name))
	}
	for _, file := range files {
		if err := os.RemoveAll(file); err != nil {
			return fmt.Errorf("clean up: %w", err)
		}
	}
	return nil
}

func (h home) writeState(s state) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	partial := h.path(stateFile + ".partial")
	if err := os.WriteFile(partial, append(content, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(partial, h.path(stateFile))
}

func readState(dir string) (state, error) {
	content, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return state{}, err
	}
	var s state
	if err := json.Unmarshal(content, &s); err != nil {
		return state{}, fmt.Errorf("%s: %w", filepath.Join(dir, stateFile), err)
	}
	return s, nil
}

func (s state) running() bool {
	for _, process := range s.Processes {
		if process.alive() {
			return true
		}
	}
	return false
}

func (s state) end() error {
	var failed []error
	for name, process := range s.Processes {
		if err := process.kill(); err != nil {
			failed = append(failed, fmt.Errorf("end %s: %w", name, err))
		}
	}
	return errors.Join(append(failed, s.Nodes.clear())...)
}
