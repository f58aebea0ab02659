package api_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/simulation/api"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// served is the API server that the simulated one is compared with; zen-lead is installed in it.
var served *rest.Config

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute) // the first use builds the API server
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Options{APIOnly: true, Progress: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer c.Stop() //nolint:errcheck // throw-away data
	if err := prepare(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func prepare(ctx context.Context, c *cluster.Cluster) error {
	if err := zenlead.Install(ctx, c); err != nil {
		return err
	}
	served = c.RESTConfig()
	admin, err := clientOf(api.Administrator)
	if err != nil {
		return err
	}
	return admin.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: string(api.Somebody)},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: string(api.Somebody)}},
	})
}

// clientOf returns a client of the real API server.
func clientOf(u api.User) (client.WithWatch, error) {
	config := rest.CopyConfig(served)
	switch u {
	case api.Administrator:
	case api.Controller:
		config.Impersonate = rest.ImpersonationConfig{UserName: zenlead.Username}
	default:
		config.Impersonate = rest.ImpersonationConfig{UserName: string(u)}
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme})
}
