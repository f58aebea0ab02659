package locks_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// wire is the connection of one locker to one replica, whose two ways can be cut, each for itself.
type wire struct {
	address string
	// up is the way to the replica, down the way back.
	up, down way
	to       atomic.Value

	listener net.Listener
	mu       sync.Mutex
	open     map[net.Conn]bool
}

// way is one direction.
type way struct {
	mu   sync.Mutex
	held chan struct{} // not nil while it is cut; closed when it is healed
	late time.Duration
	// kept counts the bytes that did not pass at once.
	kept atomic.Int64
}

// newWire leads to an address until the spec ends.
func newWire(to string) *wire {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	w := &wire{address: l.Addr().String(), listener: l, open: map[net.Conn]bool{}}
	w.leadTo(to)
	DeferCleanup(func() {
		_ = l.Close()
		w.up.heal()
		w.down.heal()
		w.hangUp()
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(in)
		}
	}()
	return w
}

// leadTo has new connections go elsewhere.
func (w *wire) leadTo(address string) { w.to.Store(address) }

// hangUp ends the connections that are open.
func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close() // it may be closed already
	}
}

// unused says whether no connection is open: both ends have noticed that each has ended.
func (w *wire) unused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open) == 0
}

func (w *wire) carry(in net.Conn) {
	to, _ := w.to.Load().(string)
	out, err := net.Dial("tcp", to)
	if err != nil {
		_ = in.Close()
		return
	}
	w.mu.Lock()
	w.open[in], w.open[out] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.up.pass(out, in) })
	both.Go(func() { w.down.pass(in, out) })
	both.Wait()
	w.mu.Lock()
	delete(w.open, in)
	delete(w.open, out)
	w.mu.Unlock()
}

// parcel is what was read at once, and when it is due on the other side.
type parcel struct {
	bytes []byte
	due   time.Time
}

// pass copies, and closes the other side once this one is.
func (y *way) pass(to io.WriteCloser, from io.ReadCloser) {
	parcels := make(chan parcel, 1000)
	go func() {
		defer close(parcels)
		for {
			b := make([]byte, 32*1024)
			n, err := from.Read(b)
			if n > 0 {
				y.mu.Lock()
				late := y.late
				y.mu.Unlock()
				if late > 0 {
					y.kept.Add(int64(n))
				}
				parcels <- parcel{b[:n], time.Now().Add(late)}
			}
			if err != nil {
				return
			}
		}
	}()
	failed := false
	for p := range parcels {
		if failed {
			continue
		}
		y.wait(p)
		_, err := to.Write(p.bytes)
		if failed = err != nil; failed {
			_ = from.Close() // so that reading ends, too
		}
	}
	_ = to.Close()
}

func (y *way) wait(p parcel) {
	if d := time.Until(p.due); d > 0 {
		<-time.After(d)
	}
	y.mu.Lock()
	held := y.held
	y.mu.Unlock()
	if held != nil {
		y.kept.Add(int64(len(p.bytes)))
		<-held
	}
}

// cut lets nothing pass any more; nobody is told.
func (y *way) cut() {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.held == nil {
		y.held = make(chan struct{})
	}
}

// heal lets pass what was held, and everything after it.
func (y *way) heal() {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.held != nil {
		close(y.held)
	}
	y.held, y.late = nil, 0
}

// slow has everything come later.
func (y *way) slow(by time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.late = by
}
