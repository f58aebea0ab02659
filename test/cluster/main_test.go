package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// callerVariable makes this binary a program that starts a cluster, says what it started, and waits to be killed.
const callerVariable = "ZEN_LEAD_TEST_CALLER"

// started is what the caller says, in one line.
type started struct {
	Dir  string
	PIDs []int
}

func TestMain(m *testing.M) {
	if os.Getenv(callerVariable) != "" {
		fmt.Fprintln(os.Stderr, beCaller(context.Background()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// beCaller never returns without an error.
func beCaller(ctx context.Context) error {
	c, err := cluster.Start(ctx, cluster.Options{Layout: cluster.Separate, APIOnly: true})
	if err != nil {
		return err
	}
	said := started{Dir: c.Dir}
	for _, component := range []cluster.Component{cluster.Etcd, cluster.APIServer} {
		pid, err := c.PID(component)
		if err != nil {
			return err
		}
		said.PIDs = append(said.PIDs, pid)
	}
	// A frozen process dies with its caller, too.
	if err := c.Freeze(cluster.Etcd); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		return err
	}
	select {}
}

// start starts a cluster that ends with the test.
func start(t *testing.T, options cluster.Options) *cluster.Cluster {
	t.Helper()
	began := time.Now()
	c, err := cluster.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %.1f s", time.Since(began).Seconds())
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func clientOf(t *testing.T, c *cluster.Cluster) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func pidOf(t *testing.T, c *cluster.Cluster, component cluster.Component) int {
	t.Helper()
	pid, err := c.PID(component)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
