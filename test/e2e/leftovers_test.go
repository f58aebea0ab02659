package e2e

import "testing"

func TestOurProgramsAreToldFromOthers(t *testing.T) {
	for program, ours := range map[string]bool{
		"/root/.cache/zen-lead/kubernetes-v1.37.2-0123/node":           true,
		"/root/.cache/zen-lead/kubernetes-v1.37.2-0123/node (deleted)": true,
		"/usr/bin/node":       false,
		"/usr/bin/containerd": true,
		"/pause":              true,
		"/usr/bin/bash":       false,
	} {
		if got := isOurs(program); got != ours {
			t.Errorf("%s: %t", program, got)
		}
	}
}
