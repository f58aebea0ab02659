package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// askerAt returns a caller of a replica, with a token.
func askerAt(r *zenlead.Controller, token string) *caller.Caller {
	GinkgoHelper()
	a, err := caller.New(r.API, token)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(a.Close)
	return a
}

// asker returns a caller that may do these verbs in the scene.
func asker(ctx context.Context, s *scene.Scene, verbs ...string) *caller.Caller {
	GinkgoHelper()
	caller.Account(ctx, s, "asker", verbs...)
	return askerAt(controller, caller.Token(ctx, s, "asker", caller.Audience))
}

// served makes a pool that a leads, with an address on a node.
func served(ctx context.Context, s *scene.Scene) scene.State {
	GinkgoHelper()
	s.Policy(ctx, "web")
	s.Pod(ctx, "a", "web", scene.OnNode(s.Node(ctx, "node")))
	s.SetStatus(ctx, "a", corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.9.8.7", PodIPs: []corev1.PodIP{{IP: "10.9.8.7"}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}})
	state := s.Leads(ctx, "web", "a")
	s.Pod(ctx, "b", "web")
	return state
}

// told is the body of an answer.
type told struct {
	Pool, Namespace string
	Leader          *struct{ Name, UID, IP, Node string }
	Term            int64
	Since           time.Time
	Guarantee       string
	AgeMs           int64
}

func who(ctx context.Context, a *caller.Caller, s *scene.Scene, query string) func() (told, error) {
	return func() (t told, err error) {
		got, err := a.Call(ctx, "GET", "/v1/leader/pool/web?namespace="+s.Namespace+query, "")
		if err == nil && got.Reason != "" {
			err = fmt.Errorf("%s: %s", got.Reason, got.Message)
		}
		if err == nil {
			err = json.Unmarshal([]byte(got.Body), &t)
		}
		return t, err
	}
}

var _ = Describe("Whoever asks who leads", func() {
	It("is told, by HTTP and gRPC, what policy and pod say", func(ctx context.Context) {
		s := scene.New(ctx, c)
		state := served(ctx, s)
		a := asker(ctx, s, "get")
		for _, query := range []string{"", "&consistency=strong", fmt.Sprintf("&minTerm=%d", state.Term)} {
			Eventually(who(ctx, a, s, query)).WithContext(ctx).Should(HaveField("Leader.Node", Not(BeEmpty())), query)
			t, err := who(ctx, a, s, query)()
			Expect(err).NotTo(HaveOccurred())
			Expect(t.Leader).To(HaveValue(Equal(struct{ Name, UID, IP, Node string }{"a", string(state.UID), "10.9.8.7", t.Leader.Node})))
			Expect(t).To(And(HaveField("Pool", "web"), HaveField("Namespace", s.Namespace), HaveField("Term", state.Term), HaveField("Guarantee", "Advisory")))
			Expect(t.Since).To(BeTemporally("==", state.Policy.Status.LastTransitionTime.Time))
			Expect(t.AgeMs).To(BeNumerically("<", 15000))
		}
		m, err := a.GetLeader(a.Bearing(ctx), &zenleadv1.GetLeaderRequest{Pool: "web", Namespace: s.Namespace})
		Expect(err).NotTo(HaveOccurred())
		Expect(m.GetState().GetLeader().GetUid()).To(Equal(string(state.UID)))
		Expect(m.GetState().GetTerm()).To(Equal(state.Term))
		Expect(m.GetStale()).To(BeFalse())
		future := who(ctx, a, s, fmt.Sprintf("&minTerm=%d", state.Term+1))
		_, err = future()
		Expect(err).To(MatchError(HavePrefix("Stale: ")), "a term that nobody knows of is not answered")
	}, limit)

	It("is told of each change, and may go on with another replica", func(ctx context.Context) {
		s := scene.New(ctx, c)
		first := served(ctx, s)
		a := asker(ctx, s, "watch")
		events, err := a.Watch(ctx, s.Namespace, "web", "")
		Expect(err).NotTo(HaveOccurred())
		defer func() { _ = events.Close() }()
		Expect(events.Leads()).To(And(HaveField("Leader.Name", "a"), HaveField("Term", first.Term)))
		s.DeletePod(ctx, "a")
		var seen caller.Event
		Eventually(ctx, func() (string, error) {
			seen, err = events.Leads()
			if err != nil || seen.Leader == nil {
				return "", err
			}
			return seen.Leader.Name, nil
		}).Should(Equal("b"))
		Expect(seen.Term).To(BeNumerically(">", first.Term))

		other, err := zenlead.Start(ctx, c, zenlead.Options{API: true})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(other.Stop)
		there := askerAt(other, caller.Token(ctx, s, "asker", caller.Audience))
		again, err := there.Watch(ctx, s.Namespace, "web", seen.ID)
		Expect(err).NotTo(HaveOccurred())
		defer func() { _ = again.Close() }()
		s.Pod(ctx, "c", "web")
		s.DeletePod(ctx, "b")
		Eventually(ctx, func() (string, error) {
			next, err := again.Leads()
			if err != nil || next.Leader == nil {
				return "", err
			}
			Expect(next.Term).To(BeNumerically(">=", seen.Term))
			return next.Leader.Name, nil
		}).Should(Equal("c"))
	}, limit)

	It("may ask for a handover, which is made or refused", func(ctx context.Context) {
		s := scene.New(ctx, c)
		first := served(ctx, s)
		a := asker(ctx, s, "update")
		got, err := a.Call(ctx, "POST", "/v1/leader/pool/web/handover?namespace="+s.Namespace, `{"to":"b"}`)
		Expect(err).NotTo(HaveOccurred())
		Expect(got).To(HaveField("Status", 200), got.Body)
		var moved struct {
			Message string
			Term    int64
		}
		Expect(json.Unmarshal([]byte(got.Body), &moved)).To(Succeed())
		second := s.Leads(ctx, "web", "b")
		Expect(moved.Term).To(And(Equal(second.Term), BeNumerically(">", first.Term)))
		Expect(moved.Message).To(Equal(fmt.Sprintf("b: leads in term %d", second.Term)))
		_, err = a.Handover(a.Bearing(ctx), &zenleadv1.HandoverRequest{Pool: "web", Namespace: s.Namespace, Move: &zenleadv1.Move{To: "nobody"}})
		Expect(caller.Outcome(err)).To(Equal("Refused"))
		Expect(err).To(MatchError(ContainSubstring("no pod of that name is a member")))
		got, err = a.Call(ctx, "POST", "/v1/leader/pool/web/handover?namespace="+s.Namespace, `{"to":"nobody"}`)
		Expect(err).NotTo(HaveOccurred())
		Expect(got).To(And(HaveField("Status", 409), HaveField("Reason", "Refused")))
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(second.Term))
	}, limit)

	It("is known by a token for zen-lead and no other", func(ctx context.Context) {
		s := scene.New(ctx, c)
		served(ctx, s)
		caller.Account(ctx, s, "asker", "get")
		caller.Account(ctx, s, "gone", "get")
		good, ended := caller.Token(ctx, s, "asker", caller.Audience), caller.Token(ctx, s, "gone", caller.Audience)
		Expect(s.Delete(ctx, &corev1.ServiceAccount{ObjectMeta: s.Meta("gone")})).To(Succeed())
		for name, token := range map[string]string{
			"none": "", "one for the API server": caller.Token(ctx, s, "asker", ""), "one for another audience": caller.Token(ctx, s, "asker", "vault"),
			"one of an account that is gone": ended, "one that was changed": good[:len(good)-8] + "AAAAAAAA", "nonsense": "x.y.z",
		} {
			a := askerAt(controller, token)
			got, err := a.Call(ctx, "GET", "/v1/leader/pool/web?namespace="+s.Namespace, "")
			Expect(err).NotTo(HaveOccurred())
			Expect(got).To(And(HaveField("Status", 401), HaveField("Reason", "Unauthenticated")), name)
			_, err = a.GetLeader(a.Bearing(ctx), &zenleadv1.GetLeaderRequest{Pool: "web", Namespace: s.Namespace})
			Expect(caller.Outcome(err)).To(Equal("Unauthenticated"), name)
		}
		Expect(who(ctx, askerAt(controller, good), s, "")()).To(HaveField("Leader.Name", "a"))
		Expect(controller.Lines(good)).To(BeEmpty(), "tokens are not logged")
	}, limit)

	It("is refused 15 s after a right was taken away, at the latest", func(ctx context.Context) {
		s := scene.New(ctx, c)
		served(ctx, s)
		a := asker(ctx, s, "get")
		Expect(who(ctx, a, s, "")()).To(HaveField("Leader.Name", "a"))
		Expect(s.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: s.Meta("asker")})).To(Succeed())
		Eventually(func() error { _, err := who(ctx, a, s, "")(); return err }).WithContext(ctx).WithTimeout(16 * time.Second).
			Should(MatchError(HavePrefix("Forbidden: ")))
	}, limit)

	It("needs no token where that is switched on, and the rights of system:anonymous", func(ctx context.Context) {
		s := scene.New(ctx, c)
		served(ctx, s)
		open, err := zenlead.Start(ctx, c, zenlead.Options{API: true, Args: []string{"--api-anonymous"}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(open.Stop)
		a := askerAt(open, "")
		_, err = who(ctx, a, s, "")()
		Expect(err).To(MatchError(ContainSubstring(`Forbidden: system:anonymous may not get leaderpolicies "web"`)))
		caller.Allow(ctx, s, "all", rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "system:anonymous"}, "get")
		Eventually(who(ctx, a, s, "")).WithContext(ctx).Should(HaveField("Leader.Name", "a"))
		bad := askerAt(open, "x.y.z")
		_, err = who(ctx, bad, s, "")()
		Expect(err).To(MatchError(HavePrefix("Unauthenticated: ")), "a bad token is not none")
	}, limit)

	It("lists the pools of a namespace", func(ctx context.Context) {
		s := scene.New(ctx, c)
		served(ctx, s)
		s.Policy(ctx, "api")
		a := asker(ctx, s, "list")
		names := func() (names []string, err error) {
			m, err := a.ListPools(a.Bearing(ctx), &zenleadv1.ListPoolsRequest{Namespace: s.Namespace})
			for _, p := range m.GetPools() {
				names = append(names, p.GetPool()+" "+p.GetLeader().GetName())
			}
			return names, err
		}
		Eventually(names).WithContext(ctx).Should(Equal([]string{"api ", "web a"}))
		s.DeletePolicy(ctx, "api")
		Eventually(names).WithContext(ctx).Should(Equal([]string{"web a"}))
	}, limit)
})

