package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
)

// startTries bounds how often a start that lost one of its ports to a stranger is tried again, each time with other ports.
const startTries = 5

// errPortLost: somebody listened on a reserved port before our component did.
var errPortLost = errors.New("a port was taken by another process")

// Start builds what is missing, starts a cluster and waits until it is usable. The cluster lives on when ctx ends; ctx bounds only the start.
// On an error nothing is left running, and the error carries the end of the log of the component that failed.
// ErrRunning if a cluster runs in Options.Dir.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	if err := options.validate(); err != nil {
		return nil, fmt.Errorf("start cluster: %w", err)
	}
	report := newReporter(options.Progress)
	found, layout, err := resolve(ctx, options, report)
	if err != nil {
		return nil, fmt.Errorf("start cluster: %w", err)
	}
	at, err := claimHome(ctx, options, report)
	if err != nil {
		return nil, fmt.Errorf("start cluster: %w", err)
	}
	began := time.Now()
	c, err := startWithFreshPorts(ctx, options, at, found, layout, report)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start cluster: %w", err), at.clear())
	}
	report.say("control plane is ready after %.1f s", time.Since(began).Seconds())
	if options.Detached {
		at.lock.release()
	}
	return c, nil
}

func startWithFreshPorts(ctx context.Context, options Options, at home, found binaries, layout Layout, report reporter) (*Cluster, error) {
	for try := 1; ; try++ {
		c, err := startOnce(ctx, options, at, found, layout, report)
		if !errors.Is(err, errPortLost) || try == startTries {
			return c, err
		}
		report.say("a port was taken meanwhile, trying others")
	}
}

func startOnce(ctx context.Context, options Options, at home, found binaries, layout Layout, report reporter) (*Cluster, error) {
	s, err := prepare(options, at, found, report)
	if err != nil {
		return nil, err
	}
	c, err := newCluster(s, layout, report)
	if err != nil {
		s.release()
		return nil, err
	}
	if err := c.bringUp(ctx); err != nil {
		s.release()
		return nil, errors.Join(err, c.endAll(), at.remove("data"))
	}
	return c, nil
}

func newCluster(s setup, layout Layout, report reporter) (*Cluster, error) {
	programs, err := s.programs(layout)
	if err != nil {
		return nil, err
	}
	probes, err := s.prober()
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Kubeconfig: s.kubeconfig(administrator), Dir: s.home.dir,
		report: report, setup: s, layout: layout, prober: probes, programs: programs,
		processes: map[Component]*process{},
	}
	if s.options.AuditLog {
		c.AuditLog = s.home.path("audit.log")
	}
	c.state = state{Kubeconfig: c.Kubeconfig, AuditLog: c.AuditLog, Processes: map[Component]identity{}}
	return c, c.loadAdmin()
}

// bringUp starts the API server and what is below it one after the other, and all above it side by side, real nodes last.
func (c *Cluster) bringUp(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return fmt.Errorf("client of the API server: %w", err)
	}
	var above []Component
	for _, p := range c.programs {
		if err := c.launch(p); err != nil {
			return err
		}
		switch p.name {
		case Switch:
			err = c.awaitSwitch(ctx)
		case Etcd:
			err = c.awaitComponent(ctx, Etcd)
		case APIServer, ControlPlane:
			err = c.awaitComponent(ctx, APIServer)
		default:
			above = append(above, p.name)
		}
		if err != nil {
			return err
		}
	}
	if err := createFakeNodes(ctx, client, c.setup.options); err != nil {
		return c.explain(err)
	}
	if err := c.awaitUsable(ctx, client, above); err != nil {
		return err
	}
	c.state.Ready = true
	return c.setup.home.writeState(c.state)
}

func (c *Cluster) awaitUsable(ctx context.Context, client kubernetes.Interface, components []Component) error {
	options := c.setup.options
	if !options.APIOnly {
		components = append(components, ControllerManager, Scheduler)
		if err := c.await(ctx, "the default ServiceAccount", func(ctx context.Context) error { return checkDefaultServiceAccount(ctx, client) }); err != nil {
			return err
		}
	}
	for _, component := range components {
		if err := c.awaitComponent(ctx, component); err != nil {
			return err
		}
	}
	if options.FakeNodes > 0 {
		if err := c.await(ctx, "fake nodes", func(ctx context.Context) error { return checkFakeNodes(ctx, client, options) }); err != nil {
			return err
		}
	}
	if options.Nodes == 0 {
		return nil
	}
	if err := c.installDNS(ctx); err != nil {
		return err
	}
	return c.await(ctx, "the cluster's name server", func(ctx context.Context) error { return checkDNS(ctx, client) })
}

// awaitSwitch returns when the network of the real nodes is there, and what they need with it.
func (c *Cluster) awaitSwitch(ctx context.Context) error {
	if err := c.await(ctx, "the network of the nodes", func(context.Context) error { return c.setup.network.checkUplink() }); err != nil {
		return err
	}
	return c.readyNodes()
}

func (c *Cluster) launch(p program) error {
	started, err := p.start()
	if err != nil {
		return err
	}
	c.processes[p.name] = started
	c.state.Processes[p.name] = started.identity
	// Written after each: a detached cluster whose starter is killed half way can still be found and ended.
	return c.setup.home.writeState(c.state)
}

func (c *Cluster) awaitComponent(ctx context.Context, component Component) error {
	if component.isNode() {
		return c.awaitNode(ctx, component)
	}
	return c.await(ctx, string(component), func(ctx context.Context) error { return c.prober.check(ctx, component) })
}

// await polls: health has no event to wait for, and every poll also sees whether a process has ended, which would make the wait endless.
func (c *Cluster) await(ctx context.Context, what string, check func(context.Context) error) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		last := check(ctx)
		if last == nil {
			return nil
		}
		if err := c.ended(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return c.explain(fmt.Errorf("wait for %s: %w (last: %w)", what, context.Cause(ctx), last))
		case <-tick.C:
		}
	}
}

// ended returns an error if a process of the cluster has ended by itself. A component that was killed on purpose is not
// among the processes any more.
func (c *Cluster) ended() error {
	for name, process := range c.processes {
		if process.running() {
			continue
		}
		tail := process.logTail()
		if strings.Contains(tail, "address already in use") {
			return fmt.Errorf("%s: %w:\n%s", name, errPortLost, tail)
		}
		return fmt.Errorf("%s ended:\n%s", name, tail)
	}
	return nil
}

// explain adds the end of every log to an error that no single component answers for.
func (c *Cluster) explain(err error) error {
	for name, process := range c.processes {
		err = fmt.Errorf("%w\nlog of %s:\n%s", err, name, process.logTail())
	}
	return err
}
