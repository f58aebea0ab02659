package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/test/history"
)

// Options of a recorder. The zero value records all namespaces into memory.
type Options struct {
	// Namespaces to record; none: all, without the Leases of kube-node-lease.
	Namespaces []string
	// File gets each event as it comes, so that a killed test leaves its evidence, and the ordered history by Stop.
	// Empty: none.
	File string
}

// Recorder records until it is stopped. Its methods are safe for concurrent use.
type Recorder struct {
	streams []*stream
	cancel  context.CancelFunc
	// until is the revision that Stop waits for; it is set before stopping is closed.
	until    int64
	stopping chan struct{}
	failed   chan struct{} // closed with the first failure
	done     sync.WaitGroup
	path     string

	mu       sync.Mutex
	events   []history.Event
	injected map[int64]bool
	file     *os.File
	err      error
}

// Start begins to record; when it returns, every later write will be in the history. ctx bounds the start only; whoever
// called Start calls Stop. The CRD of LeaderPolicies must be installed.
func Start(ctx context.Context, config *rest.Config, o Options) (*Recorder, error) {
	all, err := sources(config, o.Namespaces)
	if err != nil {
		return nil, err
	}
	r := &Recorder{stopping: make(chan struct{}), failed: make(chan struct{}), injected: map[int64]bool{}, path: o.File}
	if o.File != "" {
		if r.file, err = os.Create(o.File); err != nil {
			return nil, fmt.Errorf("recording: %w", err)
		}
	}
	// One revision for all: what one list says must not be newer than what another does.
	_, revision, err := all[0].objects(ctx, 0)
	for _, s := range all {
		if err != nil {
			break
		}
		s := &stream{source: s, recorder: r, known: map[name]known{}}
		r.streams = append(r.streams, s)
		err = s.start(ctx, revision)
	}
	if err != nil {
		if r.file != nil {
			err = errors.Join(err, r.file.Close())
		}
		return nil, fmt.Errorf("starting to record: %w", err)
	}
	//nolint:contextcheck // recording outlives the start
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	for _, s := range r.streams {
		r.done.Go(func() { s.run(run) })
	}
	return r, nil
}

// Injected marks the write that had this resourceVersion as made by a test. A test that may not see the reply of its
// write uses [history.InjectedAnnotation].
func (r *Recorder) Injected(revision int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.injected[revision] = true
}

// Stop waits until every write that was made before the call is recorded, ends the recorder and returns the history. An
// error means that there may be a gap; the events that come with it are what is known. ctx bounds the wait, which takes a
// second or two: bookmarks of the API server say how far each watch is.
func (r *Recorder) Stop(ctx context.Context) ([]history.Event, error) {
	defer r.cancel()
	err := r.finish(ctx)
	r.cancel()
	r.done.Wait()

	r.mu.Lock()
	defer r.mu.Unlock()
	history.Sort(r.events)
	if r.until != 0 { // what one watch saw beyond, another may not have seen
		r.events = slices.DeleteFunc(r.events, func(e history.Event) bool { return e.Revision > r.until })
	}
	for i := range r.events {
		r.events[i].Injected = r.events[i].Injected || r.injected[r.events[i].Revision]
	}
	return r.events, errors.Join(err, r.err, r.save())
}

func (r *Recorder) finish(ctx context.Context) error {
	for r.until == 0 {
		_, until, err := r.streams[0].objects(ctx, 0)
		if err != nil && !r.wait(ctx) {
			return fmt.Errorf("ending the history: %w", err)
		}
		r.until = until
	}
	close(r.stopping)
	ended := make(chan struct{})
	go func() {
		r.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-r.failed:
		return nil // the failure is r.err
	case <-ctx.Done():
		errs := []error{context.Cause(ctx)}
		for _, s := range r.streams {
			if at, err := s.state(); at < r.until {
				errs = append(errs, fmt.Errorf("%s were seen up to revision %d of %d", s.name, at, r.until), err)
			}
		}
		return fmt.Errorf("ending the history: %w", errors.Join(errs...))
	}
}

// wait lets a moment pass before a request is tried again; false: ctx has ended or recording has failed.
func (r *Recorder) wait(ctx context.Context) bool {
	select {
	case <-time.After(200 * time.Millisecond):
		return true
	case <-r.failed:
		return false
	case <-ctx.Done():
		return false
	}
}

// save writes the history in order over the file that got it as it came.
func (r *Recorder) save() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	next, createErr := os.Create(r.path + ".tmp")
	if createErr != nil {
		return errors.Join(err, createErr)
	}
	return errors.Join(err, history.Write(next, r.events), next.Close(), os.Rename(next.Name(), r.path))
}

func (r *Recorder) add(e history.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	if r.file == nil {
		return nil
	}
	return json.NewEncoder(r.file).Encode(e)
}

// fail keeps the first failure. All that comes later would follow a gap.
func (r *Recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = fmt.Errorf("the history has a gap: %w", err)
		close(r.failed)
	}
}
