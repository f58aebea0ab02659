package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// lookAtPage opens the guide's page in a browser, types tokens in, and sees the leader change, also when the replicas are replaced.
func lookAtPage(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	if _, err := cluster.Program(ctx, "chromium", "chromium", w.out); err != nil {
		return "", err
	}
	o, err := w.admit(ctx)
	if err != nil {
		return "", err
	}
	others, err := w.followers(ctx, leader)
	if err != nil {
		return "", err
	}
	b, err := o.openPage(ctx)
	if err != nil {
		return "", err
	}
	defer b.close()
	if err := o.submit(ctx, b, "x"); err != nil {
		return "", err
	}
	if err := o.awaitShown(ctx, b, "#stream", notValidHere); err != nil {
		return "", err
	}
	if err := o.submit(ctx, b, o.token); err != nil {
		return "", err
	}
	if err := o.awaitShown(ctx, b, "#leader", leader.Name); err != nil {
		return "", err
	}
	if err := w.requestHandover(ctx, pool, others[0].Name); err != nil {
		return "", err
	}
	moved := time.Now()
	if err := o.awaitShown(ctx, b, "#leader", others[0].Name); err != nil {
		return "", err
	}
	took := time.Since(moved)
	if err := o.outlivesReplicas(ctx, b, others[1].Name); err != nil {
		return "", err
	}
	about, err := b.text("#about")
	return fmt.Sprintf("Chromium showed the next leader %s after it was asked for, and another after all replicas were replaced: %q", took.Round(time.Millisecond), about), err
}

// openPage opens it from the disk, in a browser that trusts the API's certificate.
func (o *outsider) openPage(ctx context.Context) (*browser, error) {
	replicas, err := o.controllers(ctx)
	if err != nil {
		return nil, err
	}
	certificate, err := o.certificateOf(ctx, replicas[0])
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	b, err := o.newBrowser(ctx, base64.StdEncoding.EncodeToString(sum[:]), "file://"+filepath.Join(o.root, "examples", "ask", "page.html"))
	if err != nil {
		return nil, err
	}
	err = o.await(ctx, soon, "the page", func(context.Context) error {
		state, err := b.evaluate(`document.readyState + document.forms.length`)
		if err == nil && state != "complete1" {
			err = fmt.Errorf("%w: %s", errNotYet, state)
		}
		return err
	})
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (o *outsider) submit(_ context.Context, b *browser, token string) error {
	if err := b.write("input[name=token]", token); err != nil {
		return err
	}
	_, err := b.evaluate(`document.querySelector("button").click()`)
	return err
}

// awaitShown waits until an element has this text.
func (o *outsider) awaitShown(ctx context.Context, b *browser, element, want string) error {
	return o.await(ctx, soon, element+" to show "+want, func(context.Context) error {
		text, err := b.text(element)
		if err == nil && text != want {
			stream, _ := b.text("#stream")
			err = fmt.Errorf("%w: it shows %q (%s)", errNotYet, text, stream)
		}
		return err
	})
}

// outlivesReplicas replaces all replicas, moves the lead, and wants the page to show it, as what is heard now.
func (o *outsider) outlivesReplicas(ctx context.Context, b *browser, next string) error {
	for _, args := range [][]string{{"restart"}, {"status", "--timeout=60s"}} {
		if _, err := o.cluster.Kubectl(ctx, append([]string{"rollout", args[0], "deployment/" + release, "--namespace", installNamespace}, args[1:]...)...); err != nil {
			return err
		}
	}
	if err := o.requestHandover(ctx, pool, next); err != nil {
		return err
	}
	if err := o.awaitShown(ctx, b, "#leader", next); err != nil {
		return err
	}
	old, err := b.evaluate(`document.getElementById("leader").className`)
	if err == nil && strings.Contains(old, "old") {
		err = fmt.Errorf("the page shows %s as old", next)
	}
	return err
}
