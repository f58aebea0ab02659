package record_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// api is the administrator's access to a real API server: a fake one neither orders writes nor forgets them.
var (
	api          *rest.Config
	controlPlane *cluster.Cluster
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute) // the first use builds the API server
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Options{Layout: cluster.Separate, APIOnly: true, Progress: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer c.Stop() //nolint:errcheck // throw-away data
	if err := c.Apply(ctx, "../../../controller/config"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	api, controlPlane = c.RESTConfig(), c
	return m.Run()
}
