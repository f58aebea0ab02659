// Package proxy stands between a program and an API server and breaks what passes, where a test says so: it holds a request
// back, forwards one and loses the answer or lets it wait, answers in the server's place, or delays.
//
// A first use:
//
//	p, err := proxy.Start(kubeconfigOfTheAccount)
//	...
//	defer p.Close()
//	held := p.Hold(proxy.Match{Method: http.MethodPut, Resource: "leases", Name: "web"})
//	... start the program with p.Kubeconfig ...
//	err = held.Await(ctx, 1) // a request has come and is not forwarded
//	held.Release()
//
// It has a certificate of its own; who asks is passed through (bearer tokens only), so the API server sees the program's
// account. Watches stream.
//
// Guarantees: each rule counts what it did, so that a test can prove that its fault happened. A write is forwarded whole
// or not at all, also when the program has given up or is dead: that is how a late write arrives.
package proxy
