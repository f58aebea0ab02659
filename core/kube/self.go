package kube

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"

	"github.com/kube-zen/zen-lead/core/term"
)

// Self names this process as a contender: by ZEN_LEAD_IDENTITY or POD_NAME, else by the machine's name and a random number; by
// POD_UID, and by container and start of the container as far as they can be seen. Each call makes another process ID: two
// contenders in one process are two. It fails where the machine has no name either.
func Self() (term.Holder, error) {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	uid, container, instance := containerOf(string(mounts))
	if !aloneInContainer() {
		instance = ""
	}
	h := term.Holder{
		Identity: cmp.Or(os.Getenv("ZEN_LEAD_IDENTITY"), os.Getenv("POD_NAME")), UID: cmp.Or(os.Getenv("POD_UID"), uid),
		Process: term.Process{Container: container, Instance: instance, ID: hex.EncodeToString(id)},
	}
	if h.Identity == "" {
		host, err := os.Hostname()
		if err != nil {
			return h, fmt.Errorf("name this process: %w; set POD_NAME", err)
		}
		h.Identity = host + "_" + h.Process.ID
	}
	return h, nil
}

// terminationLog is the source of the file that the kubelet mounts into each container for its last words. Its name tells
// which container of which pod that is, and is another for each start.
var terminationLog = regexp.MustCompile(`(?m)^\S+ \S+ \S+ \S*/pods/([0-9a-f-]{36})/containers/([a-z0-9-]+)/([0-9a-f]+) `)

func containerOf(mountinfo string) (podUID, container, instance string) {
	m := terminationLog.FindStringSubmatch(mountinfo)
	if m == nil {
		return "", "", ""
	}
	return m[1], m[2], m[3]
}

// aloneInContainer says whether the first process of this PID namespace is in this container: then all processes of the
// container end with it. With hostPID or shareProcessNamespace it is not.
func aloneInContainer() bool {
	first, err := os.ReadFile("/proc/1/cgroup")
	if err != nil {
		return false
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	return err == nil && string(first) == string(own)
}
