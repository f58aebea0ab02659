package api_test

import (
	"context"
	"errors"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lead"
	"github.com/kube-zen/zen-lead/test/guide"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// The members of these specs have the account of their pods, with the role that zen-lead ships and nothing else.
var _ = Describe("lead.Run", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	contend := func(ctx context.Context, m *members) {
		m.contend(ctx, account(ctx, s), s.Namespace)
	}
	participant := func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode = v1alpha1.ModeParticipant }

	It("runs one function at a time, hands the lead on when it returns, and terms grow", func(ctx context.Context) {
		s.Policy(ctx, "web", participant)
		s.MayContend(ctx)
		m := newMembers("web")
		for range 3 {
			contend(ctx, m)
		}
		last := int64(0)
		for range 5 {
			w := m.next(ctx)
			Expect(w.term.Number).To(BeNumerically(">", last))
			Expect(w.term.Err()).NotTo(HaveOccurred())
			last = w.term.Number
			w.result <- nil
			Eventually(ctx, m.results).Should(Receive(BeNil()))
			Expect(w.term.Err()).To(MatchError(lead.ErrReleased))
			contend(ctx, m)
		}
	}, limit)

	It("returns the function's error, and tells the one that is stopped why", func(ctx context.Context) {
		s.Policy(ctx, "web", participant)
		s.MayContend(ctx)
		m := newMembers("web")
		running, stop := context.WithCancel(ctx)
		contend(running, m)
		w := m.next(ctx)
		broken := errors.New("broken")
		w.result <- broken
		Eventually(ctx, m.results).Should(Receive(MatchError(broken)))

		contend(running, m)
		w = m.next(ctx)
		stop()
		Eventually(ctx, w.ctx.Done()).Should(BeClosed())
		Expect(context.Cause(w.ctx)).To(MatchError(lead.ErrReleased))
		Expect(w.term.Err()).NotTo(HaveOccurred(), "the term goes on while the work ends")
		w.result <- nil
		Eventually(ctx, m.results).Should(Receive(And(MatchError(lead.ErrReleased), MatchError(context.Canceled))))
		Expect(deref(s.Lease(ctx, "web").Spec.HolderIdentity)).To(BeEmpty())
	}, limit)

	It("waits for its policy and for its rights, and says how to give them", func(ctx context.Context) {
		m := newMembers("web")
		said := capture()
		contend(ctx, m)
		grant := "kubectl create rolebinding default-participates --clusterrole=zen-lead-participant --serviceaccount=" + s.Namespace + ":default --namespace=" + s.Namespace
		Eventually(ctx, said.String).Should(ContainSubstring(grant))
		_, err := c.Kubectl(ctx, strings.Fields(strings.TrimPrefix(grant, "kubectl "))...)
		Expect(err).NotTo(HaveOccurred())
		Eventually(ctx, said.String).Should(ContainSubstring("there is no LeaderPolicy of this name"))
		s.Policy(ctx, "web", participant)
		w := m.next(ctx)
		w.result <- nil
	}, limit)

	It("is watched by followers: who leads, nobody, and who comes next", func(ctx context.Context) {
		s.Policy(ctx, "web", participant)
		s.MayContend(ctx)
		m := newMembers("web")
		seen := make(chan lead.Leader, 10)
		watching, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() {
			for leader, err := range lead.Observe(watching, "web", lead.WithConfig(account(ctx, s)), lead.WithNamespace(s.Namespace)) {
				if err != nil {
					ended <- err
					return
				}
				seen <- leader
			}
		}()
		Eventually(ctx, seen).Should(Receive(Equal(lead.Leader{})))
		for range 2 {
			contend(ctx, m)
			w := m.next(ctx)
			Eventually(ctx, seen).Should(Receive(Equal(lead.Leader{Name: w.term.Holder, Term: w.term.Number})))
			w.result <- nil
			Eventually(ctx, seen).Should(Receive(Equal(lead.Leader{})))
		}
		stop()
		Eventually(ctx, ended).Should(Receive(MatchError(context.Canceled)))
	}, limit)

	It("is what README shows", func(ctx context.Context) {
		s.Policy(ctx, "worker", participant)
		s.MayContend(ctx)
		program, err := guide.Program("../..", "README.md")
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.Count(program, "\n")).To(BeNumerically("<=", 15))
		Eventually(ctx, runProgram(ctx, "README.md", kubeconfig(ctx, s))).Should(Receive(HavePrefix("working in term ")))
	}, limit)

	It("fences what a program writes, as its guide shows", func(ctx context.Context) {
		s.Policy(ctx, "worker", participant)
		s.MayContend(ctx)
		mayWriteConfigMaps(ctx, s)
		printed := runProgram(ctx, "docs/lead.md", kubeconfig(ctx, s))
		var worked string
		Eventually(ctx, printed).Should(Receive(&worked, HavePrefix("working in term ")))
		result := scene.Read(ctx, s, "result", &corev1.ConfigMap{})
		Expect("working in term " + result.Annotations[v1alpha1.FenceAnnotation]).To(Equal(worked))
	}, limit)

	It("is what the guide for operators shows", func(ctx context.Context) {
		s.Policy(ctx, "operator", participant)
		s.MayContend(ctx)
		Expect(s.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: s.Namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "default", Namespace: s.Namespace}},
		})).To(Succeed()) // it watches the ConfigMaps of all namespaces
		Expect(s.Create(ctx, &corev1.ConfigMap{ObjectMeta: s.Meta("settings")})).To(Succeed())
		printed := runProgram(ctx, "docs/operators.md", kubeconfig(ctx, s))
		Eventually(ctx, printed).Should(Receive(HavePrefix("working in term ")))
		Eventually(ctx, printed).Should(Receive(And(ContainSubstring(" term "), HaveSuffix(s.Namespace+"/settings"))))
	}, limit)
})

