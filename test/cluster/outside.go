package cluster

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// outside is what real nodes have outside of their namespaces.
type outside struct {
	Cgroup string `json:"cgroup"`
	Uplink string `json:"uplink"`
}

// apartWithin bounds the wait for the kernel, which takes a network namespace apart some milliseconds after its last process has ended.
const apartWithin = 10 * time.Second

// clear returns when nothing is left of nodes whose processes have ended. Without real nodes it does nothing.
func (o outside) clear() error {
	if o == (outside{}) {
		return nil
	}
	return errors.Join(removeCgroup(o.Cgroup), awaitNoLink(o.Uplink))
}

// awaitNoLink polls: the kernel's word for it would come over a netlink socket, which is not worth another library here.
func awaitNoLink(name string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(apartWithin); time.Now().Before(deadline); <-tick.C {
		if _, err := net.InterfaceByName(name); err != nil {
			return nil // what cannot be found is gone
		}
	}
	return fmt.Errorf("interface %s is still there %s after the last process of its network", name, apartWithin)
}
