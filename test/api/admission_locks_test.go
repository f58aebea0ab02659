package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// Rights on locks, as people are given them.
func lockRights(resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{resource}, Verbs: verbs}
}

// aHolder is one that a record may have.
func aHolder(id string, token int64) v1alpha1.LockHolder {
	return v1alpha1.LockHolder{
		RequestID: id, Owner: "owner-" + id, Account: "system:serviceaccount:default:" + id, Token: token,
		Since: &metav1.MicroTime{Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}, TTLSeconds: 15, Home: "zen-lead.gone",
	}
}

// versionOf is the resourceVersion of a lock, as a number.
func versionOf(o *v1alpha1.ManualLock) int64 {
	GinkgoHelper()
	n, err := strconv.ParseInt(o.ResourceVersion, 10, 64)
	Expect(err).NotTo(HaveOccurred())
	return n
}

var _ = Describe("Admission of locks", func() {
	var (
		s *scene.Scene
		// account acts as the controller.
		account client.Client
	)
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		account = s.As(zenlead.Username, "system:serviceaccounts", "system:serviceaccounts:"+zenlead.Namespace)
	})

	refused := func(message string) OmegaMatcher {
		return And(Satisfy(func(err error) bool { return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) }), MatchError(ContainSubstring(message)))
	}
	made := func(ctx context.Context, name string) *v1alpha1.ManualLock {
		GinkgoHelper()
		o := &v1alpha1.ManualLock{ObjectMeta: s.Meta(name)}
		Expect(s.Create(ctx, o)).To(Succeed())
		return o
	}
	// held makes a lock that a has, for an hour, which is for how long the controller leaves it alone: it does not hear of the holder, nor of its home.
	held := func(ctx context.Context, name string) *v1alpha1.ManualLock {
		GinkgoHelper()
		o := made(ctx, name)
		o.Status.Token = versionOf(o)
		h := aHolder("a", o.Status.Token)
		h.TTLSeconds = 3600
		o.Status.Holders = []v1alpha1.LockHolder{h}
		o.Status.LastTransition = &v1alpha1.LockTransition{Reason: v1alpha1.LockGranted, Message: "a got it"}
		Expect(account.Status().Update(ctx, o)).To(Succeed())
		return o
	}
	// try says what becomes of a status, and changes nothing.
	try := func(ctx context.Context, who client.Client, o *v1alpha1.ManualLock, edit func(*v1alpha1.ManualLockStatus)) error {
		o = o.DeepCopy()
		edit(&o.Status)
		return who.Status().Update(ctx, o, &client.SubResourceUpdateOptions{UpdateOptions: client.UpdateOptions{DryRun: []string{metav1.DryRunAll}}})
	}
	grant := func(id string, token int64) func(*v1alpha1.ManualLockStatus) {
		return func(st *v1alpha1.ManualLockStatus) {
			st.Token, st.Holders = token, []v1alpha1.LockHolder{aHolder(id, token)}
		}
	}

	It("lets nobody write a status but zen-lead", func(ctx context.Context) {
		o := made(ctx, "report")
		stranger := allow(ctx, s, "alice", lockRights("manuallocks/status", "update", "patch"), lockRights("manuallocks", "get", "patch", "update"))
		const alone = "status: zen-lead alone writes it"
		Expect(try(ctx, stranger, o, grant("a", versionOf(o)))).To(And(Satisfy(apierrors.IsForbidden), MatchError(ContainSubstring(alone))))
		Expect(try(ctx, stranger, o, func(st *v1alpha1.ManualLockStatus) { st.Waiting = new(int32(1)) })).To(refused(alone))
		patch := client.RawPatch(types.MergePatchType, []byte(`{"status":{"epoch":1,"token":900000}}`))
		Expect(stranger.Status().Patch(ctx, o.DeepCopy(), patch)).To(refused(alone))
		Expect(try(ctx, s.As("system:serviceaccount:other:zen-lead", "system:masters"), o, grant("a", versionOf(o)))).To(refused("status.epoch"), "of another namespace")
		Expect(try(ctx, s, o, grant("a", versionOf(o)))).To(refused("status.epoch"), "an administrator")
		Expect(try(ctx, account, o, grant("a", versionOf(o)))).To(Succeed())

		Expect(s.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: s.Meta("tenant"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "alice"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: s.Namespace, Name: "zen-lead"}},
		})).To(Succeed())
		Expect(try(ctx, s.As("system:serviceaccount:"+s.Namespace+":zen-lead"), o, grant("a", versionOf(o)))).To(Succeed(), "a tenant's")
	}, limit)

	It("lets a token become one value and no other, in a new lock and a used one", func(ctx context.Context) {
		o := made(ctx, "report")
		version := versionOf(o)
		for _, token := range []int64{1, version - 1, version + 1, 900000000, 1<<53 - 1} {
			Expect(try(ctx, account, o, grant("a", token))).To(refused(fmt.Sprintf("status.token: must stay or become %d,", version)), "%d", token)
		}
		Expect(try(ctx, account, o, grant("a", 1<<53))).To(refused("status.token"), "more than JSON holds exactly")
		grant("a", version)(&o.Status)
		Expect(account.Status().Update(ctx, o)).To(Succeed())

		// Here the version has grown past the token.
		next := versionOf(o)
		for _, token := range []int64{version, next + 1, 1<<53 - 1} {
			Expect(try(ctx, account, o, grant("b", token))).NotTo(Succeed(), "%d", token)
		}
		Expect(try(ctx, account, o, grant("b", version-1))).To(refused("status.token: only grows"))
		Expect(try(ctx, account, o, grant("b", next))).To(Succeed())

		// And here it is the token that is larger, as it was raised by hand.
		raised := made(ctx, "raised")
		raised.Status.Token, raised.Status.Epoch = 4000000000, 1
		Expect(s.Status().Update(ctx, raised)).To(Succeed())
		for _, token := range []int64{versionOf(raised), 4000000000, 4000000002} {
			Expect(try(ctx, account, raised, grant("a", token))).NotTo(Succeed(), "%d", token)
		}
		Expect(try(ctx, account, raised, grant("a", 4000000001))).To(Succeed())
	}, limit)

	It("lets nobody have a lock without a new token, nor two", func(ctx context.Context) {
		o := held(ctx, "report")
		token, next := o.Status.Token, versionOf(o)
		const unraised, kept = "status.holders: who gets the lock gets status.token", "status.holders: of who keeps the lock nothing changes but home, attempt and forced"
		Expect(try(ctx, account, o, func(st *v1alpha1.ManualLockStatus) { st.Holders[0].RequestID = "b" })).To(refused(unraised))
		Expect(try(ctx, account, o, func(st *v1alpha1.ManualLockStatus) { st.Holders[0].RequestID, st.Token = "b", next })).To(refused(unraised))
		Expect(try(ctx, account, o, func(st *v1alpha1.ManualLockStatus) {
			grant("b", next)(st)
			st.Holders = append(st.Holders, o.Status.Holders...)
		})).To(refused("status.holders: Too many"))
		Expect(try(ctx, account, o, func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Token, st.Token = next+1, next })).To(
			refused("status.holders: no token is higher than status.token"))
		for what, edit := range map[string]func(*v1alpha1.LockHolder){
			"token":   func(h *v1alpha1.LockHolder) { h.Token = token - 1 },
			"account": func(h *v1alpha1.LockHolder) { h.Account = "another" },
			"owner":   func(h *v1alpha1.LockHolder) { h.Owner = "another" },
			"ttl":     func(h *v1alpha1.LockHolder) { h.TTLSeconds-- },
			"since":   func(h *v1alpha1.LockHolder) { h.Since = nil },
		} {
			Expect(try(ctx, account, o, func(st *v1alpha1.ManualLockStatus) { edit(&st.Holders[0]) })).To(refused(kept), what)
		}
		// What happens every day.
		forced := &v1alpha1.LockForce{By: "alice", Reason: "stuck"}
		for what, edit := range map[string]func(*v1alpha1.ManualLockStatus){
			"another home": func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Home = "zen-lead.other" },
			"it is to go":  func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Forced = forced },
			"for a long reason": func(st *v1alpha1.ManualLockStatus) {
				st.Holders[0].Forced = &v1alpha1.LockForce{By: "alice", Reason: strings.Repeat("ü", 256)}
			},
			"released":    func(st *v1alpha1.ManualLockStatus) { st.Holders = nil },
			"handed over": grant("b", next),
			"somebody waits": func(st *v1alpha1.ManualLockStatus) {
				st.Waiters, st.Waiting = []v1alpha1.LockWaiter{{RequestID: "b"}}, new(int32(1))
			},
		} {
			Expect(try(ctx, account, o, edit)).To(Succeed(), what)
		}
		o.Status.Holders[0].Forced = forced
		Expect(account.Status().Update(ctx, o)).To(Succeed())
		Expect(try(ctx, account, o, func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Forced = nil })).To(refused("status.holders: forced is not taken back"))
		Expect(try(ctx, account, o, func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Home = "zen-lead.other" })).To(Succeed())
		Expect(try(ctx, account, o, grant("b", versionOf(o)))).To(Succeed())
	}, limit)

	It("lets tokens grow without a grant only where a lock is taken from its holder", func(ctx context.Context) {
		o := held(ctx, "report")
		next := versionOf(o)
		taken := func(reason string, holders []v1alpha1.LockHolder) func(*v1alpha1.ManualLockStatus) {
			return func(st *v1alpha1.ManualLockStatus) {
				st.Token, st.Holders, st.LastTransition = next, holders, &v1alpha1.LockTransition{Reason: reason}
			}
		}
		const burnt = "status.token: grows with a grant, or when a lock is taken from its holder by force"
		Expect(try(ctx, account, o, taken(v1alpha1.LockReleased, nil))).To(refused(burnt))
		Expect(try(ctx, account, o, taken(v1alpha1.LockExpired, nil))).To(refused(burnt))
		Expect(try(ctx, account, o, taken(v1alpha1.LockForced, o.Status.Holders))).To(refused(burnt), "it is still there")
		Expect(try(ctx, account, o, taken(v1alpha1.LockForced, nil))).To(Succeed())
		Expect(try(ctx, account, o, taken(v1alpha1.LockForced, []v1alpha1.LockHolder{aHolder("b", next)}))).To(Succeed())
		taken(v1alpha1.LockForced, nil)(&o.Status)
		Expect(account.Status().Update(ctx, o)).To(Succeed())
		next = versionOf(o)
		Expect(try(ctx, account, o, taken(v1alpha1.LockForced, nil))).To(refused(burnt), "once")
	}, limit)

	It("lets who may force-release raise token and epoch of a free lock, and nothing else", func(ctx context.Context) {
		free, taken := made(ctx, "free"), held(ctx, "taken")
		one := lockRights("manuallocks", "force-release")
		one.ResourceNames = []string{"free", "taken"}
		operator := allow(ctx, s, "olga", lockRights("manuallocks/status", "update", "patch"), one)
		raise := func(epoch, token int64) func(*v1alpha1.ManualLockStatus) {
			return func(st *v1alpha1.ManualLockStatus) { st.Epoch, st.Token = epoch, token }
		}
		Expect(try(ctx, operator, made(ctx, "other"), raise(1, 900000000))).To(refused("status: zen-lead alone writes it"))
		for _, who := range []client.Client{operator, s} {
			Expect(try(ctx, who, free, raise(0, 900000000))).To(refused("status.epoch: must be 1, one more than before"))
			Expect(try(ctx, who, free, raise(2, 900000000))).To(refused("status.epoch: must be 1, one more than before"))
			for _, token := range []int64{0, 4503599627370497} {
				Expect(try(ctx, who, free, raise(1, token))).To(refused("status.token: raised by hand, must be more than 0 and at most 4503599627370496"))
			}
			Expect(try(ctx, who, free, func(st *v1alpha1.ManualLockStatus) {
				grant("olga", 900000000)(st)
				st.Epoch = 1
			})).To(refused("status.holders: the token is raised by hand only while nobody holds the lock"))
			Expect(try(ctx, who, taken, raise(1, 900000000))).To(refused("status.holders: the token is raised by hand only while nobody holds the lock"))
			Expect(try(ctx, who, taken, func(st *v1alpha1.ManualLockStatus) {
				raise(1, 900000000)(st)
				st.Holders = nil
			})).To(refused("status.holders: the token is raised by hand only while nobody holds the lock"))
			Expect(try(ctx, who, free, func(st *v1alpha1.ManualLockStatus) {
				raise(1, 900000000)(st)
				st.Waiting = new(int32(1))
			})).To(refused("status: by hand nothing may be changed but token and epoch"))
		}
		Expect(try(ctx, account, free, raise(1, 0))).To(refused("status.epoch: zen-lead does not change it"))
		Expect(try(ctx, account, free, func(st *v1alpha1.ManualLockStatus) {
			grant("a", versionOf(free))(st)
			st.Epoch = 1
		})).To(refused("status.epoch: zen-lead does not change it"))

		// As docs/lock.md has it.
		Expect(c.Kubectl(ctx, "create", "-n", s.Namespace, "rolebinding", "operates", "--clusterrole=zen-lead-lock-operator", "--user=oscar")).Error().NotTo(HaveOccurred())
		Expect(c.Kubectl(ctx, "patch", "manuallock", "free", "-n", s.Namespace, "--as=oscar", "--subresource=status", "--type=merge",
			"-p", `{"status":{"epoch":1,"token":900000000}}`)).Error().NotTo(HaveOccurred())
		free = scene.Read(ctx, s, "free", &v1alpha1.ManualLock{})
		Expect(free.Status).To(Equal(v1alpha1.ManualLockStatus{Epoch: 1, Token: 900000000}))
		Expect(try(ctx, operator, free, raise(0, 900000001))).To(refused("status.epoch: only grows"))
		waits := free.DeepCopy()
		waits.Status.Waiting = new(int32(3))
		Expect(account.Status().Update(ctx, waits)).To(Succeed())
		Expect(try(ctx, operator, waits, raise(2, 900000001))).To(Succeed())
		Expect(try(ctx, operator, waits, func(st *v1alpha1.ManualLockStatus) { *st = v1alpha1.ManualLockStatus{Epoch: 2, Token: 900000001} })).To(
			refused("status: by hand nothing may be changed"), "what was there stays")
	}, limit)

	It("refuses the deletion of a held lock, but not to administrators and the controller of namespaces", func(ctx context.Context) {
		o := held(ctx, "report")
		alice := allow(ctx, s, "alice", lockRights("manuallocks", "delete", "deletecollection"))
		Expect(alice.Delete(ctx, o)).To(refused("held by owner-a: release it first: kubectl zenlead lock release --force report"))
		Expect(alice.DeleteAllOf(ctx, &v1alpha1.ManualLock{}, client.InNamespace(s.Namespace))).To(refused("held by owner-a"))
		Expect(s.Delete(ctx, o, client.DryRunAll)).To(Succeed())
		Expect(s.As("system:serviceaccount:kube-system:namespace-controller", "system:serviceaccounts:kube-system").Delete(ctx, o, client.DryRunAll)).To(Succeed())
		o.Status.Holders = nil
		Expect(account.Status().Update(ctx, o)).To(Succeed())
		Expect(alice.Delete(ctx, o)).To(Succeed())
	}, limit)

	It("lets a lock be asked for less while it is held", func(ctx context.Context) {
		o := held(ctx, "report")
		o.Spec = v1alpha1.ManualLockSpec{TTLSeconds: &v1alpha1.TTLBounds{Max: new(int32(1))}, MaxWaiters: new(int32(0))}
		Expect(s.Update(ctx, o)).To(Succeed())
		Expect(try(ctx, account, o, grant("b", versionOf(o)))).To(Succeed())
	}, limit)

	Describe("that are taken by force", func() {
		// annotate writes the order, "" takes it off.
		annotate := func(ctx context.Context, who client.Client, order string, opts ...client.PatchOption) error {
			value := any(order)
			if order == "" {
				value = nil
			}
			patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.ForceReleaseAnnotation: value}}})
			Expect(err).NotTo(HaveOccurred())
			return who.Patch(ctx, &v1alpha1.ManualLock{ObjectMeta: s.Meta("report")}, client.RawPatch(types.MergePatchType, patch), opts...)
		}
		const the = "metadata.annotations[zen-lead/force-release]: "

		It("are so by who has the right, in his own name", func(ctx context.Context) {
			o := held(ctx, "report")
			one := lockRights("manuallocks", "force-release")
			one.ResourceNames = []string{"other"}
			bob := allow(ctx, s, "bob", lockRights("manuallocks", "get", "patch"), one)
			orderOf := func(by string) v1alpha1.ForceRelease {
				return v1alpha1.ForceRelease{Token: o.Status.Token, By: by, Reason: "stuck"}
			}
			Expect(annotate(ctx, bob, orderOf("bob").String(), client.DryRunAll)).To(
				And(Satisfy(apierrors.IsForbidden), MatchError(ContainSubstring(the+"you have no right to force-release "+s.Namespace+"/report"))))
			for i, name := range []string{"alice", "oidc:Jürgen O'Hara", `CORP\alice`, `"quoted"`, "<a&b>", `\",\"reason\":\"x`, "alice@example.com"} {
				user := "u" + strconv.Itoa(i)
				Expect(s.Create(ctx, &rbacv1.RoleBinding{
					ObjectMeta: s.Meta(user), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "zen-lead-lock-operator"},
					Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
				})).To(Succeed())
				operator := s.As(name)
				Expect(annotate(ctx, operator, orderOf(name).String(), client.DryRunAll)).To(Succeed(), name)
				order := orderOf(name)
				order.Now, order.Reason = true, "its \"node\" is <gone> & \\\n\tDüsseldorf \u2028 lost it"
				Expect(annotate(ctx, operator, order.String(), client.DryRunAll)).To(Succeed(), name)
				Expect(annotate(ctx, operator, orderOf("bob").String(), client.DryRunAll)).To(refused(the+"by must be "), name)
				Expect(annotate(ctx, operator, orderOf(name+"2").String(), client.DryRunAll)).To(refused(the+"by must be "), name)
			}
		}, limit)

		It("are not by an order that is not in its one form, or means another holder", func(ctx context.Context) {
			o := held(ctx, "report")
			token := o.Status.Token
			Expect(c.Kubectl(ctx, "create", "-n", s.Namespace, "rolebinding", "operates", "--clusterrole=zen-lead-lock-operator", "--user=alice")).Error().NotTo(HaveOccurred())
			alice := s.As("alice")
			good := v1alpha1.ForceRelease{Token: token, By: "alice", Reason: "stuck"}.String()
			Expect(good).To(Equal(fmt.Sprintf(`{"token":%d,"by":"alice","reason":"stuck"}`, token)))
			edit := func(old, replacement string) string {
				GinkgoHelper()
				Expect(good).To(ContainSubstring(old))
				return strings.Replace(good, old, replacement, 1)
			}
			for what, order := range map[string]string{
				"no JSON":                       "now",
				"a space":                       edit(`,"by"`, `, "by"`),
				"a line before":                 "\n" + good,
				"a line after":                  good + "\n",
				"another order":                 fmt.Sprintf(`{"by":"alice","token":%d,"reason":"stuck"}`, token),
				"no token":                      edit(fmt.Sprintf(`"token":%d,`, token), ""),
				"token 0":                       edit(strconv.FormatInt(token, 10), "0"),
				"a token with a fraction":       edit(strconv.FormatInt(token, 10), strconv.FormatInt(token, 10)+".0"),
				"no reason":                     edit(`stuck`, ``),
				"a long reason":                 edit("stuck", strings.Repeat("x", 257)),
				"a reason with a quote":         edit("stuck", `stuck","by":"bob`),
				"a reason that never ends":      edit(`stuck"`, `stuck\"`),
				"a reason with a bad escape":    edit("stuck", `\x`),
				"a reason with a control":       edit("stuck", "a\x01"),
				"a second name":                 edit(`"stuck"`, `"stuck","by":"bob"`),
				"a name in capitals":            edit(`"stuck"`, `"stuck","By":"bob"`),
				"now: false":                    edit(`"stuck"`, `"stuck","now":false`),
				"now: 1":                        edit(`"stuck"`, `"stuck","now":1`),
				"something more":                edit(`"stuck"`, `"stuck","later":true`),
				"two values":                    good + good,
				"a very long reason":            edit("stuck", strings.Repeat("x", 200_000)),
				"an escaped letter in a name":   edit("alice", `\u0061lice`),
				"a name that goes on":           edit(`"alice"`, `"alice\",\"reason\":\"x"`),
				"a token that no lock can have": edit(strconv.FormatInt(token, 10), "99999999999999999999"),
			} {
				Expect(annotate(ctx, alice, order, client.DryRunAll)).To(refused("metadata.annotations"), what)
			}
			Expect(annotate(ctx, alice, edit("stuck", strings.Repeat("ü", 256)), client.DryRunAll)).To(Succeed())
			other := v1alpha1.ForceRelease{Token: token + 1, By: "alice", Reason: "stuck"}
			Expect(annotate(ctx, alice, other.String(), client.DryRunAll)).To(refused(the + "nobody holds the lock with token " + strconv.FormatInt(token+1, 10)))
			born := &v1alpha1.ManualLock{ObjectMeta: s.Meta("born")}
			born.Annotations = map[string]string{v1alpha1.ForceReleaseAnnotation: good}
			Expect(s.Create(ctx, born)).To(refused(the + "a lock is made without it"))
			o.Status.Holders = nil
			Expect(account.Status().Update(ctx, o)).To(Succeed())
			Expect(annotate(ctx, alice, good, client.DryRunAll)).To(refused(the + "nobody holds the lock"))
		}, limit)

		It("are not any more once who may takes the order back; zen-lead may do nothing but that to a lock", func(ctx context.Context) {
			withoutController(ctx, func() { // nobody obeys
				o := held(ctx, "report")
				o.Labels, o.Annotations = map[string]string{"app": "web"}, map[string]string{"example.com/note": "mine"}
				Expect(s.Update(ctx, o)).To(Succeed())
				bob := allow(ctx, s, "bob", lockRights("manuallocks", "get", "patch"))
				olga := allow(ctx, s, "olga", lockRights("manuallocks", "get", "patch", "force-release"))
				order := v1alpha1.ForceRelease{Token: o.Status.Token, By: "olga", Reason: "stuck"}
				Expect(annotate(ctx, olga, order.String())).To(Succeed())
				Expect(annotate(ctx, bob, "")).To(refused(the + "you have no right to force-release"))
				Expect(bob.Patch(ctx, o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"app":"shop"}}}`)))).To(
					Succeed(), "the rest of the lock may be changed while the order is there")
				Expect(annotate(ctx, olga, "", client.DryRunAll)).To(Succeed())
				order.By = zenlead.Username
				Expect(annotate(ctx, account, order.String())).To(refused("zen-lead/force-release"))

				patch := func(body string) error {
					return account.Patch(ctx, &v1alpha1.ManualLock{ObjectMeta: s.Meta("report")}, client.RawPatch(types.MergePatchType, []byte(body)))
				}
				for what, body := range map[string]string{
					"spec":               `{"spec":{"maxWaiters":0}}`,
					"labels":             `{"metadata":{"labels":{"app":"web"}}}`,
					"a new annotation":   `{"metadata":{"annotations":{"zen-lead/new":"b"}}}`,
					"another annotation": `{"metadata":{"annotations":{"example.com/note":null}}}`,
					"finalizers":         `{"metadata":{"finalizers":["example.com/never"]}}`,
					"ownerReferences":    `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u"}]}}`,
				} {
					Expect(patch(body)).To(refused("zen-lead may change nothing of a ManualLock but take the annotation zen-lead/force-release off"), what)
				}
				Expect(account.Update(ctx, scene.Read(ctx, s, "report", &v1alpha1.ManualLock{}))).To(MatchError(ContainSubstring("forbidden")), "it may patch, and not replace")
				Expect(account.Delete(ctx, o)).To(MatchError(ContainSubstring("forbidden")))
				Expect(annotate(ctx, account, "")).To(Succeed())
			})
		}, limit)
	})

	It("refuses each invalid lock with a message that names the field, as docs/invalid-locks.md says", func(ctx context.Context) {
		refusesEach(ctx, "locks", invalidLocks)
	}, limit)

	It("keeps a status within 16 KiB", func(ctx context.Context) {
		o := made(ctx, "report")
		text := func(n int) string { return strings.Repeat("x", n) }
		when := &metav1.MicroTime{Time: time.Date(2026, 12, 31, 23, 59, 59, 999999000, time.UTC)}
		full := v1alpha1.ManualLockStatus{Waiting: new(int32(math.MaxInt32)), Token: versionOf(o)}
		full.Holders = []v1alpha1.LockHolder{{
			RequestID: text(64), Owner: text(128), Account: text(512), Token: full.Token, Since: when, TTLSeconds: 3600, Home: text(253),
			Forced: &v1alpha1.LockForce{By: text(512), Reason: text(256)},
		}}
		for range 8 {
			full.Waiters = append(full.Waiters, v1alpha1.LockWaiter{RequestID: text(64), Owner: text(128), Account: text(512), Since: when})
		}
		for range 16 {
			full.Finished = append(full.Finished, text(12))
		}
		full.LastTransition = &v1alpha1.LockTransition{Reason: v1alpha1.LockReleased, Time: when, Message: text(1024)}
		for what, edit := range map[string]func(*v1alpha1.ManualLockStatus){
			"holders[0].requestID":     func(st *v1alpha1.ManualLockStatus) { st.Holders[0].RequestID += "x" },
			"holders[0].owner":         func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Owner += "x" },
			"holders[0].account":       func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Account += "x" },
			"holders[0].home":          func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Home += "x" },
			"holders[0].forced.by":     func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Forced.By += "x" },
			"holders[0].forced.reason": func(st *v1alpha1.ManualLockStatus) { st.Holders[0].Forced.Reason += "x" },
			"waiters":                  func(st *v1alpha1.ManualLockStatus) { st.Waiters = append(st.Waiters, st.Waiters[0]) },
			"waiters[7].requestID":     func(st *v1alpha1.ManualLockStatus) { st.Waiters[7].RequestID += "x" },
			"waiters[7].owner":         func(st *v1alpha1.ManualLockStatus) { st.Waiters[7].Owner += "x" },
			"waiters[7].account":       func(st *v1alpha1.ManualLockStatus) { st.Waiters[7].Account += "x" },
			"finished":                 func(st *v1alpha1.ManualLockStatus) { st.Finished = append(st.Finished, "x") },
			"finished[15]":             func(st *v1alpha1.ManualLockStatus) { st.Finished[15] += "x" },
			"lastTransition.message":   func(st *v1alpha1.ManualLockStatus) { st.LastTransition.Message += "x" },
			"lastTransition.reason":    func(st *v1alpha1.ManualLockStatus) { st.LastTransition.Reason = "Because" },
		} {
			Expect(try(ctx, account, o, func(st *v1alpha1.ManualLockStatus) {
				*st = *full.DeepCopy()
				edit(st)
			})).To(refused("status."+what+": "), what)
		}
		o.Status = full
		Expect(account.Status().Update(ctx, o)).To(Succeed())
		is, err := json.Marshal(scene.Read(ctx, s, "report", &v1alpha1.ManualLock{}).Status)
		Expect(err).NotTo(HaveOccurred())
		// The schema counts characters; the API of zen-lead counts bytes of what callers send, so that they are as many.
		Expect(len(is)).To(And(BeNumerically(">", 9<<10), BeNumerically("<", 16<<10)))
	}, limit)
})

