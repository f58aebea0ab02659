package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// prober asks components for their health. It presents the administrator's certificate and trusts our authority only, so
// a stranger that listens on the same port is never taken for a component of ours.
type prober struct {
	client *http.Client
	ports  map[Component]port
}

func (s setup) prober() (prober, error) {
	own, err := s.admin.pair()
	if err != nil {
		return prober{}, fmt.Errorf("administrator's certificate: %w", err)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.ca.pool(), Certificates: []tls.Certificate{own}},
		// A connection would outlive the process that it was made to.
		DisableKeepAlives: true,
	}
	return prober{client: &http.Client{Transport: transport, Timeout: time.Second}, ports: s.ports}, nil
}

// The paths are those that say "can work", not only "is alive".
var healthPaths = map[Component]string{
	Etcd:              "/health",
	APIServer:         "/readyz",
	ControllerManager: "/healthz",
	Scheduler:         "/readyz",
	Kwok:              "/healthz",
}

func (p prober) check(ctx context.Context, component Component) error {
	url := p.ports[component].url() + healthPaths[component]
	if component == Kwok {
		// It serves nothing that needs protection, and is the only one without TLS.
		url = strings.Replace(url, "https:", "http:", 1)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return nil
}
