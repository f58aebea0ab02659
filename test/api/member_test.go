package api_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/lead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// memberOf names the pool in a process of this test that is a member of it, and not the test. Who a member is stands in its
// environment, so that each needs a process of its own; and only that can be killed.
const memberOf = "ZEN_LEAD_TEST_MEMBER_OF"

func TestMain(m *testing.M) {
	pool := os.Getenv(memberOf)
	if pool == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := lead.Run(ctx, pool, func(ctx context.Context, term lead.Term) error {
		_, _ = fmt.Println("leads in term", term.Number)
		<-ctx.Done()
		_, _ = fmt.Println("leads no more:", context.Cause(ctx))
		return ctx.Err()
	}, lead.WithNamespace(os.Getenv("POD_NAMESPACE")))
	_, _ = fmt.Println("ended:", err)
}

// process is a member that contends, with the rights of the role that members get.
type process struct {
	*os.Process
	ended chan struct{}
}

// contends starts the process of a pod.
func contends(ctx context.Context, s *scene.Scene, pool string, pod *corev1.Pod) *process {
	GinkgoHelper()
	mayContend(ctx, s)
	log, err := os.Create(filepath.Join(GinkgoT().TempDir(), pod.Name+".log"))
	Expect(err).NotTo(HaveOccurred())
	cmd := exec.Command(os.Args[0]) // it lives until it is told to end
	cmd.Env = append(os.Environ(), memberOf+"="+pool, "POD_NAME="+pod.Name, "POD_UID="+string(pod.UID), "POD_NAMESPACE="+s.Namespace,
		"KUBECONFIG="+kubeconfigOf(ctx, s))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the parent death signal is that of the thread
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(p.ended)
		}
	}()
	Expect(<-started).To(Succeed())
	p.Process = cmd.Process
	DeferCleanup(func() {
		p.kill()
		said, err := os.ReadFile(log.Name())
		GinkgoWriter.Printf("%s:\n%s%v\n", pod.Name, said, err)
	})
	return p
}

// kill ends the process without a word of its own; stop lets it give up.
func (p *process) kill() { p.end(syscall.SIGKILL) }
func (p *process) stop() { p.end(syscall.SIGTERM) }

func (p *process) end(s syscall.Signal) {
	_ = p.Signal(s)
	<-p.ended
}

// mayContend gives the scene's account the role of participants.
func mayContend(ctx context.Context, s *scene.Scene) {
	GinkgoHelper()
	err := s.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: s.Meta("participates"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "zen-lead-participant"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: s.Namespace, Name: "default"}},
	})
	Expect(client.IgnoreAlreadyExists(err)).To(Succeed())
}

func kubeconfigOf(ctx context.Context, s *scene.Scene) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(c.KubeconfigFor(ctx, s.Namespace, "default", path)).To(Succeed())
	return path
}

func seconds(l *coordinationv1.Lease) int32 {
	if l.Spec.LeaseDurationSeconds == nil {
		return 0
	}
	return *l.Spec.LeaseDurationSeconds
}
