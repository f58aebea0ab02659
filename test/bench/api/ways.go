package api

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"

	"github.com/kube-zen/zen-lead/test/bench/api/load"
)

// way is one way in which all callers ask who leads.
type way struct {
	// key begins the keys of its figures, name is for people.
	key, name string
	asks      []load.Ask
	// ofZenLead: it is zen-lead that answers, else the API server.
	ofZenLead bool
}

// ways are the connections of all callers.
type ways struct {
	all    []*way
	closes []func() error
}

// inFlight is how many requests a caller has on its connection at once in one more way.
const inFlight = 8

// connect makes each account's connections. Nothing is sent yet.
func (r *rig) connect(ctx context.Context, accounts []account, p *pool) (*ways, error) {
	kubernetes, err := authority(r.cluster.RESTConfig().CAData)
	if err != nil {
		return nil, err
	}
	served := r.controllers[0].API
	zenLead, err := authorityOf(r.controllers[0])
	if err != nil {
		return nil, err
	}
	w := &ways{}
	lease := r.cluster.RESTConfig().Host + "/apis/coordination.k8s.io/v1/namespaces/" + ours + "/leases/" + p.name
	const protobuf = "application/vnd.kubernetes.protobuf"
	byGRPC := &way{key: "grpc", name: "zen-lead, gRPC", ofZenLead: true}
	more := &way{key: "grpc_more", name: fmt.Sprintf("zen-lead, gRPC, %d in flight on each connection", inFlight), ofZenLead: true}
	rest := &way{key: "rest", name: "zen-lead, HTTP", ofZenLead: true}
	raw := &way{key: "raw_get", name: "API server, GET of the Lease"}
	cached := &way{key: "raw_cached_get", name: "API server, GET from its cache"}
	for _, a := range accounts {
		c, err := load.NewGRPC(served.GRPC, zenLead, a.forZenLead, ours, p.name)
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		w.closes = append(w.closes, c.Close)
		byGRPC.asks = append(byGRPC.asks, c.Naming(p.leader))
		for range inFlight {
			more.asks = append(more.asks, c.Naming(p.leader))
		}
		for _, h := range []struct {
			way                *way
			url, token, accept string
			ca                 *x509.CertPool
		}{
			{rest, "https://" + served.HTTPS + "/v1/leader/pool/" + p.name + "?namespace=" + url.QueryEscape(ours), a.forZenLead, "application/json", zenLead},
			{raw, lease, a.forKubernetes, protobuf, kubernetes},
			{cached, lease + "?resourceVersion=0", a.forKubernetes, protobuf, kubernetes},
		} {
			c, err := load.NewHTTP(ctx, h.url, h.ca, h.token, h.accept, p.leader)
			if err != nil {
				return nil, errors.Join(err, w.close())
			}
			w.closes = append(w.closes, c.Close)
			h.way.asks = append(h.way.asks, c.Ask)
		}
	}
	w.all = []*way{raw, rest, byGRPC, cached, more}
	return w, nil
}

func (w *ways) close() (err error) {
	for _, end := range w.closes {
		err = errors.Join(err, end())
	}
	return err
}
