package history_test

import (
	"fmt"
	"time"

	"github.com/kube-zen/zen-lead/test/history"
)

// Terms of the stories: the record gets base 1010, so the first holder has 1011.
const (
	base  = 1010
	first = base + 1
	next  = base + 2
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// story numbers events one revision and one second apart, unless they say theirs.
func story(events ...history.Event) []history.Event {
	out := make([]history.Event, 0, len(events))
	for i, e := range events {
		if e.Revision == 0 {
			e.Revision = int64(1000 + i)
		}
		e.Received = epoch.Add(time.Duration(i) * time.Second)
		if e.UID == "" {
			e.UID = fmt.Sprintf("%s-%s-1", e.Kind, e.Name)
		}
		e.Namespace = "ns"
		out = append(out, e)
	}
	return out
}

// begun is a pool web in which a leads with term first and b follows; then comes what the test adds.
func begun(more ...history.Event) []history.Event {
	return story(append([]history.Event{
		policy(history.Added),
		pod(history.Added, "a", "", 0),
		pod(history.Added, "b", "", 0),
		lease(history.Added, "", 0),
		lease(history.Modified, "a", first),
		slice(history.Added, first, "a"),
		pod(history.Modified, "a", "leader", first),
		pod(history.Modified, "b", "follower", first),
	}, more...)...)
}

func policy(t history.Type) history.Event {
	return history.Event{Type: t, Kind: history.KindPolicy, Name: "web", Pool: "web"}
}

// pod is a ready member of pool web.
func pod(t history.Type, name, role string, term int64) history.Event {
	return history.Event{Type: t, Kind: history.KindPod, Name: name, Pool: "web", Pod: history.Pod{
		Role: history.Role{Label: role, Annotation: role, Term: term}, Ready: true,
	}}
}

// lease is the record of pool web; its holder is the first pod of that name. Term 0: without base.
func lease(t history.Type, holder string, term int64) history.Event {
	e := history.Event{Type: t, Kind: history.KindLease, Name: "web", Pool: "web", Lease: history.Lease{Holder: holder}}
	if holder != "" {
		e.Lease.HolderUID = "pod-" + holder + "-1"
	}
	if term != 0 {
		e.Lease.Base, e.Lease.Transitions = base, int32(term-base)
	}
	return e
}

// observes is a policy of mode observe.
func observes(lease string) history.Event {
	return with(policy(history.Added), func(e *history.Event) { e.Policy.Observes = lease })
}

// programs is Lease "op" of a program that elects itself.
func programs(t history.Type, holder string) history.Event {
	return history.Event{Type: t, Kind: history.KindLease, Name: "op", Pool: "op", Lease: history.Lease{Holder: holder}}
}

// slice is the leader Service's slice, with the first pods of those names.
func slice(t history.Type, term int64, pods ...string) history.Event {
	e := history.Event{Type: t, Kind: history.KindSlice, Name: "web-leader-ipv4", Pool: "web", Slice: history.Slice{
		Service: "web-leader", Family: "IPv4", Term: term,
	}}
	for _, p := range pods {
		e.Slice.Endpoints = append(e.Slice.Endpoints, history.Target{Name: p, UID: "pod-" + p + "-1"})
	}
	return e
}

// with changes an event.
func with(e history.Event, change func(*history.Event)) history.Event {
	change(&e)
	return e
}

// byHand marks a write as a test's own.
func byHand(e history.Event) history.Event {
	e.Injected = true
	return e
}

// again is the object of that name, created a second time.
func again(e history.Event) history.Event {
	e.UID = fmt.Sprintf("%s-%s-2", e.Kind, e.Name)
	return e
}

// in puts a pod into another pool.
func in(pool string, e history.Event) history.Event {
	e.Pool = pool
	return e
}
