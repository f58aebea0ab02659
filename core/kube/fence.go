package kube

import (
	"context"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"github.com/kube-zen/zen-lead/core/term"
)

// Tenure is a term of this process, by which its writes are fenced: lead.Term is one. It is safe for concurrent use.
type Tenure interface {
	// Err is nil only if the term is certainly valid at this moment, else it is one of the four outcomes.
	Err() error
	// Left is what is left of the term at this moment. Work is not positive where Err is not nil; Hard is not once the next term
	// may begin.
	Left() term.Times
	// Changed is closed when Left becomes another by anything but time.
	Changed() <-chan struct{}
	// Token is the number of the term.
	Token() int64
}

// Fence returns a copy of a configuration. Any client that is made of the copy (typed, dynamic, of metadata, of controller-runtime)
// sends what is no read only while the term is valid:
//
//   - It is judged when it is sent: after the client's own throttling, and anew for each retry. Nothing is sent once
//     Left().Work is not positive, though no context has ended yet.
//   - What remains of the term from then to its hard stop is the margin for what is under way: at least term.StopBudget, 4.25 s at
//     the default durations. A request that has not ended by the hard stop is cut off, or at once when the term is released.
//   - What was refused fails with [ErrNotSent] and with what Err says, and names method and path. client-go does not try it again.
//   - What was cut off may or may not have happened: it fails with term.ErrUnknown and with what Err says, and not with ErrNotSent.
//
// A read is GET, HEAD and OPTIONS, except for exec, attach and portforward of a pod, and a POST to the groups authentication.k8s.io and
// authorization.k8s.io, which have reviews and store nothing. A dry run is no read.
//
// Caveats:
//   - A process that is paused between the judgement and the write sends late, and a request may be late on its way. Only the API
//     server can refuse it: see [StampTerm].
//   - An election must not be given the copy: its first write comes before the term, and is refused. Likewise whatever else writes
//     outside of terms, as a recorder of events.
//   - A connection for exec, attach or portforward is not cut off once it is established.
//   - A wrapper in the configuration that does not call the transport which it is given goes around the fence, and so does a client
//     that is given an HTTP client beside the copy. The fence is below all wrappers, so that it judges also what they try again.
func Fence(config *rest.Config, t Tenure, opts ...FenceOption) *rest.Config {
	return FenceFunc(config, func(context.Context) Tenure { return t }, opts...)
}

// FenceFunc is Fence for a client that outlives terms: termOf is asked for the term of each request, by the request's context. It
// returns nil where there is none: then the request is refused with term.ErrLost. It may be called concurrently.
func FenceFunc(config *rest.Config, termOf func(context.Context) Tenure, opts ...FenceOption) *rest.Config {
	c := rest.CopyConfig(config)
	f := fence{termOf: termOf}
	for _, set := range opts {
		set(&f)
	}
	if f.stamps {
		c.ContentType = runtime.ContentTypeJSON
	}
	if server, _, err := rest.DefaultServerUrlFor(c); err == nil { // else no client can be made of it
		f.root = server.Path
	}
	c.WrapTransport = transport.Wrappers(func(next http.RoundTripper) http.RoundTripper {
		below := f
		below.next = next
		return &below
	}, c.WrapTransport)
	return c
}

// FenceOption changes what [Fence] does.
type FenceOption func(*fence)

// StampTerm has annotation zen-lead/fence, the number of the term, written on each object that is created, updated, patched or
// applied. An admission policy can then refuse a smaller one than the object has, as examples/fencing/kubernetes/policy.yaml does: so
// also a write that is late is refused. Without such a policy it only tells in which term an object was written.
//
// Bodies are JSON: the copy's ContentType is, and reads come as JSON too unless AcceptContentTypes says otherwise. What cannot
// be stamped fails with [ErrNotSent]: a JSON patch, which would have to know whether the object has annotations; a patch that takes all
// annotations off; and a body in protobuf or CBOR.
//
// Caveats:
//   - Not stamped, only judged: a deletion, and what is written to subresources other than status, as an eviction, a binding, a
//     scale or a token. These write no annotations of the object.
//   - The API of a custom resource ignores annotations in a write of its status.
//   - Objects of one name that are created in two terms, one after the deletion of the other, are strangers to the policy.
//   - Where several field managers apply to an object, all of them apply the annotation: force the ownership, else the next term's
//     first apply is a conflict.
func StampTerm() FenceOption { return func(f *fence) { f.stamps = true } }
