package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-zen/zen-lead/test/cluster"
)

func TestOneProcessHoldsAWholeControlPlane(t *testing.T) {
	c := start(t, cluster.Options{FakeNodes: 3, AuditLog: true})
	client := clientOf(t, c)

	t.Run("a Deployment of three becomes ready on fake nodes", func(t *testing.T) {
		deployThree(t, client)
	})
	t.Run("a patched readiness stays", func(t *testing.T) {
		patchReadiness(t, client)
	})
	t.Run("all components but kwok are one process", func(t *testing.T) {
		if pidOf(t, c, cluster.Etcd) != pidOf(t, c, cluster.Scheduler) {
			t.Error("etcd and the scheduler have different PIDs")
		}
		if pidOf(t, c, cluster.Etcd) == pidOf(t, c, cluster.Kwok) {
			t.Error("kwok shares the process")
		}
		if err := c.Kill(cluster.APIServer); err == nil || !strings.Contains(err.Error(), "not a process of this cluster") {
			t.Errorf("killing one component of one process: %v", err)
		}
	})
	t.Run("kubectl applies a directory, and a ServiceAccount gets its own kubeconfig", func(t *testing.T) {
		if err := c.Apply(t.Context(), "testdata/kustomize"); err != nil {
			t.Fatal(err)
		}
		actAsServiceAccount(t, c)
	})
	t.Run("the audit log tells who asked", func(t *testing.T) {
		findInAuditLog(t, c)
	})
	t.Run("Stop leaves nothing behind", func(t *testing.T) {
		pids := []int{pidOf(t, c, cluster.ControlPlane), pidOf(t, c, cluster.Kwok)}
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d is still there: %v", pid, err)
			}
		}
		if _, err := os.Stat(c.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", c.Dir, err)
		}
	})
}

// actAsServiceAccount does what the account may do, and what it may not.
func actAsServiceAccount(t *testing.T, c *cluster.Cluster) {
	path := filepath.Join(t.TempDir(), "reader.kubeconfig")
	if err := c.KubeconfigFor(t.Context(), "default", "reader", path); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := kubernetes.NewForConfig(rest.AddUserAgent(config, "audited-reader"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("allowed request: %v", err)
	}
	if _, err := reader.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("request without a right to it: %v", err)
	}
	if err := c.KubeconfigFor(t.Context(), "default", "nobody", path); !apierrors.IsNotFound(err) {
		t.Errorf("kubeconfig for an account that does not exist: %v", err)
	}
}

func findInAuditLog(t *testing.T, c *cluster.Cluster) {
	log, err := os.ReadFile(c.AuditLog)
	if err != nil {
		t.Fatal(err)
	}
	var found int
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "audited-reader") {
			found++
		}
	}
	if found != 2 {
		t.Errorf("the audit log has %d lines for a user agent that made 2 requests", found)
	}
}

func TestSeparateComponentsFailOneByOne(t *testing.T) {
	c := start(t, cluster.Options{Layout: cluster.Separate})
	client := clientOf(t, c)
	keep(t, client, "before")
	server := c.RESTConfig().Host

	for _, component := range []cluster.Component{cluster.APIServer, cluster.Etcd, cluster.Scheduler, cluster.ControllerManager} {
		t.Run(fmt.Sprintf("%s is killed and starts again with its port and data", component), func(t *testing.T) {
			killAndRestart(t, c, component)
			if host := c.RESTConfig().Host; host != server {
				t.Errorf("the server moved from %s to %s", server, host)
			}
			checkKept(t, client, "before")
		})
	}
	t.Run("a frozen etcd answers nobody, and goes on when resumed", func(t *testing.T) {
		freezeAndResume(t, c, client)
	})
}

func killAndRestart(t *testing.T, c *cluster.Cluster, component cluster.Component) {
	before := pidOf(t, c, component)
	if err := c.Kill(component); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PID(component); !errors.Is(err, cluster.ErrNotRunning) {
		t.Errorf("PID after kill: %v", err)
	}
	if err := c.Freeze(component); !errors.Is(err, cluster.ErrNotRunning) {
		t.Errorf("freeze after kill: %v", err)
	}
	if err := c.Kill(component); err != nil {
		t.Errorf("second kill: %v", err)
	}
	if err := c.Restart(t.Context(), component); err != nil {
		t.Fatal(err)
	}
	if after := pidOf(t, c, component); after == before {
		t.Errorf("process %d was not replaced", before)
	}
}

func freezeAndResume(t *testing.T, c *cluster.Cluster, client kubernetes.Interface) {
	if err := c.Freeze(cluster.Etcd); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := client.CoreV1().ConfigMaps("default").Create(short, named("frozen"), metav1.CreateOptions{}); err == nil {
		t.Error("a write was answered while etcd was frozen")
	}
	if err := c.Resume(cluster.Etcd); err != nil {
		t.Fatal(err)
	}
	keep(t, client, "thawed")
}

func named(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func keep(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), named(name), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func checkKept(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	if _, err := client.CoreV1().ConfigMaps("default").Get(t.Context(), name, metav1.GetOptions{}); err != nil {
		t.Errorf("what was written before: %v", err)
	}
}
