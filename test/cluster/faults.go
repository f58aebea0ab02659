package cluster

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// Kill ends a component with SIGKILL and returns when it is gone; one that is gone already is no error.
// In the layout OneProcess only ControlPlane and Kwok are processes.
func (c *Cluster) Kill(component Component) error {
	err := c.onProcess(component, func(p *process) error {
		if err := p.kill(); err != nil {
			return err
		}
		delete(c.processes, component)
		return nil
	})
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}

// Freeze stops a component with SIGSTOP and returns when all its threads stand still: its connections stay open and nothing answers on them.
// With a real node every process on it stands still, those in containers too. ErrNotRunning if it has ended.
func (c *Cluster) Freeze(component Component) error {
	return c.onProcess(component, func(p *process) error {
		if err := p.freeze(); err != nil || !component.isNode() {
			return err
		}
		return freezeBelow(p.PID)
	})
}

// Resume lets a frozen component go on; with a real node every process on it, also one that stood still before. ErrNotRunning if it has ended.
func (c *Cluster) Resume(component Component) error {
	return c.onProcess(component, func(p *process) error {
		err := p.signal(syscall.SIGCONT)
		if err != nil || !component.isNode() {
			return err
		}
		return resumeBelow(p.PID)
	})
}

// Restart starts a component again on its port and data, after a kill if it still runs, and waits until it is healthy.
func (c *Cluster) Restart(ctx context.Context, component Component) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.program(component)
	if err != nil {
		return fmt.Errorf("restart %s: %w", component, err)
	}
	if old, running := c.processes[component]; running {
		if err := old.kill(); err != nil {
			return fmt.Errorf("restart: %w", err)
		}
	}
	if err := c.launch(p); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	for _, part := range c.partsOf(component) {
		if err := c.awaitComponent(ctx, part); err != nil {
			return fmt.Errorf("restart: %w", err)
		}
	}
	return nil
}

// PID is the process that holds the component, for measuring memory and CPU. In the layout OneProcess every component but Kwok, the switch and
// the real nodes has the same.
// ErrNotRunning if it has ended.
func (c *Cluster) PID(component Component) (int, error) {
	if c.layout == OneProcess && component != Kwok && component != Switch && !component.isNode() {
		component = ControlPlane
	}
	var pid int
	err := c.onProcess(component, func(p *process) error {
		if !p.running() {
			return ErrNotRunning
		}
		pid = p.PID
		return nil
	})
	return pid, err
}

func (c *Cluster) onProcess(component Component, act func(*process) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.program(component); err != nil {
		return fmt.Errorf("%s: %w", component, err)
	}
	p, running := c.processes[component]
	if !running {
		return fmt.Errorf("%s: %w", component, ErrNotRunning)
	}
	if err := act(p); err != nil {
		return fmt.Errorf("%s: %w", component, err)
	}
	return nil
}

// program finds what Start made for the component. The caller holds mu.
func (c *Cluster) program(component Component) (program, error) {
	if c.opened {
		return program{}, fmt.Errorf("another process started it, and only that one can do this")
	}
	if c.stopped {
		return program{}, fmt.Errorf("the cluster is stopped: %w", ErrNotRunning)
	}
	for _, p := range c.programs {
		if p.name == component {
			return p, nil
		}
	}
	return program{}, fmt.Errorf("not a process of this cluster; its processes are %v", c.names())
}

func (c *Cluster) names() []Component {
	var names []Component
	for _, p := range c.programs {
		names = append(names, p.name)
	}
	return names
}

// partsOf lists the components whose health tells that of the process.
func (c *Cluster) partsOf(name Component) []Component {
	if name != ControlPlane {
		return []Component{name}
	}
	var parts []Component
	for _, component := range c.setup.options.components() {
		if component != Kwok {
			parts = append(parts, component)
		}
	}
	return parts
}
