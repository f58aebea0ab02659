package cluster

import (
	"errors"
	"fmt"
	"net"
	"slices"
)

// The machines of a cluster with real nodes share the network 198.18.N.0/24. The range 198.18.0.0/15 is kept for tests of network devices
// (RFC 2544) and routed nowhere, so it is neither an office's nor a VPN's.
const (
	firstNetwork = 1
	lastNetwork  = 250
	// firstMachine is the last part of the first node's address; 1 is the caller's end.
	firstMachine = 11
)

// network is reserved among all callers of this package until release, and by its addresses for as long as the cluster lives.
type network struct {
	number      int
	reservation net.Listener
}

func reserveNetwork() (network, error) {
	taken, err := net.InterfaceAddrs()
	if err != nil {
		return network{}, fmt.Errorf("addresses of this machine: %w", err)
	}
	for number := firstNetwork; number <= lastNetwork; number++ {
		n := network{number: number}
		if slices.ContainsFunc(taken, n.contains) {
			continue
		}
		reservation, err := net.Listen("unix", fmt.Sprintf("@zen-lead-network-%d", number))
		if err != nil {
			continue
		}
		n.reservation = reservation
		return n, nil
	}
	return network{}, errors.New("all networks for real nodes are in use")
}

func (n network) release() {
	if n.reservation != nil {
		n.reservation.Close()
	}
}

func (n network) contains(address net.Addr) bool {
	has, ok := address.(*net.IPNet)
	return ok && has.Contains(net.ParseIP(n.gateway()))
}

// gateway is the address of the caller's machine, on which the API server listens for the nodes.
func (n network) gateway() string { return fmt.Sprintf("198.18.%d.1", n.number) }

// uplink is the name of the interface with the gateway's address.
func (n network) uplink() string { return fmt.Sprintf("zen-lead-%d", n.number) }

// machine is the address of a node, counted from one.
func (n network) machine(node int) string {
	return fmt.Sprintf("198.18.%d.%d", n.number, firstMachine+node-1)
}

func withPrefix(address string) string { return address + "/24" }

// podsOf is the network of the pods of one node.
func podsOf(node int) string { return fmt.Sprintf("10.244.%d.0/24", node) }

// checkUplink returns nil when the gateway's address is there.
func (n network) checkUplink() error {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(addresses, n.contains) {
		return fmt.Errorf("no interface has %s yet", n.gateway())
	}
	return nil
}
