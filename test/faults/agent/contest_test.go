package agent_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/scribe"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// pool is the name of each contest's pool.
const pool = "web"

// durations are the shortest that a policy can have.
var durations = term.Durations{Lease: 3 * time.Second, RenewDeadline: 2 * time.Second, Retry: time.Second}

// contest is a pool of mode participant whose members are agents.
type contest struct {
	*scene.Scene
	*scribe.Register
	leases     coordinationclient.LeasesGetter
	lease      *kube.Pool
	kubeconfig string
	// mark is in the environment of all that the agents start.
	mark string
	// lateExpected: a member stood still with all that it runs.
	lateExpected bool
	// programs are beside sidecars.
	programs []*program
}

func newContest(ctx context.Context) *contest {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	r, err := scribe.NewRegister("127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	t := &contest{Scene: scene.New(ctx, c), Register: r, kubeconfig: filepath.Join(dir, "kubeconfig"), mark: "CONTEST=" + dir}
	t.Policy(ctx, pool, func(p *v1alpha1.LeaderPolicy) {
		p.Spec.Mode = v1alpha1.ModeParticipant
		p.Spec.LeaseDurationSeconds, p.Spec.RenewDeadlineSeconds, p.Spec.RetryPeriodSeconds = seconds(durations.Lease), seconds(durations.RenewDeadline), seconds(durations.Retry)
	})
	t.MayContend(ctx)
	Expect(c.KubeconfigFor(ctx, t.Namespace, "default", t.kubeconfig)).To(Succeed())
	t.leases, err = coordinationclient.NewForConfig(c.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
	t.lease = kube.NewPool(t.leases, t.Namespace, pool)
	Expect(t.lease.Create(ctx, time.Second)).To(Succeed())
	DeferCleanup(func() {
		left := t.left()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // what is wrong with the product is not to stay on the machine
		}
		Expect(left).To(BeEmpty(), "processes that outlived everything")
		Expect(t.Check(t.lateExpected)).To(BeEmpty())
		Expect(t.beliefs()).To(BeEmpty())
		Expect(r.Close()).To(Succeed())
	})
	return t
}

func seconds(d time.Duration) *int32 { return new(int32(d / time.Second)) }

// proxy starts a proxy for an agent.
func (t *contest) proxy() *proxy.Proxy {
	GinkgoHelper()
	p, err := proxy.Start(t.kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(p.Close)
	return p
}

// member is a process "zen-lead run", or another that runs a command.
type member struct {
	t    *contest
	name string
	*exec.Cmd
	ended chan struct{}
	code  int
	// log is its standard error, out its standard output; the command's too.
	log, out *log
}

// options of a member.
type options struct {
	kubeconfig string
	flags      []string
	// scribe are the flags of the program that it runs; command another program instead.
	scribe  []string
	command []string
	// container: it is the first process of a container.
	container string
	// words are what zen-lead is told instead of "run" and the pool.
	words []string
	// sidecar: it is "zen-lead agent" instead, of pool.
	sidecar bool
	pool    string
	// prelude is a shell script that ends by becoming "$@", in namespaces of its own.
	prelude string
}

func (t *contest) member(name string, set ...func(*options)) *member {
	GinkgoHelper()
	o := options{kubeconfig: t.kubeconfig, pool: pool}
	for _, f := range set {
		f(&o)
	}
	if o.command == nil {
		o.command = append([]string{scribePath, "-to", t.URL, "-who", name}, o.scribe...)
	}
	if o.words == nil {
		o.words = []string{"run", pool}
	}
	args := append(append(append(o.words, o.flags...), "--"), o.command...)
	if o.sidecar {
		args = append(append([]string{"agent"}, o.flags...), o.pool)
	}
	m := &member{t: t, name: name, Cmd: exec.Command(agentPath, args...), ended: make(chan struct{}), log: newLog(), out: newLog()}
	m.Args[0] = "zen-lead"
	m.Env = append(os.Environ(), "KUBECONFIG="+o.kubeconfig, "POD_NAMESPACE="+t.Namespace, "ZEN_LEAD_IDENTITY="+name, "POD_UID=uid-"+name, t.mark)
	m.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	m.Stdout, m.Stderr = m.out, m.log
	m.contain(o)
	Expect(m.Start()).To(Succeed())
	go func() {
		_ = m.Wait() // its exit code tells
		m.code = m.ProcessState.ExitCode()
		close(m.ended)
	}()
	DeferCleanup(func() {
		_ = m.Process.Signal(syscall.SIGCONT) // it may be gone, as may be below
		_ = m.Process.Kill()
		<-m.ended
		t.awaitNothingOf(m)
	})
	return m
}

func runs(flags ...string) func(*options) {
	return func(o *options) { o.scribe = append(o.scribe, flags...) }
}
func flags(flags ...string) func(*options) {
	return func(o *options) { o.flags = append(o.flags, flags...) }
}
func through(p *proxy.Proxy) func(*options) {
	return func(o *options) { o.kubeconfig = p.Kubeconfig }
}

func (m *member) signal(s syscall.Signal) {
	GinkgoHelper()
	Expect(m.Process.Signal(s)).To(Succeed())
}

// exits waits for its end and returns the code.
func (m *member) exits(ctx context.Context) int {
	GinkgoHelper()
	select {
	case <-m.ended:
	case <-ctx.Done():
		Fail("it has not ended")
	}
	return m.code
}

// stands waits until it waits for the lead.
func (m *member) stands(ctx context.Context) {
	GinkgoHelper()
	m.log.await(ctx, "Waiting for the lead")
}

// writes waits for a write of a member later than after.
func (t *contest) writes(ctx context.Context, m *member, after time.Duration) scribe.Write {
	GinkgoHelper()
	w, err := t.Await(ctx, after, func(w scribe.Write) bool { return w.Who == m.name })
	Expect(err).NotTo(HaveOccurred())
	return w
}

// wrote is the last write of a member.
func (t *contest) wrote(m *member) scribe.Write {
	return t.Last(func(w scribe.Write) bool { return w.Who == m.name })
}

// writers waits until as many processes of a member have written.
func (t *contest) writers(ctx context.Context, m *member, n int) (all []int) {
	GinkgoHelper()
	pids := map[int]bool{}
	_, err := t.Await(ctx, 0, func(w scribe.Write) bool {
		if w.Who == m.name && !pids[w.PID] {
			pids[w.PID] = true
			all = append(all, w.PID)
		}
		return len(pids) == n
	})
	Expect(err).NotTo(HaveOccurred())
	return all
}

// left are the processes of this contest.
func (t *contest) left() (pids []int) { return marked(t.mark) }

// awaitNothingOf waits until no process of a member is left.
func (t *contest) awaitNothingOf(m *member) {
	GinkgoHelper()
	Eventually(func() []int { return marked("ZEN_LEAD_IDENTITY="+m.name, t.mark) }, scene.Patience).Should(BeEmpty())
}

func marked(marks ...string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
next:
	for _, f := range files {
		b, err := os.ReadFile(f)
		for _, mark := range marks {
			if err != nil || !bytes.Contains(b, []byte(mark+"\x00")) {
				continue next
			}
		}
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		pids = append(pids, pid)
	}
	return pids
}

// guards are the processes between a member and its programs.
func (m *member) guards() (pids []int) {
	for _, pid := range marked("ZEN_LEAD_IDENTITY="+m.name, m.t.mark) {
		if comm, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm"); strings.TrimSpace(string(comm)) == "zen-lead-guard" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// pair starts a leader that writes, and a standby.
func (t *contest) pair(ctx context.Context, set ...func(*options)) (leader, standby *member) {
	GinkgoHelper()
	leader = t.member("a", set...)
	t.writes(ctx, leader, 0)
	standby = t.member("b")
	standby.stands(ctx)
	return leader, standby
}

// pass waits for time to pass, where the time itself is the fault.
func pass(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func now() time.Duration { return election.Now() }
