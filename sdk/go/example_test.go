package zenlead_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	zenlead "github.com/kube-zen/zen-lead/sdk/go"
)

// A program in a pod with the volume that docs/ask.md shows: it follows the leader until it is told to end.
func Example() {
	client, err := zenlead.New("zen-lead-api.zen-lead-system.svc:9090")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // the program ends
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for state, err := range client.Watch(ctx, "web") { // reconnects, and never goes back to an older term
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(state.Leader, state.Term)
	}
}

// By HTTP where only that gets through, outside of a pod.
func ExampleNew_https() {
	client, err := zenlead.New(url, zenlead.WithToken(os.Getenv("TOKEN")), zenlead.WithCAFile(caFile), zenlead.WithNamespace("default"))
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close() //nolint:errcheck // the program ends
	state, err := client.Leader(context.Background(), "web")
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(state.Leader.Name, state.Leader.IP)
	// Output: web-0 10.1.2.3
}

func ExampleClient_Leader() {
	client, err := zenlead.New(address, zenlead.WithCAFile(caFile), zenlead.WithNamespace("default"))
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close() //nolint:errcheck // the program ends
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()

	state, err := client.Leader(ctx, "web")
	switch {
	case err != nil:
		log.Print(err)
	case state.Leader == nil:
		fmt.Println("nobody leads")
	default:
		fmt.Println(state.Leader.Name, "leads in term", state.Term)
	}

	_, err = client.Leader(ctx, "none", zenlead.Strong)
	fmt.Println(errors.Is(err, zenlead.ErrUnknownPool))
	// Output:
	// web-0 leads in term 440
	// true
}

func ExampleClient_Pools() {
	client, err := zenlead.New(address, zenlead.WithCAFile(caFile), zenlead.WithNamespace("default"))
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close() //nolint:errcheck // the program ends
	for state, err := range client.Pools(context.Background()) {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(state.Pool, state.Term)
	}
	// Output:
	// db 440
	// web 440
}

func ExampleClient_Watch() {
	client, err := zenlead.New(address, zenlead.WithCAFile(caFile), zenlead.WithNamespace("default"))
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close() //nolint:errcheck // the program ends
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for state, err := range client.Watch(ctx, "web") {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(state.Leader.Name, "leads in term", state.Term)
		if state.Term == 441 {
			cancel()
		}
	}
	// Output:
	// web-0 leads in term 440
	// web-1 leads in term 441
}

// A pod that does no work while it is known that another leads, or not known who does. Its store still refuses a smaller term.
func ExampleClient_Guard() {
	client, err := zenlead.New("zen-lead-api.zen-lead-system.svc:9090")
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close()                                                          //nolint:errcheck // the program ends
	guard, err := client.Guard(context.Background(), "web", os.Getenv("POD_UID")) // metadata.uid, by the downward API
	if err != nil {
		log.Print(err)
		return
	}
	for range time.Tick(time.Second) {
		if term := guard.Term(); term != 0 {
			fmt.Println("write, with term", term)
		} else if err := guard.Err(); err != nil {
			log.Print(err)
		}
	}
}

func ExampleClient_Handover() {
	client, err := zenlead.New(address, zenlead.WithCAFile(caFile), zenlead.WithNamespace("default"))
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close() //nolint:errcheck // the program ends
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	moved, err := client.Handover(ctx, "web", "web-1")
	switch {
	case errors.Is(err, zenlead.ErrUnknown):
		log.Print("the lead may have moved; ask who leads before you try again: ", err)
	case err != nil:
		log.Print(err)
	default:
		fmt.Println(moved.Message, "in term", moved.Term)
	}
	// Output: web-0 handed over to web-1 in term 441
}

// What went wrong, and whether zen-lead said so.
func ExampleError() {
	client, err := zenlead.New(address, zenlead.WithCAFile(caFile), zenlead.WithNamespace("default"))
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close() //nolint:errcheck // the program ends
	_, err = client.Leader(context.Background(), "none")
	if said, ok := errors.AsType[*zenlead.Error](err); ok {
		fmt.Println(said.Reason + ": " + said.Message)
	} else if err != nil {
		log.Print("the client concluded: ", err)
	}
	// Output: UnknownPool: there is no LeaderPolicy none in namespace default
}

// One copy at a time makes the report.
func ExampleClient_WithLock() {
	client, err := zenlead.New(address, zenlead.WithCAFile(caFile), zenlead.WithNamespace("default"))
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close() //nolint:errcheck // the program ends
	err = client.WithLock(context.Background(), "nightly-report", func(ctx context.Context, token int64) error {
		fmt.Println("reporting:", token > 0) // ctx ends before another may hold the lock
		return ctx.Err()
	})
	if err != nil {
		log.Print(err) // errors.Is(err, zenlead.ErrLost): the lock was lost before the report was made
	}
	// Output: reporting: true
}

// A lock that is kept for longer than one function, if nobody else has it.
func ExampleLock() {
	client, err := zenlead.New(address, zenlead.WithCAFile(caFile), zenlead.WithNamespace("default"))
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close() //nolint:errcheck // the program ends
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lock := client.Lock("migration")
	switch err := lock.TryLock(ctx); {
	case errors.Is(err, zenlead.ErrHeld):
		fmt.Println("somebody else migrates")
		return
	case err != nil:
		log.Print(err)
		return
	}
	select {
	case <-lock.Done():
		log.Print("stop: ", lock.Err())
	default:
		fmt.Println("migrating")
	}
	if err := lock.Unlock(ctx); err != nil {
		log.Print(err)
	}
	fmt.Println("token:", lock.Token())
	// Output:
	// migrating
	// token: 0
}
