package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"runtime"
	"time"
)

const (
	// shutdownTimeout is how long requests may still take after SIGTERM; a pod has 30 s by default.
	shutdownTimeout = 10 * time.Second
	// mostMemory, in bytes, ends what goes wrong: a container without limit would take the machine's memory and not be killed.
	mostMemory = 1 << 30
	memoryStep = 8 << 20
)

// app answers for one pod. It is safe for concurrent use.
type app struct {
	pod, uid    string
	annotations string // file
	mostMemory  int    // bytes
	exit        func(status int)
}

// identity is the answer to GET /.
type identity struct {
	Pod  string    `json:"pod"`
	UID  string    `json:"uid"`
	Term string    `json:"term"`
	Role string    `json:"role"`
	Time time.Time `json:"time"`
}

func (a app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.identify)
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {}) // 200
	mux.HandleFunc("POST /exhaust", a.exhaust)
	mux.HandleFunc("POST /exit", func(http.ResponseWriter, *http.Request) { a.exit(1) })
	return mux
}

func (a app) identify(w http.ResponseWriter, _ *http.Request) {
	told, err := readAnnotations(a.annotations)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// Who does not read the answer does not care for the error.
	_ = json.NewEncoder(w).Encode(identity{
		Pod: a.pod, UID: a.uid, Term: told["zen-lead/term"], Role: told["zen-lead/role"], Time: time.Now(),
	})
}

// exhaust answers only if it is not killed.
func (a app) exhaust(w http.ResponseWriter, _ *http.Request) {
	var held [][]byte
	for taken := 0; taken < a.mostMemory; taken += memoryStep {
		block := make([]byte, memoryStep)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1 // memory that nobody wrote to is not there yet
		}
		held = append(held, block)
	}
	http.Error(w, "not killed: does the container have a memory limit?", http.StatusInsufficientStorage)
	runtime.KeepAlive(held)
}

// serve returns nil after a graceful stop, which the end of ctx asks for. It closes the listener.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: shutdownTimeout}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- server.Shutdown(limited)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
