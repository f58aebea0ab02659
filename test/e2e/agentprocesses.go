package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// part is one of the processes in a container whose entrypoint is "zen-lead run".
type part string

const (
	theAgent   part = "agent"
	theGuard   part = "guard"
	theProgram part = "program"
	// theEscaped is what the program has left in a session of its own.
	theEscaped part = "escaped process"
)

// parts are the processes in a pod's container. None is no error.
func (c *crew) parts(pod corev1.Pod) (map[part]int, error) {
	pids, err := c.cluster.ContainerProcesses(pod.Status.ContainerStatuses[0].ContainerID)
	if err != nil && !errors.Is(err, cluster.ErrNotRunning) {
		return nil, err
	}
	found := map[part]int{}
	for _, pid := range pids {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // it has ended
		}
		switch line := strings.ReplaceAll(string(command), "\x00", " "); line {
		case "zen-lead-guard ":
			found[theGuard] = pid
		case "/e2eapp work ":
			found[theProgram] = pid
		case "/e2eapp work-too ":
			found[theEscaped] = pid
		default:
			if strings.HasPrefix(line, "/zen-lead run ") {
				found[theAgent] = pid
			}
		}
	}
	return found, nil
}

// working is the pod that works, with its processes: all are there.
func (c *crew) working(ctx context.Context) (pod corev1.Pod, is Work, found map[part]int, err error) {
	if pod, is, err = c.workingPod(ctx); err != nil {
		return pod, is, nil, err
	}
	found, err = c.parts(pod)
	if err == nil && len(found) != 4 {
		err = fmt.Errorf("%s works, and its processes are %v", pod.Name, found)
	}
	return pod, is, found, err
}

// send sends a signal to one of the processes in a pod's container.
func (c *crew) send(to map[part]int, which part, signal syscall.Signal) error {
	if err := syscall.Kill(to[which], signal); err != nil {
		return fmt.Errorf("%s to the %s: %w", signal, which, err)
	}
	return nil
}

// awaitParts waits until a pod's container holds some processes and no others.
func (c *crew) awaitParts(ctx context.Context, pod corev1.Pod, want ...part) error {
	return c.await(ctx, soon, fmt.Sprintf("%v in %s, and nothing else", want, pod.Name), func(context.Context) error {
		found, err := c.parts(pod)
		if err != nil {
			return err
		}
		for _, which := range want {
			if found[which] == 0 {
				return fmt.Errorf("%w: %v", errNotYet, found)
			}
		}
		if len(found) != len(want) {
			return fmt.Errorf("%w: %v", errNotYet, found)
		}
		return nil
	})
}

// awaitSaid waits until a pod says a thing.
func (c *crew) awaitSaid(ctx context.Context, pod, thing string, after time.Time) error {
	return c.await(ctx, soon, fmt.Sprintf("%q of %s", thing, pod), func(context.Context) error {
		if !c.works.hasSaid(pod, thing, after) {
			return errNotYet
		}
		return nil
	})
}

// awaitStill waits until a process stands still.
func awaitStill(ctx context.Context, c *crew, pid int) error {
	return c.await(ctx, soon, fmt.Sprintf("process %d to stand still", pid), func(context.Context) error {
		state, err := stateOf(pid)
		if err == nil && !strings.HasPrefix(state, "T") {
			err = fmt.Errorf("%w: it is in state %s", errNotYet, state)
		}
		return err
	})
}
