package zenlead

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// Options of a controller. The zero value is the controller as installed, without metrics, logging to a temporary file.
type Options struct {
	// Kubeconfig to use. Empty: one that is made for the account; then it is valid for 24 hours.
	Kubeconfig string
	// Binary is another zen-lead than this repository's, for example one of BuildOf.
	Binary string
	// Metrics serves /metrics on a free port.
	Metrics bool
	// API serves the API on free ports, with a certificate for 127.0.0.1.
	API bool
	// Args are appended to the command line.
	Args []string
	// Env is added to the environment, as "NAME=value".
	Env []string
	// Log is the file to append the log to. Empty: a file in the cluster's Dir.
	Log string
}

// Controller is a process "zen-lead controller". Its methods are safe for concurrent use.
type Controller struct {
	// Log is the path of its log.
	Log string
	// Health and Metrics are the addresses, as host:port, of /healthz and /readyz, and of /metrics ("" if it has none).
	Health, Metrics string
	// API is where the API is, if it has one.
	API API

	process *os.Process
	ended   chan struct{}
	err     error // of the process; set before ended is closed
}

// Start starts a controller and waits until it is ready. It lives on when ctx ends.
func Start(ctx context.Context, c *cluster.Cluster, o Options) (*Controller, error) {
	r, err := Launch(ctx, c, o)
	if err != nil {
		return nil, err
	}
	if err := r.AwaitReady(ctx); err != nil {
		return nil, errors.Join(err, r.Kill())
	}
	return r, nil
}

// Launch starts a controller and does not wait.
func Launch(ctx context.Context, c *cluster.Cluster, o Options) (*Controller, error) {
	path, err := o.Binary, error(nil)
	if path == "" {
		path, err = Build(ctx)
	}
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(c.Dir, "zen-lead-")
	if err != nil {
		return nil, fmt.Errorf("start zen-lead: %w", err)
	}
	if o.Kubeconfig == "" {
		o.Kubeconfig = filepath.Join(dir, "kubeconfig")
		if err := c.KubeconfigFor(ctx, Namespace, Account, o.Kubeconfig); err != nil {
			return nil, fmt.Errorf("start zen-lead: %w", err)
		}
	}
	r := &Controller{Log: o.Log, ended: make(chan struct{})}
	if r.Log == "" {
		r.Log = filepath.Join(dir, "zen-lead.log")
	}
	metrics := "0"
	if r.Health, err = cluster.FreeAddress(); err != nil {
		return nil, err
	}
	if o.Metrics {
		if r.Metrics, err = cluster.FreeAddress(); err != nil {
			return nil, err
		}
		metrics = r.Metrics
	}
	args := []string{"controller", "--health-probe-bind-address=" + r.Health, "--metrics-bind-address=" + metrics}
	if o.API {
		if r.API, err = newAPI(c.Dir); err != nil {
			return nil, err
		}
		args = append(args, r.API.flags()...)
	}
	args = append(args, o.Args...)
	return r, r.run(path, args, append(o.Env, "KUBECONFIG="+o.Kubeconfig))
}

// run starts the process from a thread that lives as long as it does: the parent death signal is that of the thread.
func (r *Controller) run(path string, args, env []string) error {
	log, err := os.OpenFile(r.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("start zen-lead: %w", err)
	}
	c := exec.Command(path, args...) // it lives until it is told to end
	c.Args[0] = "zen-lead"
	c.Env = append(os.Environ(), env...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.Start()
		started <- errors.Join(err, log.Close())
		if err == nil {
			r.err = c.Wait()
			close(r.ended)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start zen-lead: %w", err)
	}
	r.process = c.Process
	return nil
}

// AwaitReady waits until /readyz says ok, and the metrics are served if it was told to.
func (r *Controller) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-r.ended:
			cancel(fmt.Errorf("the process has ended: %w", r.err))
		case <-ctx.Done():
		}
	}()
	err := await(ctx, func(ctx context.Context) error {
		status, err := r.Probe(ctx, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("/readyz: %s", http.StatusText(status))
		}
		return errors.Join(err, r.listens(ctx))
	})
	if err != nil {
		return fmt.Errorf("zen-lead is not ready: %w; %w; the end of its log:\n%s", err, context.Cause(ctx), r.tail())
	}
	return nil
}

// listens says whether the metrics are served, which begins by itself.
func (r *Controller) listens(ctx context.Context) error {
	if r.Metrics == "" {
		return nil
	}
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", r.Metrics)
	if err != nil {
		return err
	}
	return connection.Close()
}

// Probe asks the health server for a path and returns the status of the answer.
func (r *Controller) Probe(ctx context.Context, path string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Health+path, nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, errors.Join(err, answer.Body.Close())
}

// Kill ends the process with SIGKILL and returns when it is gone.
func (r *Controller) Kill() error {
	err := r.process.Kill()
	<-r.ended
	return ended(err)
}

// Freeze stops the process with SIGSTOP: its connections stay open and it does nothing. It returns when every thread
// stands still.
func (r *Controller) Freeze() error {
	if err := r.process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		if err := unix.Waitid(unix.P_PID, r.PID(), nil, unix.WSTOPPED, nil); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// Resume lets a frozen process go on.
func (r *Controller) Resume() error { return ended(r.process.Signal(syscall.SIGCONT)) }

// Terminate asks the process to end, with SIGTERM, and does not wait.
func (r *Controller) Terminate() error { return ended(r.process.Signal(syscall.SIGTERM)) }

// Stop asks the process to end and waits until it did; an error says that it did not end well.
func (r *Controller) Stop(ctx context.Context) error {
	if err := r.Terminate(); err != nil {
		return err
	}
	return r.Wait(ctx)
}

// Wait waits until the process has ended; an error says how, if not well.
func (r *Controller) Wait(ctx context.Context) error {
	select {
	case <-r.ended:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("zen-lead has not ended: %w", context.Cause(ctx))
	}
}

// PID is the process.
func (r *Controller) PID() int { return r.process.Pid }

// Lines returns the lines of the log that contain text.
func (r *Controller) Lines(text string) ([]string, error) {
	log, err := os.ReadFile(r.Log)
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, text) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines, nil
}

// Lease returns the name of the replica's Lease, in Namespace; "" until the process has told it.
func (r *Controller) Lease() (string, error) {
	lines, err := r.Lines("lease=" + Namespace + "/") // the last: it may go on under another name
	if err != nil || len(lines) == 0 {
		return "", err
	}
	_, lease, _ := strings.Cut(lines[len(lines)-1], "lease="+Namespace+"/")
	lease, _, _ = strings.Cut(lease, " ") // why it has another name
	return strings.TrimSpace(lease), nil
}

func (r *Controller) tail() string {
	lines, err := r.Lines("")
	if err != nil {
		return err.Error()
	}
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// ended: what is over need not be ended.
func ended(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
