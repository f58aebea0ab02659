package demo

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// borrow uses a cluster of the user's, if they agree and nobody there would notice.
func (p *place) borrow(ctx context.Context, kubeconfig string, in io.Reader) error {
	here, err := pin(kubeconfig)
	if err != nil {
		return err
	}
	if err := askConsent(in, p.tell.out, here, p.namespace); err != nil {
		return err
	}
	if err := p.enter(ctx, here); err != nil {
		return err
	}
	installed, err := p.inspect(ctx)
	if err != nil {
		return err
	}
	if installed {
		p.tell.line("zen-lead is installed here and is used as it is; it stays")
		return nil
	}
	p.tell.line("zen-lead is not installed here; installing controller/config, to be removed at the end")
	return p.install(ctx)
}

func (p *place) install(ctx context.Context) error {
	config, err := configDir()
	if err != nil {
		return err
	}
	p.made.config = true
	if _, err := p.run(ctx, "apply", "-k", config); err != nil {
		return err
	}
	_, err = p.run(ctx, "wait", "--for=condition=Established", "crd/leaderpolicies.coordination.kube-zen.io")
	return err
}

// inspect says whether zen-lead is installed, and refuses a cluster on which the demo's controller would act on anything
// that is not the demo's.
func (p *place) inspect(ctx context.Context) (installed bool, err error) {
	var policies v1alpha1.LeaderPolicyList
	switch err := p.client.List(ctx, &policies); {
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		if err := p.refuseLeftovers(ctx); err != nil {
			return false, err
		}
	case err != nil:
		return false, fmt.Errorf("look for LeaderPolicies: %w", err)
	case len(policies.Items) > 0:
		return false, fmt.Errorf("the cluster has LeaderPolicies, %s/%s for one: the demo runs a controller and kills it, and these pools would feel it",
			policies.Items[0].Namespace, policies.Items[0].Name)
	default:
		installed = true
	}
	return installed, p.refuseMembers(ctx)
}

// refuseLeftovers: what was there before would be changed by the installation, and deleted by its removal.
func (p *place) refuseLeftovers(ctx context.Context) error {
	config, err := configDir()
	if err != nil {
		return err
	}
	found, err := p.run(ctx, "get", "-k", config, "--ignore-not-found", "-o", "name")
	if err != nil {
		return fmt.Errorf("look for an installation of zen-lead: %w", err)
	}
	if names := strings.Fields(string(found)); len(names) > 0 {
		return fmt.Errorf("a part of zen-lead is installed here and its CRD is not: %s; complete or remove it first, the demo would change it",
			strings.Join(names, ", "))
	}
	return nil
}

// refuseMembers: the controller labels pods that carry the annotation, and tells of those whose policy is missing.
func (p *place) refuseMembers(ctx context.Context) error {
	const page = 500
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(metav1.SchemeGroupVersion.WithKind("PodList"))
	list.APIVersion = "v1"
	for {
		if err := p.client.List(ctx, list, client.Limit(page), client.Continue(list.Continue)); err != nil {
			return fmt.Errorf("look for annotated pods: %w", err)
		}
		for _, pod := range list.Items {
			if pool, is := pod.Annotations[v1alpha1.PoolAnnotation]; is {
				return fmt.Errorf("pod %s/%s carries the annotation %s: %s, and the demo's controller would label it",
					pod.Namespace, pod.Name, v1alpha1.PoolAnnotation, pool)
			}
		}
		if list.Continue == "" {
			return nil
		}
	}
}

func configDir() (string, error) {
	root, err := zenlead.Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "controller", "config"), nil
}
