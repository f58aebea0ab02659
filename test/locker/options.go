package locker

import (
	"encoding/json"
	"io"
	"time"
)

// Options of a locker. The zero value of each behaviour is: one worker that waits as long as it takes, keeps the lock until it is told to
// yield, and asks again then.
type Options struct {
	// Name begins the ids of its requests, and is their owner.
	Name string
	// Replicas are addresses of the API by gRPC, as host:port: it asks the first, and another one after each failure.
	Replicas []string
	// Authority signed their certificates, as PEM.
	Authority []byte
	// Token is what it presents.
	Token     string
	Namespace string
	// Locks are those that it takes, each time another one.
	Locks []string
	// Workers take locks side by side.
	Workers int
	// Cycles is how often each worker takes a lock; 0: until it is told to stop.
	Cycles int
	// TTLSeconds is what it asks for.
	TTLSeconds int32
	// Wait is how long it asks the server to wait. Nil: as long as it takes.
	Wait *time.Duration
	// Leaves is the part of acquisitions that it gives up after at most a second.
	Leaves float64
	// Patience is how long it hears nothing of a request that waits before it asks again. 0: 5 s.
	Patience time.Duration
	// Register is the URL of a register that it increments. Increments is how often while it holds a lock; 0: until it is told to yield.
	Register   string
	Increments int
	// Long is the part of the holdings that last for up to twice the ttl.
	Long float64
	// Pause is the time between two increments.
	Pause time.Duration
	// Rest is how long a worker stays away at most before it asks again.
	Rest time.Duration
	// Seed of its chances.
	Seed uint64
	// Stderr gets what else it says. Nil: nobody.
	Stderr io.Writer `json:"-"`
}

// environment is the variable that has the options.
const environment = "ZEN_LEAD_LOCKER"

func (o Options) encode() (string, error) {
	b, err := json.Marshal(o)
	return environment + "=" + string(b), err
}
