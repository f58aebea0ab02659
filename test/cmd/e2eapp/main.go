// Command e2eapp is what runs in the pods of end-to-end tests: a program whose pod can be asked who it is and be told to die, and
// one that asks. It knows nothing of zen-lead.
//
//	e2eapp serve      listens on :8080
//	    GET /          {"pod","uid","term","role","time"}; term and role as the pod's annotations tell, read at each request
//	    GET /readyz    200 from the first moment to the last
//	    POST /exhaust  takes memory until the kernel kills the container
//	    POST /exit     ends the process with status 1
//	e2eapp ask URL    asks every 20 ms over a new connection, and prints one JSON line for each answer or error
//	e2eapp post URL   sends one POST: an image of one program has no other to send it with
//	e2eapp work       is what "zen-lead run" starts: it prints "works TERM NANOSECONDS" every 20 ms, and leaves a process in a session of
//	                  its own that prints "works-too" in the same way and ends for nobody. SIGTERM: "work-ended", and status 0; not after
//	                  SIGUSR1: "told", and on it goes
//
// Pod and UID come from POD_NAME and POD_UID, the annotations from /etc/podinfo/annotations, a file of a downward API volume. The
// kubelet writes that file anew a minute after a change, or later: term and role are what the pod was told, not what is so.
//
// SIGTERM: serve answers what it was asked, takes no new connections and ends with status 0; ask waits for what it asked.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2eapp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "serve":
		return listenAndServe(ctx)
	case len(args) == 2 && args[0] == "ask":
		ask(ctx, freshConnections(), args[1], os.Stdout)
		return nil
	case len(args) == 2 && args[0] == "post":
		return post(ctx, args[1])
	case len(args) == 1:
		if work := works[args[0]]; work != nil {
			return work(ctx, os.Getenv("ZEN_LEAD_TERM"))
		}
	}
	return errors.New("usage: e2eapp serve | ask URL | post URL | work")
}

func listenAndServe(ctx context.Context) error {
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	a := app{
		pod:         os.Getenv("POD_NAME"),
		uid:         os.Getenv("POD_UID"),
		annotations: "/etc/podinfo/annotations",
		mostMemory:  mostMemory,
		exit:        os.Exit,
	}
	fmt.Fprintf(os.Stderr, "pod %s, uid %s, ip %s: listening on %s\n", a.pod, a.uid, os.Getenv("POD_IP"), listener.Addr())
	return serve(ctx, listener, a.handler())
}
