package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// works are the processes of "e2eapp work".
var works = map[string]func(ctx context.Context, term string) error{
	"work":       work,
	"leave-work": func(context.Context, string) error { return again("work-too").Start() },
	"work-too":   func(_ context.Context, term string) error { return workOn(context.Background(), "works-too", term) },
}

// work works until ctx ends, or for ever.
func work(ctx context.Context, term string) error {
	stay := make(chan os.Signal, 1)
	signal.Notify(stay, syscall.SIGUSR1)
	if err := again("leave-work").Run(); err != nil {
		return err
	}
	working, end := context.WithCancel(context.Background())
	defer end()
	go func() {
		select {
		case <-ctx.Done():
			end()
			return
		case <-stay:
			say("stays", term)
		}
		<-ctx.Done()
		say("told", term)
	}()
	err := workOn(working, "works", term)
	say("work-ended", term)
	return err
}

func workOn(ctx context.Context, what, term string) error {
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		say(what, term)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// say prints one line in one write: the processes share a pipe.
func say(what, term string) { fmt.Println(what, term, time.Now().UnixNano()) }

// again is this program as another process, in a session of its own.
func again(as string) *exec.Cmd {
	c := exec.Command("/proc/self/exe", as)
	c.Args[0] = os.Args[0]
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return c
}
