package api

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
)

// What one caller may use, so that it leaves something for others.
const (
	requestsPerSecond = 1000
	requestsAtOnce    = 2000
	streamsAtOnce     = 1000
)

// callers limits what each caller uses.
type callers struct {
	mu    sync.Mutex
	known *utilcache.LRUExpireCache
}

// rememberedCallers is how many callers are known; of more, those that asked least lately begin anew.
const rememberedCallers = 16384

// caller is one of them, and what it uses.
type caller struct {
	name     string
	requests *rate.Limiter
	streams  atomic.Int64
}

func newCallers() *callers { return &callers{known: utilcache.NewLRUExpireCache(rememberedCallers)} }

func (c *callers) of(name string) *caller {
	if v, ok := c.known.Get(name); ok {
		if k, ok := v.(*caller); ok {
			return k
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.known.Get(name); ok {
		if k, ok := v.(*caller); ok {
			return k
		}
	}
	k := &caller{name: name, requests: rate.NewLimiter(requestsPerSecond, requestsAtOnce)}
	c.known.Add(name, k, 24*time.Hour)
	return k
}

// request counts a request, or refuses it.
func (c *caller) request() error {
	if !c.requests.Allow() {
		return fail(codes.ResourceExhausted, reasonTooMany, "more than %d requests a second of %s; to hear of changes, watch", requestsPerSecond, c.name)
	}
	return nil
}

// stream counts a stream until it is called off, or refuses it.
func (c *caller) stream() (end func(), err error) {
	if c.streams.Add(1) > streamsAtOnce {
		c.streams.Add(-1)
		return nil, fail(codes.ResourceExhausted, reasonTooMany, "more than %d streams of %s at once", streamsAtOnce, c.name)
	}
	return func() { c.streams.Add(-1) }, nil
}
