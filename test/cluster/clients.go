package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenLifetime is longer than any suite or demonstration runs.
const tokenLifetime = 24 * time.Hour

// KubeconfigFor writes a kubeconfig for a ServiceAccount to path, with a token (TokenRequest) valid for 24 hours. The account must exist.
func (c *Cluster) KubeconfigFor(ctx context.Context, namespace, serviceAccount, path string) error {
	client, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return fmt.Errorf("client of the API server: %w", err)
	}
	seconds := int64(tokenLifetime.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	granted, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, serviceAccount, request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("token for ServiceAccount %s/%s: %w", namespace, serviceAccount, err)
	}
	user := clientcmdapi.AuthInfo{Token: granted.Status.Token}
	if err := writeKubeconfig(path, c.admin.Host, c.admin.CAData, user); err != nil {
		return fmt.Errorf("kubeconfig for ServiceAccount %s/%s: %w", namespace, serviceAccount, err)
	}
	return nil
}

// Etcd returns where etcd listens, and with what the API server calls it.
func (c *Cluster) Etcd() (url string, secure *tls.Config, err error) {
	ca, err := os.ReadFile(c.setup.pki("ca.crt"))
	if err != nil {
		return "", nil, fmt.Errorf("access to etcd: %w", err)
	}
	own, err := tls.LoadX509KeyPair(c.setup.pki("etcd-client.crt"), c.setup.pki("etcd-client.key"))
	if err != nil {
		return "", nil, fmt.Errorf("access to etcd: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return c.setup.ports[Etcd].url(), &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, nil
}

// Kubectl runs kubectl as administrator and returns its standard output. Its standard error is part of the error.
// It is built on first use.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) ([]byte, error) {
	kubectl, err := c.setup.binaries.kubectl(ctx, c.report)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, kubectl, append([]string{"--kubeconfig=" + c.Kubeconfig}, args...)...)
	// A person's settings and caches of other clusters have no part in this.
	command.Env = append(os.Environ(), "KUBERC=off", "KUBECACHEDIR="+filepath.Join(c.Dir, "kubectl-cache"))
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return output, fmt.Errorf("kubectl %q: %w: %s", args, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return output, nil
}

// Apply runs "kubectl apply -k" on a kustomize directory, exactly as a user does.
func (c *Cluster) Apply(ctx context.Context, kustomizeDir string) error {
	_, err := c.Kubectl(ctx, "apply", "-k", kustomizeDir)
	return err
}