// account is the configuration of a pod of the scene.
func account(ctx context.Context, s *scene.Scene) *rest.Config {
	GinkgoHelper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfigOf(ctx, s))
	Expect(err).NotTo(HaveOccurred())
	return config
}

// kubeconfig is what a program of the scene has, instead of its pod's account.
func kubeconfig(ctx context.Context, s *scene.Scene) (path string) {
	GinkgoHelper()
	path = kubeconfigOf(ctx, s)
	inNamespace(path, s.Namespace)
	return path
}

// inNamespace sets the namespace of a kubeconfig's context, as a pod's account has one.
func inNamespace(kubeconfig, namespace string) {
	GinkgoHelper()
	loaded, err := clientcmd.LoadFromFile(kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	loaded.Contexts[loaded.CurrentContext].Namespace = namespace
	Expect(clientcmd.WriteToFile(*loaded, kubeconfig)).To(Succeed())
}

// members are processes of one pool, each a call of lead.Run.
type members struct {
	pool    string
	works   chan work
	results chan error
}

// work is one call of the function of a member. It returns what is sent to result.
type work struct {
	ctx    context.Context //nolint:containedctx // what is looked at
	term   lead.Term
	result chan error
}

func newMembers(pool string) *members {
	return &members{pool: pool, works: make(chan work), results: make(chan error, 10)}
}

// contend adds a member; it ends with the spec.
func (m *members) contend(ctx context.Context, config *rest.Config, namespace string) {
	ctx, cancel := context.WithCancel(ctx)
	DeferCleanup(cancel)
	go func() {
		m.results <- lead.Run(ctx, m.pool, func(ctx context.Context, t lead.Term) error {
			w := work{ctx: ctx, term: t, result: make(chan error)}
			select {
			case m.works <- w:
				return <-w.result
			case <-ctx.Done():
				return ctx.Err()
			}
		}, lead.WithConfig(config), lead.WithNamespace(namespace))
	}()
}

// next waits for the next call of a function.
func (m *members) next(ctx context.Context) (w work) {
	GinkgoHelper()
	Eventually(ctx, m.works).WithTimeout(20 * time.Second).Should(Receive(&w))
	return w
}

const workOfProgram = `package main

import (
	"context"
	"fmt"
)

func work(ctx context.Context, term int64) error {
	fmt.Println("working in term", term)
	<-ctx.Done()
	return ctx.Err()
}
`
