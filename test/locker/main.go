package locker

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"
)

// IsOne says whether this process was started as a locker.
func IsOne() bool { return os.Getenv(environment) != "" }

// Main is a locker: it returns its exit code when it has ended.
func Main() int {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "locker:", err)
		return 1
	}
	return 0
}

func run() error {
	var o Options
	if err := json.Unmarshal([]byte(os.Getenv(environment)), &o); err != nil {
		return err
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	services, err := connect(o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	yields := make(chan struct{})
	go obey(ctx, os.Stdin, yields, stop)
	words := newOut(os.Stdout)
	register := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: max(1, o.Workers)}}
	var all sync.WaitGroup
	for i := range max(1, o.Workers) {
		w := &worker{
			Options: o, out: words, number: i, services: services, at: i, yields: yields, http: register, dice: rand.New(rand.NewPCG(o.Seed, uint64(i))),
		}
		all.Go(func() { w.run(ctx) })
	}
	all.Wait()
	return nil
}

// obey reads commands: "yield" ends one holding, "stop" the process, in good order.
func obey(ctx context.Context, from io.Reader, yields chan<- struct{}, stop context.CancelFunc) {
	for commands := bufio.NewScanner(from); commands.Scan(); {
		switch commands.Text() {
		case "yield":
			go func() {
				select {
				case yields <- struct{}{}:
				case <-ctx.Done():
				}
			}()
		case "stop":
			stop()
		}
	}
}
