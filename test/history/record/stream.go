package record

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-zen/zen-lead/test/history"
)

// stream is the watch of one source. Only its own goroutine uses known.
type stream struct {
	source
	recorder *Recorder
	known    map[name]known

	mu sync.Mutex
	// revision: every write up to it is recorded.
	revision int64
	// trouble is why the watch does not go on, nil while it does.
	trouble error
}

type name struct{ namespace, name string }

// known is the last that was seen of an object that is there.
type known struct {
	event history.Event
	mark  string
}

func (s *stream) state() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revision, s.trouble
}

func (s *stream) seen(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision, s.trouble = max(s.revision, revision), nil
}

func (s *stream) start(ctx context.Context, revision int64) error {
	objects, _, err := s.objects(ctx, revision)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := s.put(history.Existing, o); err != nil {
			return err
		}
	}
	s.seen(revision)
	return nil
}

// put records a write.
func (s *stream) put(t history.Type, o runtime.Object) error {
	e, err := Convert(o)
	if err != nil {
		return err
	}
	m, err := meta.Accessor(o)
	if err != nil {
		return err
	}
	e.Type, e.Received = t, time.Now()
	key := name{e.Namespace, e.Name}
	now := known{e, mark(m)}
	before := s.known[key]
	if before.event.UID != e.UID {
		before = known{}
	}
	e.Injected = t != history.Existing && t != history.Deleted && now.mark != "" && now.mark != before.mark
	if t == history.Deleted {
		delete(s.known, key)
	} else {
		s.known[key] = now
	}
	return s.recorder.add(e)
}

// run watches until the history is complete, or cannot be.
func (s *stream) run(ctx context.Context) {
	for ctx.Err() == nil && !s.complete() {
		err := s.follow(ctx)
		if gone(err) {
			err = s.bridge(ctx)
		}
		if errors.Is(err, errGap) {
			s.recorder.fail(fmt.Errorf("%s: %w", s.name, err))
			return
		}
		if err != nil {
			s.mu.Lock()
			s.trouble = err
			s.mu.Unlock()
			if !s.recorder.wait(ctx) {
				return
			}
		}
	}
}

// errGap: what was written cannot be learned any more.
var errGap = errors.New("writes were missed")

func gone(err error) bool { return apierrors.IsGone(err) || apierrors.IsResourceExpired(err) }

func (s *stream) ending() bool {
	select {
	case <-s.recorder.stopping:
		return true
	default:
		return false
	}
}

// complete says whether all that Stop waits for has been seen.
func (s *stream) complete() bool {
	at, _ := s.state()
	return s.ending() && at >= s.recorder.until
}

// follow watches once, from where the last watch ended.
func (s *stream) follow(ctx context.Context) error {
	timeout, stopping := 10*time.Minute, s.recorder.stopping
	if s.ending() {
		// A watch of 3 seconds gets a bookmark after one: the API server sends one two seconds before the end. How far it
		// is depends on the API server's cache, which a list of the present brings up to date.
		timeout, stopping = 3*time.Second, nil
		if _, _, err := s.objects(ctx, 0); err != nil {
			return err
		}
	}
	at, _ := s.state()
	seconds := int64(timeout.Seconds())
	w, err := s.watch(ctx, metav1.ListOptions{
		ResourceVersion: strconv.FormatInt(at, 10), AllowWatchBookmarks: true, TimeoutSeconds: &seconds,
	})
	if err != nil {
		return fmt.Errorf("watching %s: %w", s.name, err)
	}
	defer w.Stop()
	for !s.complete() {
		select {
		case e, open := <-w.ResultChan():
			if !open {
				return nil
			}
			if err := s.take(e); err != nil {
				return err
			}
		case <-stopping:
			return nil // what the watch holds back comes again in the next
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (s *stream) take(e watch.Event) error {
	types := map[watch.EventType]history.Type{watch.Added: history.Added, watch.Modified: history.Modified, watch.Deleted: history.Deleted}
	switch t, write := types[e.Type]; {
	case e.Type == watch.Error:
		return fmt.Errorf("watching %s: %w", s.name, apierrors.FromObject(e.Object))
	case write:
		if err := s.put(t, e.Object); err != nil {
			return fmt.Errorf("%w: %w", errGap, err)
		}
	}
	m, err := meta.Accessor(e.Object)
	if err != nil {
		return fmt.Errorf("%w: %w", errGap, err)
	}
	revision, err := strconv.ParseInt(m.GetResourceVersion(), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: resourceVersion of an event of %s: %w", errGap, s.name, err)
	}
	s.seen(revision)
	return nil
}
