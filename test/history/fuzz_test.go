package history_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/kube-zen/zen-lead/test/history"
)

// FuzzCheck feeds histories that no cluster could have: whatever a file holds, the model must answer, always the same,
// and blame nobody for what tests wrote.
func FuzzCheck(f *testing.F) {
	f.Add([]byte("a pool, its Lease and two pods"))
	f.Add([]byte{0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99, 108, 117, 126, 135, 144, 153})
	f.Fuzz(func(t *testing.T, data []byte) {
		events := invented(data)
		var file bytes.Buffer
		if err := history.Write(&file, events); err != nil {
			t.Fatal(err)
		}
		history.Sort(events)
		read, err := history.Read(&file)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) > 0 && !reflect.DeepEqual(read, events) {
			t.Fatalf("read   %+v\nwrote  %+v", read, events)
		}
		once, twice := history.Check(events), history.Check(read)
		if !reflect.DeepEqual(once, twice) {
			t.Fatalf("the same history gave two reports:\n%s\n%s", once, twice)
		}
		for i := range events {
			events[i].Injected = true
		}
		for _, v := range history.Check(events).Violations {
			if v.Invariant != history.WholeHistory {
				t.Fatalf("all was written by hand, yet: %s", v)
			}
		}
	})
}

// invented reads four bytes as one event.
func invented(data []byte) []history.Event {
	var events []history.Event
	names := []string{"", "a", "b", "leader"}
	for i := 0; i+3 < len(data); i += 4 {
		a, b, c, d := data[i], data[i+1], data[i+2], data[i+3]
		e := history.Event{
			Revision:  int64(a%2) + int64(len(events)),
			Type:      []history.Type{history.Existing, history.Added, history.Modified, history.Deleted}[a/2%4],
			Kind:      []history.Kind{history.KindPod, history.KindLease, history.KindSlice, history.KindPolicy}[a/8%4],
			Namespace: "ns", Name: names[1+a/32%2], UID: fmt.Sprint(a / 64 % 2), Pool: names[b%3], Injected: b&64 != 0,
		}
		switch e.Kind {
		case history.KindPod:
			e.Pod = history.Pod{Role: history.Role{Label: names[b/4%4], Annotation: names[b/16%4], Term: int64(c % 4)}, Ready: d&1 != 0, Ended: d&2 != 0}
		case history.KindLease:
			e.Lease = history.Lease{Holder: names[b/4%3], HolderUID: fmt.Sprint(d % 2), Base: int64(c % 3), Transitions: int32(d / 2 % 3)}
		case history.KindSlice:
			e.Slice = history.Slice{Family: names[d%2], Term: int64(c % 4)}
			for n := range d / 4 % 3 {
				e.Slice.Endpoints = append(e.Slice.Endpoints, history.Target{Name: names[1+n], UID: fmt.Sprint(n)})
			}
		case history.KindPolicy:
			e.Policy = history.Policy{Term: int64(c % 4)}
		}
		events = append(events, e)
	}
	return events
}
