// Command scribe is a program that knows nothing of zen-lead but its term: run by "zen-lead run", it writes to a register of a
// test, without a look at anything, until it is ended. Each write says who writes and in which term.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

var (
	to      = flag.String("to", "", "URL of the register")
	who     = flag.String("who", "", "the writer's name")
	stays   = flag.Bool("stays", false, "ignore SIGTERM")
	brood   = flag.Bool("brood", false, "have a child and, in sessions of their own, a grandchild and an orphan write too")
	closes  = flag.Bool("closes", false, "close standard input, output and error")
	writes  = flag.Int("writes", 0, "exit after as many writes; 0 is never")
	code    = flag.Int("code", 0, "exit with this code, then, or on SIGTERM")
	lingers = flag.Duration("lingers", 0, "how long to go on writing after SIGTERM")
)

func main() {
	flag.Parse()
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	if *brood {
		breed()
	}
	if *closes {
		_, _, _ = os.Stdin.Close(), os.Stdout.Close(), os.Stderr.Close()
	}
	var end <-chan time.Time
	ticker := time.NewTicker(5 * time.Millisecond)
	for n := 1; ; n++ {
		write("work")
		if n == *writes {
			os.Exit(*code)
		}
		select {
		case <-ticker.C:
		case <-end:
			os.Exit(*code)
		case <-terms:
			write("told")
			if !*stays {
				end = time.After(*lingers)
			}
		}
	}
}

// write tells the register. What it answers, or whether it does, is nothing to an unfenced program.
func write(what string) {
	q := url.Values{"who": {*who}, "what": {what}, "term": {os.Getenv("ZEN_LEAD_TERM")}, "role": {os.Getenv("ZEN_LEAD_ROLE")}, "pid": {strconv.Itoa(os.Getpid())}}
	client := http.Client{Timeout: time.Second}
	answer, err := client.Post(*to+"?"+q.Encode(), "", nil)
	if err == nil {
		_ = answer.Body.Close()
	}
}

// breed starts a child, and one in a session of its own; the child starts a grandchild in yet another session, and leaves it.
func breed() {
	again := fmt.Sprintf("%s -stays -to '%s' -who '%s' ", os.Args[0], *to, *who)
	for _, script := range []string{
		again,
		"setsid " + again + " -closes",
		"(setsid " + again + " &) ; exec sleep 1000",
	} {
		c := exec.Command("/bin/sh", "-c", script)
		if err := c.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "scribe:", err)
			os.Exit(1)
		}
	}
}