// Who may do what, of all that there is to be done.
var _ = Describe("The rights to ask", func() {
	It("are those on LeaderPolicies, verb by verb and namespace by namespace", func(ctx context.Context) {
		s, elsewhere := scene.New(ctx, c), scene.New(ctx, c)
		served(ctx, s)
		served(ctx, elsewhere)
		accounts := map[string][]string{"nobody": nil, "getter": {"get"}, "lister": {"list"}, "watcher": {"watch"}, "updater": {"update"}, "patcher": {"patch"}, "viewer": {"get", "list", "watch"}}
		for account, verbs := range accounts {
			caller.Account(ctx, s, account, verbs...)
		}
		type question struct {
			verb string
			ask  func(a *caller.Caller, namespace string) error
		}
		for account, verbs := range accounts {
			a := askerAt(controller, caller.Token(ctx, s, account, caller.Audience))
			for _, q := range []question{
				{"get", func(a *caller.Caller, n string) error {
					_, err := a.GetLeader(a.Bearing(ctx), &zenleadv1.GetLeaderRequest{Pool: "web", Namespace: n})
					return err
				}},
				{"get", func(a *caller.Caller, n string) error {
					_, err := a.GetLeader(a.Bearing(ctx), &zenleadv1.GetLeaderRequest{Pool: "web", Namespace: n, Consistency: "strong"})
					return err
				}},
				{"list", func(a *caller.Caller, n string) error {
					_, err := a.ListPools(a.Bearing(ctx), &zenleadv1.ListPoolsRequest{Namespace: n})
					return err
				}},
				{"watch", func(a *caller.Caller, n string) error {
					ctx, cancel := context.WithCancel(ctx)
					defer cancel()
					stream, err := a.WatchLeader(a.Bearing(ctx), &zenleadv1.WatchLeaderRequest{Pool: "web", Namespace: n})
					if err == nil {
						_, err = stream.Recv()
					}
					return err
				}},
				{"update", func(a *caller.Caller, n string) error {
					_, err := a.Handover(a.Bearing(ctx), &zenleadv1.HandoverRequest{Pool: "web", Namespace: n, Move: &zenleadv1.Move{To: "nobody"}})
					return err
				}},
			} {
				want := "Forbidden"
				if slices.Contains(verbs, q.verb) {
					want = map[bool]string{true: "Refused", false: "OK"}[q.verb == "update"]
				}
				Expect(caller.Outcome(q.ask(a, s.Namespace))).To(Equal(want), "%s: %s", account, q.verb)
				Expect(caller.Outcome(q.ask(a, elsewhere.Namespace))).To(Equal("Forbidden"), "%s: %s elsewhere", account, q.verb)
				Expect(caller.Outcome(q.ask(a, "none"))).To(Equal("Forbidden"), "%s: %s where there is nothing", account, q.verb)
			}
			for path, verb := range map[string]string{"/v1/leader/pool/web": "get", "/v1/pools": "list"} {
				got, err := a.Call(ctx, "GET", path+"?namespace="+s.Namespace, "")
				Expect(err).NotTo(HaveOccurred())
				Expect(got.Status).To(Equal(map[bool]int{true: 200, false: 403}[slices.Contains(verbs, verb)]), "%s: %s", account, path)
			}
			got, err := a.Call(ctx, "GET", "/v1/pools", "")
			Expect(err).NotTo(HaveOccurred())
			Expect(got.Status).To(Equal(403), "%s: all namespaces", account)
		}
	}, limit)

	It("are given by the role zen-lead-api-viewer", func(ctx context.Context) {
		s := scene.New(ctx, c)
		served(ctx, s)
		caller.Account(ctx, s, "asker")
		Expect(s.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: s.Meta("asker"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "zen-lead-api-viewer"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: s.Namespace, Name: "asker"}},
		})).To(Succeed())
		a := askerAt(controller, caller.Token(ctx, s, "asker", caller.Audience))
		Eventually(who(ctx, a, s, "")).WithContext(ctx).Should(HaveField("Leader.Name", "a"))
		_, err := a.Handover(a.Bearing(ctx), &zenleadv1.HandoverRequest{Pool: "web", Namespace: s.Namespace, Move: &zenleadv1.Move{To: "b"}})
		Expect(caller.Outcome(err)).To(Equal("Forbidden"))
	}, limit)
})
