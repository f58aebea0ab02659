package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// forcing runs lock release --force on the lock report, and returns what it says in the end.
func (k kubectlZenlead) forcing(ctx context.Context, args ...string) (said func() string) {
	GinkgoHelper()
	cmd := k.command(ctx, append([]string{"lock", "release", "--force", "report", "--reason", "its node is gone"}, args...)...)
	out, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	cmd.Stderr = cmd.Stdout
	Expect(cmd.Start()).To(Succeed())
	return func() string {
		last := ""
		for lines := bufio.NewScanner(out); lines.Scan(); {
			last = lines.Text()
		}
		_ = cmd.Wait() // what it said tells
		return last
	}
}

var _ = Describe("kubectl zenlead lock", func() {
	var (
		s *scene.Scene
		k kubectlZenlead
		l locker
	)
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		k = newPlugin(ctx, s)
		caller.Account(ctx, s, "worker", "acquire")
		l = lockerAt(controller, ctx, s, "worker")
	})
	short := v1alpha1.ManualLockSpec{TTLSeconds: &v1alpha1.TTLBounds{Max: new(int32(2))}, Description: "a report"}
	read := func(ctx context.Context) *v1alpha1.ManualLock {
		return scene.Read(ctx, s, "report", &v1alpha1.ManualLock{})
	}

	It("shows locks and why they are held", func(ctx context.Context) {
		Expect(k.run(ctx, "lock", "list")).To(HavePrefix("There is no lock here"))
		makeLock(ctx, s, "report", v1alpha1.ManualLockSpec{})
		Expect(k.run(ctx, "lock", "why", "report")).To(HavePrefix("report is free: nobody has held it yet."))
		_, err := granted(l.ask(ctx, "report", "report-0"))
		Expect(err).NotTo(HaveOccurred())
		Expect(k.run(ctx, "lock", "list")).To(MatchRegexp(`(?m)^report +report-0 +\d+ +- +\ds +report-0 got it: it was free$`))
		Expect(k.run(ctx, "lock", "show", "report")).To(MatchRegexp(`(?m)^Holder: +report-0$`))
		Expect(k.run(ctx, "lock", "why", "report")).To(And(HavePrefix("report is held by report-0"), ContainSubstring("the replica lives")))
		caller.Account(ctx, s, "reader", "get")
		Expect(k.run(ctx, "lock", "why", "report", "--as", "system:serviceaccount:"+s.Namespace+":reader")).To(ContainSubstring("you may not read its Lease in namespace zen-lead-system"))
		said, err := k.run(ctx, "lock", "show", "report", "-o", "json")
		Expect(err).NotTo(HaveOccurred())
		var report struct {
			Locks []struct {
				Name   string
				Holder struct{ Owner string }
			}
		}
		Expect(json.Unmarshal([]byte(said), &report)).To(Succeed())
		Expect(report.Locks).To(HaveLen(1))
		Expect(report.Locks[0].Holder.Owner).To(Equal("report-0"))
	}, limit)

	It("takes a lock from its holder", func(ctx context.Context) {
		Expect(s.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: s.Meta("operates"), Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "ann"}},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "zen-lead-lock-operator"},
		})).To(Succeed())
		makeLock(ctx, s, "report", short)
		_, err := granted(l.ask(ctx, "report", "report-0"))
		Expect(err).NotTo(HaveOccurred())
		Expect(k.forcing(ctx, "--as", "ann")()).To(Equal("report: taken from report-0; free"))
		Eventually(ctx, func() map[string]string { return read(ctx).Annotations }).Should(BeEmpty())
		Expect(read(ctx).Status.LastTransition.Message).To(Equal("ann took it from report-0: its node is gone"))
		Expect(read(ctx).Spec).To(Equal(short))

		_, err = granted(l.ask(ctx, "report", "report-1"))
		Expect(err).NotTo(HaveOccurred())
		next, err := l.ask(ctx, "report", "report-2")
		Expect(err).NotTo(HaveOccurred())
		place(next)
		said := k.forcing(ctx, "--now")
		second, err := granted(next, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(said()).To(Equal("report: taken from report-1; report-2 holds it, with token " + strconv.FormatInt(second.GetToken(), 10)))
	}, limit)

	It("orders in the name of whoever calls, and tells when that is refused", func(ctx context.Context) {
		makeLock(ctx, s, "report", v1alpha1.ManualLockSpec{})
		held, err := granted(l.ask(ctx, "report", "report-0"))
		Expect(err).NotTo(HaveOccurred())
		withoutController(ctx, func() {
			said := k.forcing(ctx, "--as", "ann", "--as-group", "system:masters", "--now")
			var order v1alpha1.ForceRelease
			Eventually(ctx, func() (err error) {
				order, err = v1alpha1.ParseForceRelease(read(ctx).Annotations[v1alpha1.ForceReleaseAnnotation])
				return err
			}).Should(Succeed())
			Expect(order).To(Equal(v1alpha1.ForceRelease{Token: held.GetToken(), By: "ann", Reason: "its node is gone", Now: true}))
			Expect(k.run(ctx, "lock", "why", "report")).To(ContainSubstring("is written, and not obeyed yet, by ann: its node is gone"))
			o := read(ctx)
			o.Annotations = nil
			Expect(s.Update(ctx, o)).To(Succeed())
			Expect(said()).To(HavePrefix("Error: report: not taken from report-0: the order was refused"))
		})
	}, limit)

	It("says what to do about a mistake", func(ctx context.Context) {
		makeLock(ctx, s, "report", v1alpha1.ManualLockSpec{})
		for want, args := range map[string][]string{
			"Error: report is not held":                                           {"release", "--force", "report", "--reason", "x"},
			"a lock is released by its holder":                                    {"release", "report"},
			"--reason: want 1 to 256 characters":                                  {"release", "--force", "report"},
			`there is no lock "rport" in namespace ` + s.Namespace:                {"why", "rport"},
			"you may not do that; ask for the right: ":                            {"list", "--as", "nobody"},
			`--output: "xml" is neither json nor yaml`:                            {"list", "-o", "xml"},
			`there is no lock "no" in namespace ` + s.Namespace + ": kubectl zen": {"release", "--force", "no", "--reason", "x"},
		} {
			said, err := k.run(ctx, append([]string{"lock"}, args...)...)
			Expect(err).To(HaveOccurred())
			Expect(said).To(ContainSubstring(want))
		}
		Expect(read(ctx).Annotations).To(BeEmpty())
	}, limit)

	It("completes locks", func(ctx context.Context) {
		makeLock(ctx, s, "report", v1alpha1.ManualLockSpec{})
		Expect(os.Symlink("kubectl-zenlead", filepath.Join(k.dir, "kubectl_complete-zenlead"))).To(Succeed())
		cmd := exec.CommandContext(ctx, k.kubectl, "__complete", "zenlead", "-n", s.Namespace, "lock", "why", "")
		cmd.Env = k.command(ctx).Env
		said, err := cmd.Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(said)).To(HavePrefix("report\n"))
	}, limit)
})
