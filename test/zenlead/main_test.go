package zenlead_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// c is a cluster with zen-lead installed.
var c *cluster.Cluster

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute) // the first use builds the API server
	defer cancel()
	if os.Getenv(orphanKubeconfig) != "" {
		return beKilled(ctx)
	}
	var err error
	if c, err = cluster.Start(ctx, cluster.Options{APIOnly: true, Progress: os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer c.Stop() //nolint:errcheck // throw-away data
	if err := zenlead.Install(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
