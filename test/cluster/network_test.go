package cluster

import (
	"net"
	"slices"
	"testing"
)

func TestTwoNetworksAtOnceAreDifferent(t *testing.T) {
	first, err := reserveNetwork()
	if err != nil {
		t.Fatal(err)
	}
	second, err := reserveNetwork()
	if err != nil {
		t.Fatal(err)
	}
	defer second.release()
	if first.number == second.number {
		t.Errorf("both are %d", first.number)
	}
	t.Run("one that was given back is given out again", func(t *testing.T) {
		first.release()
		again, err := reserveNetwork()
		if err != nil {
			t.Fatal(err)
		}
		defer again.release()
		if again.number != first.number {
			t.Errorf("%d was free, got %d", first.number, again.number)
		}
	})
}

func TestANetworkKnowsItsAddresses(t *testing.T) {
	n := network{number: 7}
	if n.gateway() != "198.18.7.1" || n.machine(1) != "198.18.7.11" || n.machine(2) != "198.18.7.12" {
		t.Errorf("gateway %s, machines %s and %s", n.gateway(), n.machine(1), n.machine(2))
	}
	for address, want := range map[string]bool{"198.18.7.1/24": true, "198.18.8.1/24": false, "127.0.0.1/8": false} {
		ip, prefix, err := net.ParseCIDR(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.contains(&net.IPNet{IP: ip, Mask: prefix.Mask}); got != want {
			t.Errorf("it contains %s: %t", address, got)
		}
	}
}

// What a machine gets for its pods and routes fits together with what the others get.
func TestEveryNodeHasARouteToThePodsOfEveryOther(t *testing.T) {
	s := setup{options: Options{Nodes: 3}, network: network{number: 7}}
	got := s.routesFrom(2)
	want := []map[string]string{{"to": podsOf(1), "via": "198.18.7.11"}, {"to": podsOf(3), "via": "198.18.7.13"}}
	if !slices.EqualFunc(got, want, func(a, b map[string]string) bool { return a["to"] == b["to"] && a["via"] == b["via"] }) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAControlGroupNamesItsOwner(t *testing.T) {
	owner := identity{PID: 12, StartTime: 345}
	if got, ours := ownerOf(cgroupName(owner)); got != owner || !ours {
		t.Errorf("%+v, %t, want %+v", got, ours, owner)
	}
	for _, name := range []string{"zen-lead.", "zen-lead.12", "zen-lead.x.1", "zen-lead.1.2.slice", "zen-lead.slice", "other.1.2"} {
		if got, ours := ownerOf(name); ours {
			t.Errorf("%q has the owner %+v", name, got)
		}
	}
}

func TestOptionsForRealNodes(t *testing.T) {
	for name, o := range map[string]Options{
		"too many":             {Nodes: 21},
		"fewer than none":      {Nodes: -1},
		"images without nodes": {Images: []string{"x.tar"}},
		"without a scheduler":  {Nodes: 1, APIOnly: true},
	} {
		if err := o.validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
