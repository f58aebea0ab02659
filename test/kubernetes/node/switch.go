package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// bridgeName is the bridge inside the switch's network namespace.
const bridgeName = "machines"

// uplinkName is the switch's end of the cable to the caller's network.
const uplinkName = "uplink"

// switchConfig is the file that "node switch" reads.
type switchConfig struct {
	// Uplink is the name of the interface that the switch makes in the caller's network namespace.
	Uplink string `json:"uplink"`
	// Address is the uplink's, with the length of the network's prefix: 198.18.7.1/24.
	Address string `json:"address"`
}

// beSwitch makes a bridge and a cable from it to the caller's network, and holds both until it is killed.
func beSwitch(file string) error {
	var config switchConfig
	if err := readConfig(file, &config); err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("make a bridge: %w", err)
	}
	if err := netlink.LinkSetUp(bridge); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	// The caller's namespace is found through the parent: the caller waits until the uplink is there.
	outside, err := netns.GetFromPid(os.Getppid())
	if err != nil {
		return fmt.Errorf("the caller's network: %w", err)
	}
	if err := plug(cable{near: uplinkName, far: config.Uplink, master: bridge.Index, farAddress: config.Address, to: outside}); err != nil {
		return fmt.Errorf("uplink: %w", err)
	}
	return unix.Pause()
}

// cable is a pair of virtual Ethernet interfaces, one here and one in another network namespace.
type cable struct {
	near, far string
	// master is the index of the bridge here that the near end belongs to, or 0.
	master int
	// farMaster is the name of the bridge there that the far end belongs to, or empty.
	farMaster string
	// nearAddress and farAddress are the addresses of the ends with prefix length, or empty.
	nearAddress, farAddress string
	to                      netns.NsHandle
}

// plug makes the cable and switches both ends on, the far one last: once its address is seen, the cable works.
func plug(c cable) error {
	there, err := netlink.NewHandleAt(c.to)
	if err != nil {
		return err
	}
	defer there.Close()
	// The kernel takes the namespace of a machine that was killed apart some time after its end; its cable may be there still.
	if old, err := there.LinkByName(c.far); err == nil {
		_ = there.LinkDel(old)
	}
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: c.near, MasterIndex: c.master}, PeerName: c.far, PeerNamespace: netlink.NsFd(int(c.to))}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("%s to %s: %w", c.near, c.far, err)
	}
	here, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer here.Close()
	if err := switchOn(here, c.near, "", c.nearAddress); err != nil {
		return err
	}
	return switchOn(there, c.far, c.farMaster, c.farAddress)
}

// switchOn gives one end of a cable its bridge and address.
func switchOn(where *netlink.Handle, name, master, address string) error {
	link, err := where.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if master != "" {
		bridge, err := where.LinkByName(master)
		if err != nil {
			return fmt.Errorf("%s: %w", master, err)
		}
		if err := where.LinkSetMaster(link, bridge); err != nil {
			return fmt.Errorf("%s into %s: %w", name, master, err)
		}
	}
	if err := where.LinkSetUp(link); err != nil {
		return fmt.Errorf("switch %s on: %w", name, err)
	}
	if address == "" {
		return nil
	}
	parsed, err := netlink.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("address of %s: %w", name, err)
	}
	return where.AddrAdd(link, parsed)
}

// setCable switches the switch's end of a machine's cable: down looks to both sides like a pulled cable.
func setCable(switchPID, machine, state string) error {
	pid, err := strconv.Atoi(switchPID)
	if err != nil {
		return fmt.Errorf("PID of the switch: %w", err)
	}
	inside, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("network of the switch: %w", err)
	}
	handle, err := netlink.NewHandleAt(inside)
	if err != nil {
		return err
	}
	defer handle.Close()
	link, err := handle.LinkByName(machine)
	if err != nil {
		return fmt.Errorf("cable of %s: %w", machine, err)
	}
	switch state {
	case "up":
		return handle.LinkSetUp(link)
	case "down":
		return handle.LinkSetDown(link)
	}
	return fmt.Errorf("%q is neither up nor down", state)
}
