// Command coredns is CoreDNS with the plugins that a cluster's own names need and no other: it resolves nothing outside of the
// cluster, asks no other server and keeps no cache, so that an answer is what the API server last said.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

func main() {
	// A request goes through the plugins in this order, which is that of CoreDNS itself.
	dnsserver.Directives = []string{"ready", "health", "errors", "kubernetes"}
	coremain.Run()
}
