package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// broughtWithin bounds how long a kubelet takes to bring what was written to a Secret; it looks at a pod once a minute, and a half more.
const broughtWithin = 2 * time.Minute

// renewCertificate takes the certificate out of the Secret, and one of two replicas away: the one that comes in its place makes
// another, the other one serves what it has until it is brought that, and neither its streams nor their callers notice.
func renewCertificate(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	o, err := w.admit(ctx)
	if err != nil {
		return "", err
	}
	replicas, err := w.controllers(ctx)
	if err != nil {
		return "", err
	}
	if len(replicas) != 2 {
		return "", fmt.Errorf("%d replicas", len(replicas))
	}
	stays, goes := replicas[0], replicas[1]
	old, err := o.certificateOf(ctx, stays)
	if err != nil {
		return "", err
	}
	watching, err := o.begin(ctx, "a watch", curlAt(stays)+`-N -H "Authorization: Bearer $TOKEN" https://zen-lead-api.zen-lead-system.svc:8090/v1/leader/pool/web/watch`)
	if err != nil {
		return "", err
	}
	defer watching.end()
	if err := o.awaitSaid(ctx, watching, "event: leader"); err != nil {
		return "", err
	}
	began := time.Now()
	if err := o.takeCertificate(ctx, goes); err != nil {
		return "", err
	}
	brought, err := o.awaitRenewed(ctx, stays, old, began)
	if err != nil {
		return "", err
	}
	if _, ended := watching.said(); ended != nil {
		return "", ended
	}
	return fmt.Sprintf("serial …%s replaced: the new replica served another within %.1f s, the old one %.0f s after, by the same authority; its stream went on",
		tail4(old), brought.made.Seconds(), brought.brought.Seconds()), o.sameAuthority(ctx)
}

func tail4(c *x509.Certificate) string {
	serial := c.SerialNumber.Text(16)
	return serial[max(0, len(serial)-4):]
}

// curlAt has curl ask one replica, by the name of the Service.
func curlAt(replica corev1.Pod) string {
	return "curl -sS --cacert ca.crt --resolve zen-lead-api.zen-lead-system.svc:8090:" + replica.Status.PodIP + " "
}

// certificateOf is what a replica shows on a new connection; it must be signed by the authority that the outsider was given.
func (o *outsider) certificateOf(ctx context.Context, replica corev1.Pod) (*x509.Certificate, error) {
	shown, err := o.run(ctx, curlAt(replica)+`-o openapi.json -w '%{certs}' https://zen-lead-api.zen-lead-system.svc:8090/openapi.json`)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(shown))
	if block == nil {
		return nil, fmt.Errorf("no certificate in %q", shown)
	}
	return x509.ParseCertificate(block.Bytes)
}

// takeCertificate empties the Secret of all but the authority, deletes a replica and waits for the next.
func (o *outsider) takeCertificate(ctx context.Context, goes corev1.Pod) error {
	if _, err := o.cluster.Kubectl(ctx, "patch", "secret", "zen-lead-api-tls", "--namespace", installNamespace, "--type=json",
		"--patch", `[{"op":"remove","path":"/data/tls.crt"},{"op":"remove","path":"/data/tls.key"}]`); err != nil {
		return err
	}
	if _, err := o.cluster.Kubectl(ctx, "delete", "pod", goes.Name, "--namespace", installNamespace); err != nil {
		return err
	}
	_, err := o.cluster.Kubectl(ctx, "rollout", "status", "deployment/"+release, "--namespace", installNamespace, "--timeout=60s")
	return err
}

// renewed is how long it took until the new replica, and until the old one, served another certificate.
type renewed struct{ made, brought time.Duration }

// awaitRenewed waits until both replicas show the same certificate, another than the old one.
func (o *outsider) awaitRenewed(ctx context.Context, stays corev1.Pod, old *x509.Certificate, began time.Time) (took renewed, err error) {
	replicas, err := o.controllers(ctx)
	if err != nil {
		return took, err
	}
	var next *x509.Certificate
	for _, r := range replicas {
		if r.UID == stays.UID || r.DeletionTimestamp != nil {
			continue
		}
		if next, err = o.certificateOf(ctx, r); err != nil {
			return took, err
		}
	}
	if next == nil || next.Equal(old) {
		return took, errors.New("the new replica shows the old certificate")
	}
	took.made = time.Since(began)
	err = o.await(ctx, broughtWithin, "the new certificate at the old replica", func(ctx context.Context) error {
		shown, err := o.certificateOf(ctx, stays)
		if err == nil && !shown.Equal(next) {
			err = errNotYet
		}
		return err
	})
	took.brought = time.Since(began)
	return took, err
}

// sameAuthority: what the outsider was given is what the Secret has.
func (o *outsider) sameAuthority(ctx context.Context) error {
	given, err := os.ReadFile(filepath.Join(o.dir, "ca.crt"))
	if err != nil {
		return err
	}
	var secret corev1.Secret
	if err := o.Get(ctx, client.ObjectKey{Namespace: installNamespace, Name: "zen-lead-api-tls"}, &secret); err != nil {
		return err
	}
	if !bytes.Equal(secret.Data["ca.crt"], given) {
		return errors.New("the authority is another")
	}
	return nil
}
