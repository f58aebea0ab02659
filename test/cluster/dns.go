package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// dnsAddress is where the kubelets tell pods to ask for names, and what dnsManifest's Service has.
const dnsAddress = "10.96.0.10"

// dnsManifest runs CoreDNS in namespace kube-system, from an image localhost/coredns:dev that the nodes must have.
//
//go:embed dns.yaml
var dnsManifest []byte

func (c *Cluster) installDNS(ctx context.Context) error {
	file := c.setup.home.path("dns.yaml")
	if err := os.WriteFile(file, dnsManifest, 0o644); err != nil {
		return err
	}
	if _, err := c.Kubectl(ctx, "apply", "-f", file); err != nil {
		return fmt.Errorf("install the name server: %w", err)
	}
	return nil
}

// checkDNS returns nil when a name server is ready.
func checkDNS(ctx context.Context, client kubernetes.Interface) error {
	found, err := client.AppsV1().Deployments(metav1.NamespaceSystem).Get(ctx, "coredns", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if found.Status.ReadyReplicas == 0 {
		return fmt.Errorf("no replica of %s is ready", found.Name)
	}
	return nil
}
