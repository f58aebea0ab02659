package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/guide"
)

// askPage is the guide for those who ask the API, and dashboard the account that it makes.
const (
	askPage   = "docs/ask.md"
	dashboard = "dashboard"
)

// nameServer is the address of the cluster's DNS.
const nameServer = "10.96.0.10"

// outsider is somebody without access to Kubernetes, on a machine that reaches the Services of the cluster and knows their names: a
// shell in the network of a node, with the authority in ca.crt, a token in $TOKEN, and the guide's examples.
type outsider struct {
	*world
	dir   string
	token string
}

// admit makes the account of the guide, by its objects, and returns somebody who has its token.
func (w *world) admit(ctx context.Context) (*outsider, error) {
	o, err := w.newOutsider(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := w.cluster.Kubectl(ctx, "apply", "-f", filepath.Join(w.root, "examples", "ask", "rbac.yaml")); err != nil {
		return nil, err
	}
	authority, err := w.guideBlock("kubectl create serviceaccount")
	if err != nil {
		return nil, err
	}
	_, authority, _ = strings.Cut(authority, "\n#") // what follows the account and its token
	if _, err := o.asAdministrator(ctx, "#"+authority); err != nil {
		return nil, err
	}
	o.token, err = w.issueToken(ctx, dashboard, "--audience", "zen-lead")
	return o, err
}

// newOutsider makes the machine; the guide's first commands make account, token and authority.
func (w *world) newOutsider(ctx context.Context) (*outsider, error) {
	dir, err := os.MkdirTemp(w.dir, "outsider-")
	if err != nil {
		return nil, err
	}
	o := &outsider{world: w, dir: dir}
	programs := filepath.Join(dir, "bin")
	kubectl, err := cluster.BuildKubectl(ctx, w.out)
	if err != nil {
		return nil, err
	}
	grpcurl, err := w.buildTool(ctx, "grpcurl")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"curl", "python3"} {
		if _, err := cluster.Program(ctx, name, name, w.out); err != nil {
			return nil, err
		}
	}
	return o, errors.Join(
		os.Mkdir(programs, 0o755),
		os.Symlink(kubectl, filepath.Join(programs, "kubectl")),
		os.Symlink(grpcurl, filepath.Join(programs, "grpcurl")),
		os.Symlink(filepath.Join(w.root, "examples"), filepath.Join(dir, "examples")),
		os.WriteFile(filepath.Join(dir, "resolv.conf"),
			[]byte("nameserver "+nameServer+"\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"), 0o644),
	)
}

// buildTool returns the path of a program of hack/tools.
func (w *world) buildTool(ctx context.Context, name string) (string, error) {
	command := exec.CommandContext(ctx, "go", "tool", "-n", name)
	command.Dir, command.Env = filepath.Join(w.root, "hack", "tools", name), append(os.Environ(), "GOWORK=off")
	path, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return strings.TrimSpace(string(path)), nil
}

// guideBlock is the text of the guide that begins so.
func (w *world) guideBlock(begin string) (string, error) { return w.guideBlockOf(askPage, begin) }

func (w *world) guideBlockOf(page, begin string) (string, error) {
	blocks, err := guide.Blocks(w.root, page)
	if err != nil {
		return "", err
	}
	for _, b := range blocks {
		if strings.HasPrefix(b, begin) {
			return b, nil
		}
	}
	return "", fmt.Errorf("%s has no text that begins with %q", page, begin)
}

// guideCommands are those that the guide shows with a prompt, in its order.
func (w *world) guideCommands() ([]string, error) { return w.guideCommandsOf(askPage) }

func (w *world) guideCommandsOf(page string) ([]string, error) {
	blocks, err := guide.Blocks(w.root, page)
	var commands []string
	for _, b := range blocks {
		for line := range strings.Lines(b) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				commands = append(commands, strings.TrimSpace(command))
			}
		}
	}
	return commands, err
}

// issueToken is a new token of an account of the pool's namespace.
func (w *world) issueToken(ctx context.Context, account string, more ...string) (string, error) {
	token, err := w.cluster.Kubectl(ctx, append([]string{"create", "token", account}, more...)...)
	return strings.TrimSpace(string(token)), err
}

// asAdministrator runs commands in the outsider's folder, where they leave what the administrator hands out.
func (o *outsider) asAdministrator(ctx context.Context, script string) (string, error) {
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	command.Dir, command.Env = o.dir, append(o.environment(), "KUBECONFIG="+o.cluster.Kubeconfig)
	return outputOf(command)
}

// outputOf is what a command prints; what it complains about is part of the error.
func outputOf(command *exec.Cmd) (string, error) {
	var printed, complaint bytes.Buffer
	command.Stdout, command.Stderr = &printed, &complaint
	err := command.Run()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return printed.String(), err
}

func (o *outsider) environment() []string {
	return []string{"PATH=" + filepath.Join(o.dir, "bin") + ":/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + o.dir, "LANG=C.UTF-8"}
}

// enter runs in the network of a node, and makes the cluster's DNS that of the commands alone.
const enter = `mount --bind resolv.conf /etc/resolv.conf && exec bash -euo pipefail -c "$1"`

// command is one that the outsider types. It ends with all that it started when ctx does.
func (o *outsider) command(ctx context.Context, script string) (*exec.Cmd, error) {
	node, err := o.cluster.PID(cluster.Component(kept))
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", node), "unshare", "--mount", "bash", "-c", enter, "-", script)
	c.Dir, c.Env = o.dir, append(o.environment(), "TOKEN="+o.token)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 5 * time.Second
	return c, nil
}

// run returns what a command prints; what it complains about is part of the error.
func (o *outsider) run(ctx context.Context, script string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	c, err := o.command(ctx, script)
	if err != nil {
		return "", err
	}
	return outputOf(c)
}

// stream is a command that goes on until end is called.
type stream struct {
	name string
	end  func()

	mu   sync.Mutex
	text strings.Builder
	done error
}

// begin starts a command that streams.
func (o *outsider) begin(ctx context.Context, name, script string) (*stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	c, err := o.command(ctx, script)
	if err != nil {
		cancel()
		return nil, err
	}
	s := &stream{name: name}
	var complaint bytes.Buffer
	c.Stdout, c.Stderr = s, &complaint
	if err := c.Start(); err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := c.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done = fmt.Errorf("%s ended: %w: %s", name, errors.Join(io.EOF, err), bytes.TrimSpace(complaint.Bytes()))
	}()
	s.end = func() {
		cancel()
		<-ended
	}
	return s, nil
}

// Write is told what the command prints.
func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// said is all that it printed until now. An error says that the command has ended.
func (s *stream) said() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.done
}

// awaitSaid waits until a stream has printed all of these, in this order.
func (o *outsider) awaitSaid(ctx context.Context, s *stream, all ...string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return o.await(ctx, soon, fmt.Sprintf("%s to tell %q", s.name, all), func(context.Context) error {
		text, ended := s.said()
		rest := text
		for _, each := range all {
			_, after, found := strings.Cut(rest, each)
			if !found {
				if ended != nil {
					cancel(ended) // there will be no more
				}
				return fmt.Errorf("%w: of %q it told %q", errNotYet, all, text)
			}
			rest = after
		}
		return nil
	})
}
