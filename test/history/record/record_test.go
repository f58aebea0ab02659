package record_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/history"
	"github.com/kube-zen/zen-lead/test/history/record"
)

func start(t *testing.T, config *rest.Config, o record.Options) *record.Recorder {
	t.Helper()
	r, err := record.Start(t.Context(), config, o)
	must(t, err)
	return r
}

func stop(t *testing.T, r *record.Recorder) ([]history.Event, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return r.Stop(ctx)
}

func TestEveryWriteIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	w.pod("before")
	file := filepath.Join(t.TempDir(), "history.jsonl")
	r := start(t, api, record.Options{Namespaces: []string{w.namespace}, File: file})
	for n := range 10 {
		w.round(n)
	}
	events, err := stop(t, r)
	must(t, err)
	w.whole(events)
	if first := events[0]; first.Type != history.Existing || first.Name != "before" || first.Pool != "web" {
		t.Errorf("the history begins with %+v", first)
	}

	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	read, err := history.Read(f)
	must(t, err)
	for i := range read { // JSON has no monotonic clock
		if !read[i].Received.Equal(events[i].Received) {
			t.Fatalf("event %d was received at %s, in the file %s", i, events[i].Received, read[i].Received)
		}
		read[i].Received = events[i].Received
	}
	if !reflect.DeepEqual(read, events) {
		t.Error("the file has another history")
	}
}

func TestABrokenConnectionMakesNoGap(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	b := &breaking{bytes: 6000}
	r := start(t, b.config(), record.Options{Namespaces: []string{w.namespace}})
	for n := range 10 {
		w.round(n)
	}
	events, err := stop(t, r)
	must(t, err)
	w.whole(events)
	if n := b.watches.Load(); n < 12 { // four, and four more at the end
		t.Errorf("%d watches only: none broke", n)
	}
}

func TestWhatTheAPIServerForgotIsAskedOfEtcd(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	b := &breaking{bytes: 3000}
	b.forgets.Store(true)
	r := start(t, b.config(), record.Options{Namespaces: []string{w.namespace}})
	for n := range 10 {
		b.forgets.Store(true)
		w.round(n)
	}
	events, err := stop(t, r)
	must(t, err)
	w.whole(events)
	if n := b.past.Load(); n < 14 { // four at the start
		t.Errorf("%d lists of past revisions only: nothing was forgotten", n)
	}
}

func TestAGapIsReported(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	b := &breaking{bytes: 3000}
	r := start(t, b.config(), record.Options{Namespaces: []string{w.namespace}})
	b.compacted.Store(true)
	for n := range 10 {
		b.forgets.Store(true)
		w.round(n)
	}
	if _, err := stop(t, r); err == nil || !strings.Contains(err.Error(), "gap") {
		t.Errorf("error %v, want one that tells of a gap", err)
	}
}

// TestARestartOfTheAPIServerMakesNoGap is not parallel: the API server is everybody's.
func TestARestartOfTheAPIServerMakesNoGap(t *testing.T) {
	w := newWriter(t)
	b := &breaking{}
	r := start(t, b.config(), record.Options{Namespaces: []string{w.namespace}})
	w.round(0)
	must(t, controlPlane.Restart(t.Context(), cluster.APIServer))
	w.round(1)
	events, err := stop(t, r)
	must(t, err)
	w.whole(events)
	t.Logf("%d lists of past revisions", b.past.Load())
}

func TestWritesByHandAreMarked(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	w.pod("a")
	r := start(t, api, record.Options{Namespaces: []string{w.namespace}})
	want := map[int64]bool{
		w.label("a", "one", history.InjectedAnnotation, "1"): true,
		w.label("a", "two"): false, // the mark is still there and is no news
		w.label("a", "three", history.InjectedAnnotation, "2"): true,
	}
	byReply := w.label("a", "four")
	r.Injected(byReply)
	want[byReply] = true
	events, err := stop(t, r)
	must(t, err)
	for _, e := range events {
		if e.Injected != want[e.Revision] {
			t.Errorf("revision %d (%s): injected %t", e.Revision, e.Pod.Label, e.Injected)
		}
	}
}

func TestAllNamespacesAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	r := start(t, api, record.Options{})
	w.round(0)
	events, err := stop(t, r)
	must(t, err)
	mine := events[:0]
	for _, e := range events {
		if e.Namespace == "kube-node-lease" {
			t.Errorf("recorded %+v", e)
		}
		if e.Namespace == w.namespace {
			mine = append(mine, e)
		}
	}
	w.whole(mine)
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	r := start(t, api, record.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Stop(ctx); err == nil {
		t.Error("no error although nothing could be waited for")
	}
}

func TestNoStartWithoutAStartingPoint(t *testing.T) {
	t.Parallel()
	b := &breaking{}
	b.compacted.Store(true)
	if _, err := record.Start(t.Context(), b.config(), record.Options{}); err == nil {
		t.Error("a recorder started without knowing what was there")
	}
}
