package agent_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/zenlead"
)

// example has a member run a program of the folder examples.
func example(program string, args ...string) func(*options) {
	GinkgoHelper()
	root, err := zenlead.Root()
	Expect(err).NotTo(HaveOccurred())
	return func(o *options) { o.command = append([]string{filepath.Join(root, "examples", program)}, args...) }
}

var _ = Describe("The example", func() {
	It("of a shell script: one of two works, ends in good order, and the other one goes on", func(ctx context.Context) {
		t := newContest(ctx)
		a := t.member("a", example("run/work.sh"))
		a.out.await(ctx, "step 1 in term ")
		b := t.member("b", example("run/work.sh"))
		b.stands(ctx)
		a.signal(syscall.SIGINT)
		a.out.await(ctx, "ended in good order after ")
		Expect(a.exits(ctx)).To(BeZero())
		b.out.await(ctx, "step 1 in term ")
		b.signal(syscall.SIGTERM)
		b.out.await(ctx, "ended in good order after ")
		Expect(b.exits(ctx)).To(BeZero())
	}, limit)

	It("of a cron-like job runs at each slot", func(ctx context.Context) {
		t := newContest(ctx)
		a := t.member("a", example("run/cron.sh", "1", "sh", "-c", `echo "slot $SLOT in term $ZEN_LEAD_TERM"; test $((SLOT % 2)) = 0`))
		a.out.await(ctx, "slot ")
		a.log.await(ctx, "failed with 1")
		a.signal(syscall.SIGTERM)
		Expect(a.exits(ctx)).To(Equal(128 + int(syscall.SIGTERM)))
	}, limit)

	long("of a Python program sends its term, and ends where the store has seen a larger one", func(ctx context.Context) {
		t := newContest(ctx)
		terms, refuse := make(chan string, 100), make(chan struct{})
		store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // it is not looked at
			select {
			case <-refuse:
				w.WriteHeader(http.StatusPreconditionFailed)
			case terms <- r.Header.Get("Zen-Lead-Term"):
			}
		}))
		DeferCleanup(store.Close)
		python, err := exec.LookPath("python3")
		Expect(err).NotTo(HaveOccurred(), "this spec needs Debian's python3")
		a := t.member("a", example("run/worker.py", store.URL), func(o *options) { o.command = append([]string{python}, o.command...) })
		a.out.await(ctx, "step 1 in term "+<-terms)
		close(refuse)
		a.log.await(ctx, "the store has seen a term above")
		Expect(a.exits(ctx)).To(Equal(1))
	})

	long("of a legacy server learns from its sidecar whether it leads", func(ctx context.Context) {
		t := newContest(ctx)
		a := t.sidecar(ctx, "a")
		a.hears(ctx, 0, leads)
		root, err := zenlead.Root()
		Expect(err).NotTo(HaveOccurred())
		server := exec.CommandContext(ctx, filepath.Join(root, "examples", "agent", "server.sh"), a.port())
		said := newLog()
		server.Stdout, server.Stderr = said, GinkgoWriter
		server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		Expect(server.Start()).To(Succeed())
		DeferCleanup(func() {
			_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL) // it ends with the spec
			_ = server.Wait()
		})
		said.await(ctx, "now leader: ")
		at := now()
		a.signal(syscall.SIGKILL)
		said.await(ctx, "now follower: ")
		Expect(now()-at).To(BeNumerically("<", belief+2*time.Second), "by its own look at the clock")
	})
})