// invalidLocks says for each file of testdata/invalid-locks which field the message must name, and how it must begin.
var invalidLocks = map[string]string{
	"name-begins-with-a-digit": "metadata: Invalid value: metadata.name: must start with a letter",
	"name-too-long":            "metadata: Invalid value: metadata.name: must start with a letter, hold only lower-case letters, digits and '-', and be at most 63 characters",
	"name-with-a-dot":          "metadata: Invalid value: metadata.name: must start with a letter",
	"made-with-an-order":       "metadata.annotations[zen-lead/force-release]: a lock is made without it",
	"field-unknown":            `unknown field "spec.ttl"`,
	"ttl-empty":                "spec.ttlSeconds: Invalid value",
	"ttl-a-number":             "spec.ttlSeconds: Invalid value",
	"ttl-zero":                 "spec.ttlSeconds.max: Invalid value",
	"ttl-too-long":             "spec.ttlSeconds.max: Invalid value",
	"ttl-least-above-most":     "spec.ttlSeconds: min (1 where it is not set) must not be more than max (300 where it is not set)",
	"ttl-least-above-default":  "spec.ttlSeconds: min (1 where it is not set) must not be more than max (300 where it is not set)",
	"max-waiters-negative":     "spec.maxWaiters: Invalid value",
	"max-waiters-too-many":     "spec.maxWaiters: Invalid value",
	"description-too-long":     "spec.description: Too long: may not be more than 256",
}
