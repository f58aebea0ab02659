package guard

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// nobodysAge is how long a process that has ended waits for its parent until it is taken for nobody's.
const nobodysAge = 5 * time.Second

// ReapNobodys waits, until ctx ends, for what ends as this process's child without being waited for: in a container, where it is the first process,
// the orphans of every "kubectl exec". What this process started itself, a guard or a plugin that gets credentials, is waited for
// at once: so whatever two looks find is nobody's.
func ReapNobodys(ctx context.Context) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	seen := map[process]bool{}
	for {
		var again <-chan time.Time
		next := (<-chan os.Signal)(ended)
		if len(seen) > 0 {
			again, next = time.After(nobodysAge), nil // the next look is under way, and sees what ends until then
		}
		select {
		case <-next:
		case <-again:
		case <-ctx.Done():
			return
		}
		now := map[process]bool{}
		for _, p := range zombies() {
			if seen[p] {
				_, _ = syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil) // it has ended
			} else {
				now[p] = true
			}
		}
		seen = now
	}
}
