package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A stranger that looks like a healthy etcd holds etcd's port. This must end as "port lost", which Start answers with other ports.
func TestAStrangerOnAPortIsNeverTakenForOurs(t *testing.T) {
	options := Options{Layout: Separate, APIOnly: true}
	report := newReporter(nil)
	found, layout, err := resolve(t.Context(), options, report)
	if err != nil {
		t.Fatal(err)
	}
	at, err := claimHome(t.Context(), options, report)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = at.clear() })
	s, err := prepare(options, at, found, report)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.release)
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, s.ports[Etcd].String()))
	if err != nil {
		t.Fatal(err)
	}
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"health":"true"}`)
	}))
	stranger.Listener.Close()
	stranger.Listener = listener
	stranger.StartTLS()
	t.Cleanup(stranger.Close)

	c, err := newCluster(s, layout, report)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.endAll() })
	if err := c.prober.check(t.Context(), Etcd); err == nil {
		t.Error("the stranger's health is taken for etcd's")
	}
	if err := c.bringUp(t.Context()); !errors.Is(err, errPortLost) {
		t.Errorf("a start whose port a stranger holds: %v", err)
	}
}

func TestReservedPortsAreNotGivenTwice(t *testing.T) {
	given := map[int]bool{}
	for range 200 {
		p, err := reservePort(loopback)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.release)
		if given[p.number] {
			t.Fatalf("port %d was given twice", p.number)
		}
		given[p.number] = true
	}
}
