// Command pause is the first process of a pod: it holds the pod's namespaces while containers come and go, and does nothing.
//
// Where the containers of a pod share their processes it is PID 1, whose duty is to reap orphans. It stops at SIGTERM and SIGINT.
package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// Two channels: a burst of children must not crowd out the one signal to stop.
	stop, children := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(children, syscall.SIGCHLD)
	pause(stop, children)
}

// pause returns when it is told to stop.
func pause(stop, children <-chan os.Signal) {
	for {
		select {
		case <-stop:
			return
		case <-children:
			reap()
		}
	}
}

// reap takes every child that is dead: one signal may stand for many.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid == 0 { // no child at all, or none that is dead
			return
		}
	}
}
