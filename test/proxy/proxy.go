package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Proxy is a running proxy. Its methods are safe for concurrent use.
type Proxy struct {
	// Kubeconfig is the path of a kubeconfig that leads to the proxy, as the same account; Close removes it.
	Kubeconfig string

	server  *httptest.Server
	forward *httputil.ReverseProxy

	mu    sync.Mutex
	rules []*Rule
	log   []Exchange
}

// Exchange is one write that passed or was answered here.
type Exchange struct {
	Request
	// Status of the answer, whether or not it reached the program; 0 where there is none.
	Status int
}

// Start starts a proxy to the API server of a kubeconfig, whose user must have a token.
func Start(kubeconfig string) (*Proxy, error) {
	upstream, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	target, err := url.Parse(upstream.Host)
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{}
	if p.forward, err = forwarder(upstream, target); err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p.server = httptest.NewUnstartedServer(p)
	p.server.EnableHTTP2 = true
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are what it is for
	p.server.StartTLS()
	if p.Kubeconfig, err = p.writeKubeconfig(kubeconfig); err != nil {
		p.Close()
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	return p, nil
}

func forwarder(upstream *rest.Config, target *url.URL) (*httputil.ReverseProxy, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(upstream.CAData) {
		return nil, errors.New("the kubeconfig has no certificate-authority-data")
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		},
		FlushInterval: -1, // watches
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			abort() // as the API server did
		},
	}, nil
}

func (p *Proxy) writeKubeconfig(of string) (string, error) {
	config, err := clientcmd.LoadFromFile(of)
	if err != nil {
		return "", err
	}
	for _, c := range config.Clusters {
		c.Server = p.server.URL
		c.CertificateAuthority = ""
		c.CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
	}
	f, err := os.CreateTemp("", "proxy-*.kubeconfig") // readable by its owner alone
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(f.Close(), clientcmd.WriteToFile(*config, f.Name()))
}

// Close ends the proxy. Requests that are held are dropped.
func (p *Proxy) Close() {
	p.mu.Lock()
	rules := slices.Clone(p.rules)
	p.mu.Unlock()
	for _, r := range rules {
		r.Drop()
	}
	closed := make(chan struct{})
	go func() {
		p.server.Close() // waits for what is under way
		close(closed)
	}()
	for open := true; open; {
		p.server.CloseClientConnections() // again: a program that lives connects anew, and its watch would last for minutes
		select {
		case <-closed:
			open = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if p.Kubeconfig != "" {
		_ = os.Remove(p.Kubeconfig) // in the temporary folder
	}
}

// Writes returns the writes that match, in the order in which they were answered.
func (p *Proxy) Writes(m Match) []Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []Exchange
	for _, e := range p.log {
		if m.matches(e.Request) {
			found = append(found, e)
		}
	}
	return found
}

// ServeHTTP carries out the first rule that wants the request, else forwards it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		request := parse(r, nil)
		if rule := p.ruleFor(request); rule != nil && !rule.before(w, r) {
			return
		}
		p.forward.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the program is gone before it had said what it wants
	}
	// From here on the write is on its way, whatever becomes of the program.
	out := r.WithContext(context.WithoutCancel(r.Context()))
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	request := parse(r, body)
	answer := &recorder{ResponseWriter: w}
	rule := p.ruleFor(request)
	if rule != nil && (rule.lose || rule.keep || rule.late > 0) {
		unsaid := httptest.NewRecorder()
		p.forward.ServeHTTP(unsaid, out)
		p.note(request, unsaid.Code)
		rule.after(w, unsaid, r)
		return
	}
	if rule != nil && !rule.before(answer, out) {
		p.note(request, answer.status)
		return
	}
	defer func() { p.note(request, answer.status) }()
	p.forward.ServeHTTP(answer, out)
}

// abort breaks the program's connection.
func abort() {
	panic(http.ErrAbortHandler) //nolint:forbidigo // that is how package http wants it
}

func (p *Proxy) ruleFor(r Request) *Rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, rule := range p.rules {
		if rule.takes(r) {
			return rule
		}
	}
	return nil
}

func (p *Proxy) note(r Request, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, Exchange{Request: r, Status: status})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
