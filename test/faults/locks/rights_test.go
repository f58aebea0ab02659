package locks_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/locker"
)

// mayHaveOne makes an account that may acquire one lock and no other, and has a locker act as that.
func (t *stand) mayHaveOne(ctx context.Context, lock string) func(*locker.Options) {
	GinkgoHelper()
	const name = "one"
	caller.Account(ctx, t.Scene, name)
	Expect(t.Create(ctx, &rbacv1.Role{ObjectMeta: t.Meta(name), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"manuallocks"}, ResourceNames: []string{lock}, Verbs: []string{"acquire"}},
	}})).To(Succeed())
	Expect(t.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: t.Meta(name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: t.Namespace, Name: name}},
	})).To(Succeed())
	token := caller.Token(ctx, t.Scene, name, caller.Audience)
	return func(o *locker.Options) { o.Token = token }
}

var _ = Describe("A holder whose account loses the right to acquire", func() {
	long("can renew no more within 15 s; the lock is free once its ttl has passed, if it does not release it", func(ctx context.Context) {
		t := newStand(ctx, 2)
		const ttl = 4
		lock := t.lock(ctx, ttl)
		a, _ := t.locker("a", t.seats, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		t.renews(ctx, a)
		Expect(t.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: t.Meta(account)})).To(Succeed())
		removed := election.Now()
		over := t.awaits(ctx, a, locker.Over, removed)
		Expect(over.Outcome).To(Equal("Forbidden"))
		Expect(over.At - removed).To(BeNumerically("<", 15*time.Second+seconds(ttl)/3+soon))
		Expect(t.awaits(ctx, a, locker.Released, over.At).Outcome).To(Equal(locker.OK), "it may give up what it holds")
		Expect(t.holder(ctx, lock)).To(BeEmpty())
		Expect(t.status(ctx, lock).Token).To(Equal(g.Token))
		// The other replica may have looked at its rights a moment before they went.
		b, _ := t.locker("b", t.seats, on(lock))
		refused := t.awaits(ctx, b, locker.Refused, 0)
		Expect(refused.Outcome).To(Equal("Forbidden"))
		Expect(refused.At - removed).To(BeNumerically("<", 15*time.Second+soon))
	})

	long("and stands still: the lock is free once its ttl has passed", func(ctx context.Context) {
		t := newStand(ctx, 2)
		const ttl = 2
		lock := t.lock(ctx, ttl)
		a, _ := t.locker("a", t.seats, on(lock), once)
		t.awaits(ctx, a, locker.Granted, 0)
		sent := t.renews(ctx, a)
		Expect(t.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: t.Meta(account)})).To(Succeed())
		Expect(a.Freeze()).To(Succeed())
		Eventually(ctx, func() string { return t.holder(ctx, lock) }).Should(BeEmpty())
		Expect(election.Now() - sent).To(And(BeNumerically(">", seconds(ttl)*21/20), BeNumerically("<", seconds(ttl)*21/20+seconds(ttl)/3+soon)))
		Expect(a.Resume()).To(Succeed())
		t.awaits(ctx, a, locker.Over, sent)
	})
})
