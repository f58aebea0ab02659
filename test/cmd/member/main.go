// Command member is a process that contends for a pool or a Lease, for suites that watch it from outside. It prints one line of
// JSON for all that befalls it, with times of the machine's monotonic clock, which all its processes share, and reads commands
// from its standard input:
//
//	yield   let the work return: the lead is released, and contended for again
//	stop    end in good order
//
// It contends with lead.Run, or with -elector client-go as operators do. With -register its work is to increment a number that a
// server of the test keeps: it reads it and writes one more, each time with its term.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	m := member{out: newOut(os.Stdout)}
	flag.StringVar(&m.pool, "pool", "web", "the pool, or the Lease of client-go's elector")
	flag.StringVar(&m.namespace, "namespace", "default", "its namespace")
	flag.StringVar(&m.elector, "elector", "lead", "lead, client-go, or lock: client-go's on kube.ResourceLock")
	flag.DurationVar(&m.lease, "lease", 15*time.Second, "client-go's lease duration")
	flag.DurationVar(&m.renew, "renew", 10*time.Second, "client-go's renew deadline")
	flag.DurationVar(&m.retry, "retry", 2*time.Second, "client-go's retry period")
	flag.DurationVar(&m.requestTimeout, "request-timeout", 5*time.Second, "client-go's timeout of one request; controller-runtime's is half the renew deadline")
	flag.BoolVar(&m.survive, "survive", false, "go on where lead.Run would exit the process, and tell \"overran\"")
	flag.StringVar(&m.register.url, "register", "", "URL of a register that the work increments")
	flag.DurationVar(&m.register.pause, "pause", 5*time.Millisecond, "the time between two increments")
	flag.DurationVar(&m.register.patience, "patience", 300*time.Millisecond, "how long a request to it may take")
	flag.BoolVar(&m.release, "release", true, "client-go's ReleaseOnCancel")
	flag.DurationVar(&m.rest, "rest", 0, "how long to stay away before contending again")
	flag.StringVar(&m.terminationLog, "termination-log", "", "be a container: mount this file as the kubelet does for its last words; needs mount and PID namespaces of its own")
	flag.Parse()
	slog.SetDefault(slog.New(teller{slog.NewTextHandler(os.Stderr, nil), m.out}))
	if err := m.run(); err != nil {
		fmt.Fprintln(os.Stderr, "member:", err)
		os.Exit(1)
	}
}

type member struct {
	pool, namespace, elector            string
	lease, renew, retry, requestTimeout time.Duration
	survive                             bool
	register                            register
	rest                                time.Duration
	release                             bool
	terminationLog                      string
	out                                 *out
	yield                               chan struct{}
}

func (m *member) run() error {
	if err := contain(m.terminationLog); err != nil {
		return fmt.Errorf("be a container: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	m.yield = make(chan struct{})
	go m.obey(stop)
	contend := map[string]func(context.Context) error{"lead": m.lead, "client-go": m.clientGo, "lock": m.lock}[m.elector]
	if contend == nil {
		return fmt.Errorf("no elector %q", m.elector)
	}
	for ctx.Err() == nil {
		if err := contend(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-time.After(m.rest):
		case <-ctx.Done():
		}
	}
	m.out.tell(event{Event: "stopped"})
	return nil
}

// obey reads commands.
func (m *member) obey(stop func()) {
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		switch commands.Text() {
		case "yield":
			go func() { m.yield <- struct{}{} }() // it may take long, and must not keep "stop" from being read
		case "stop":
			stop()
		}
	}
}

// work is what a leader does: it waits until it is told to end, and increments the register if there is one. valid looks at the
// term.
func (m *member) work(ctx context.Context, term int64, valid func() error) error {
	m.out.tell(event{Event: "began", Term: term})
	defer func() { m.out.tell(event{Event: "ended", Term: term}) }()
	for {
		select {
		case <-m.yield:
			m.out.tell(event{Event: "decided", Term: term})
			return nil
		case <-ctx.Done():
			m.out.tell(event{Event: "told", Term: term, Cause: context.Cause(ctx).Error()})
			return context.Cause(ctx)
		case <-m.register.due():
			m.increment(term, valid)
		}
	}
}
