package cluster

import _ "embed"

// dnsAddress is where the kubelets tell pods to ask for names, and what dnsManifest's Service has.
const dnsAddress = "10.96.0.10"

// dnsManifest runs CoreDNS in namespace kube-system, from an image localhost/coredns:dev that the nodes must have.
//
//go:embed dns.yaml
var dnsManifest []byte
