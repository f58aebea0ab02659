package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range (32768 and up) from which Linux gives ports to outgoing connections and to listeners that do not care:
// a port that is free now is not given away before its component, or its restarted component, listens.
const (
	firstPort = 20000
	lastPort  = 30000
)

// port is reserved among all callers of this package until release.
type port struct {
	// host is the address that the component listens on.
	host   string
	number int
	// The reservation is an abstract Unix socket of the same number: it needs no file, ends with its owner however that ends,
	// and lives in the same network namespace as the port.
	reservation net.Listener
}

// reservePort finds a port of the host's, an address of this machine that may not be there yet: that of a network for real nodes comes later and
// is ours alone, so it is enough to look at the loopback address, which also shows those who listen on all addresses.
//
// It is a port that nobody listens on and nobody has reserved. A stranger may still take it before it is used: then the component
// says so, and Start tries again with other ports.
func reservePort(host string) (port, error) {
	offset := rand.IntN(lastPort - firstPort)
	for i := range lastPort - firstPort {
		number := firstPort + (offset+i)%(lastPort-firstPort)
		reservation, err := net.Listen("unix", fmt.Sprintf("@zen-lead-port-%d", number))
		if err != nil {
			continue
		}
		if isFree(number) {
			return port{host, number, reservation}, nil
		}
		reservation.Close()
	}
	return port{}, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}

// FreeAddress is an address of this machine, as host:port, for a program that listens at once: nobody does there, nor will a cluster's component or an
// outgoing connection.
func FreeAddress() (string, error) {
	p, err := reservePort(loopback)
	if err != nil {
		return "", err
	}
	p.release()
	return net.JoinHostPort(p.host, p.String()), nil
}

func isFree(number int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(number)))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

func (p port) release() {
	if p.reservation != nil {
		p.reservation.Close()
	}
}

func (p port) String() string { return strconv.Itoa(p.number) }

// url is where a component that listens on the port is reached.
func (p port) url() string { return "https://" + net.JoinHostPort(p.host, p.String()) }

// loopback is the only address that anything here listens on, but for the API server of a cluster with real nodes.
const loopback = "127.0.0.1"
