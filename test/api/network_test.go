package api_test

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"k8s.io/client-go/rest"
)

// network is a way to the API server on which what was sent may be late: it arrives, whatever becomes of its sender.
type network struct {
	config  *rest.Config
	next    http.RoundTripper
	late    bool
	held    chan struct{}
	arrives chan struct{}
}

func newNetwork(config *rest.Config) *network {
	GinkgoHelper()
	next, err := rest.TransportFor(config)
	Expect(err).NotTo(HaveOccurred())
	n := &network{next: next, held: make(chan struct{}, 10), arrives: make(chan struct{})}
	n.config = &rest.Config{Host: config.Host, Transport: n}
	return n
}

// holdBack has every write from now on arrive when arrives is closed.
func (n *network) holdBack() { n.late = true }

func (n *network) RoundTrip(request *http.Request) (*http.Response, error) {
	if n.late && request.Method != http.MethodGet {
		request = request.WithContext(context.WithoutCancel(request.Context()))
		n.held <- struct{}{}
		<-n.arrives
	}
	return n.next.RoundTrip(request)
}
