package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// machineConfig is the file that "node machine" reads.
type machineConfig struct {
	// Name is the machine's host name and the name of its cable at the switch.
	Name string `json:"name"`
	// Switch is the PID of the switch, in the caller's PID namespace.
	Switch int `json:"switch"`
	// Address has the length of the network's prefix: 198.18.7.11/24.
	Address string  `json:"address"`
	Gateway string  `json:"gateway"`
	Routes  []route `json:"routes"`
	// Setup are commands that run once, after the network is there.
	Setup [][]string `json:"setup"`
	// Keep are directories and files of the caller that the machine needs where they are, wherever that is.
	Keep []string `json:"keep"`
	// Runtime serves containers; Images are loaded into it before the other programs start.
	Runtime runtimeConfig `json:"runtime"`
	// Programs start once the images are there.
	Programs []program `json:"programs"`
}

type route struct {
	To  string `json:"to"`
	Via string `json:"via"`
}

type runtimeConfig struct {
	program
	Socket string `json:"socket"`
	// Load is the command that loads one image archive, whose path is appended.
	Load   []string `json:"load"`
	Images []string `json:"images"`
}

// beMachine turns the namespaces that the caller made into a machine and runs its programs until one of them ends.
func beMachine(file string) error {
	var config machineConfig
	if err := readConfig(file, &config); err != nil {
		return err
	}
	// The switch's namespace is named by a PID of the caller's, which the machine's own /proc does not know.
	network, err := netns.GetFromPid(config.Switch)
	if err != nil {
		return fmt.Errorf("network of the switch: %w", err)
	}
	if err := makeMounts(config.Keep); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(config.Name)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	if err := config.joinNetwork(network); err != nil {
		return fmt.Errorf("join the network: %w", err)
	}
	for _, command := range config.Setup {
		if err := runOnce(command); err != nil {
			return err
		}
	}
	return config.runAll()
}

func (c machineConfig) joinNetwork(to netns.NsHandle) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return err
	}
	if err := plug(cable{near: "eth0", nearAddress: c.Address, far: c.Name, farMaster: bridgeName, to: to}); err != nil {
		return err
	}
	// Pods of this machine speak with pods of others through it.
	for _, setting := range []string{"ipv4/ip_forward", "bridge/bridge-nf-call-iptables"} {
		// The second is there only if the kernel has br_netfilter, without which bridged packets pass Services by within one machine.
		if err := os.WriteFile("/proc/sys/net/"+setting, []byte("1"), 0); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	for _, r := range append(c.Routes, route{To: "0.0.0.0/0", Via: c.Gateway}) {
		_, to, err := net.ParseCIDR(r.To)
		if err != nil {
			return err
		}
		if err := netlink.RouteAdd(&netlink.Route{Dst: to, Gw: net.ParseIP(r.Via)}); err != nil {
			return fmt.Errorf("route to %s via %s: %w", r.To, r.Via, err)
		}
	}
	return nil
}

func readConfig(file string, into any) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
