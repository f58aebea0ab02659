// Package scene sets up pools in a namespace of their own and looks at them as users do. It is for Ginkgo suites: what
// cannot be done fails the spec.
//
// Pods are bare and run nowhere; the scene writes their status, as a kubelet would. [Scene.Look] is the contract in one
// function: it compares everything that a pool says of itself.
package scene

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
)

// Scene is one namespace, acted in by an administrator.
type Scene struct {
	client.WithWatch
	Namespace string
	Config    *rest.Config
}

// New makes a namespace. Nothing of it is removed afterwards: the cluster is thrown away.
func New(ctx context.Context, c *cluster.Cluster) *Scene {
	GinkgoHelper()
	s := &Scene{Config: c.RESTConfig(), Namespace: "s-" + strings.ToLower(rand.Text()[:10])}
	s.WithWatch = ClientOf(s.Config)
	Expect(s.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}})).To(Succeed())
	s.account(ctx)
	return s
}

// account makes the ServiceAccount that pods need, where the controller of accounts does not run.
func (s *Scene) account(ctx context.Context) {
	GinkgoHelper()
	err := s.Create(ctx, &corev1.ServiceAccount{ObjectMeta: s.Meta("default")})
	Expect(client.IgnoreAlreadyExists(err)).To(Succeed())
}

// MayContend gives the scene's account the role of the members of pools that contend themselves, and nothing else.
func (s *Scene) MayContend(ctx context.Context) {
	GinkgoHelper()
	err := s.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: s.Meta("participates"),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "zen-lead-participant"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "default"}},
	})
	Expect(client.IgnoreAlreadyExists(err)).To(Succeed())
}

// ClientOf returns a client for all kinds that pools are made of.
func ClientOf(config *rest.Config) client.WithWatch {
	GinkgoHelper()
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme()})
	Expect(err).NotTo(HaveOccurred())
	return c
}

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(v1alpha1.AddToScheme(s))
	return s
}

// As returns a client of somebody else.
func (s *Scene) As(user string, groups ...string) client.WithWatch {
	GinkgoHelper()
	config := rest.CopyConfig(s.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	return ClientOf(config)
}

// Meta names an object of the scene.
func (s *Scene) Meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.Namespace, Name: name}
}

// Read reads an object of the scene by its name; the spec fails if it is not there.
func Read[T client.Object](ctx context.Context, s *Scene, name string, o T) T {
	GinkgoHelper()
	Expect(s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, o)).To(Succeed())
	return o
}

// Patience is how long an expectation may take. It is met at once where the machine is idle.
const Patience = 20 * time.Second

// SetDefaults makes Eventually as patient as a scene is, and sends logs of libraries to where Ginkgo shows them with a
// failure.
func SetDefaults() {
	log.SetLogger(GinkgoLogr)
	klog.SetLogger(GinkgoLogr)
	SetDefaultEventuallyTimeout(Patience)
	SetDefaultEventuallyPollingInterval(25 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
}

// merge is a JSON merge patch.
func merge(format string, a ...any) client.Patch {
	return client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, format, a...))
}
