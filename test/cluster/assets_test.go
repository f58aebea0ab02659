package cluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The binaries are our own under the names that the variable promises: what counts is that they are taken from there.
func TestAssetsOfOthersAreUsed(t *testing.T) {
	binary, err := controlPlaneBinary.obtain(t.Context(), newReporter(t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	assets := t.TempDir()
	components := []Component{Etcd, APIServer}
	for _, component := range components {
		script := fmt.Sprintf("#!/bin/sh\nASSET=%s exec %s %s \"$@\"\n", component, binary, component)
		if err := os.WriteFile(filepath.Join(assets, string(component)), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(assetsVariable, assets)
	c, err := Start(t.Context(), Options{APIOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	for _, component := range components {
		if !hasEnvironment(t, c, component, "ASSET="+string(component)) {
			t.Errorf("%s was not started from %s", component, assetsVariable)
		}
	}
}

func hasEnvironment(t *testing.T, c *Cluster, component Component, entry string) bool {
	pid, err := c.PID(component)
	if err != nil {
		t.Fatal(err)
	}
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Fatal(err)
	}
	for e := range bytes.SplitSeq(environment, []byte{0}) {
		if string(e) == entry {
			return true
		}
	}
	return false
}
