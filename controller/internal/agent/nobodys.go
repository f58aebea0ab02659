package agent

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
)

// nobodysAge is how long a process that has ended waits for its parent until it is taken for nobody's.
const nobodysAge = 5 * time.Second

// reapNobodys waits for what ends as this process's child without being waited for: in a container, where it is the first process,
// the orphans of every "kubectl exec". What this process started itself, a guard or a plugin that gets credentials, is waited for
// at once: so whatever two looks find is nobody's.
func reapNobodys(ctx context.Context) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	seen := map[guard.Process]bool{}
	for {
		var again <-chan time.Time
		if len(seen) > 0 {
			again = time.After(nobodysAge)
		}
		select {
		case <-ended:
			if len(seen) > 0 {
				continue // the next look is under way
			}
		case <-again:
		case <-ctx.Done():
			return
		}
		now := map[guard.Process]bool{}
		for _, p := range guard.Zombies() {
			if seen[p] {
				_, _ = syscall.Wait4(p.PID, nil, syscall.WNOHANG, nil) // it has ended
			} else {
				now[p] = true
			}
		}
		seen = now
	}
}
