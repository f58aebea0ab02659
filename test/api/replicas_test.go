package api_test

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("A replica", func() {
	// lease reads the Lease that a process says is its own.
	lease := func(ctx context.Context, s *scene.Scene, r *zenlead.Controller) (*coordinationv1.Lease, error) {
		name, err := r.Lease()
		if err != nil {
			return nil, err
		}
		l := &coordinationv1.Lease{}
		return l, s.Get(ctx, client.ObjectKey{Namespace: zenlead.Namespace, Name: name}, l)
	}

	It("has a Lease while it runs, renews it at once for a newcomer, and deletes it when it stops", func(ctx context.Context) {
		s := scene.New(ctx, c)
		var first *coordinationv1.Lease
		Eventually(ctx, func(ctx context.Context) (err error) {
			first, err = lease(ctx, s, controller)
			return err
		}).Should(Succeed())
		Expect(first.Spec.LeaseDurationSeconds).To(HaveValue(Equal(int32(15))))
		Expect(first.Name).To(Equal("zen-lead." + *first.Spec.HolderIdentity))
		Expect(first.OwnerReferences).To(BeEmpty())

		other, err := zenlead.Start(ctx, c, zenlead.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(other.Kill()).To(Succeed()) })
		Eventually(ctx, func(ctx context.Context) (string, error) {
			l, err := lease(ctx, s, controller)
			return l.ResourceVersion, err
		}).ShouldNot(Equal(first.ResourceVersion))
		Expect(lease(ctx, s, other)).NotTo(HaveField("Name", first.Name), "each process has its own")

		Expect(other.Stop(ctx)).To(Succeed())
		_, err = lease(ctx, s, other)
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
		Expect(lease(ctx, s, controller)).To(HaveField("UID", first.UID), "the other one's is there")
	}, limit)

	It("goes on under another name when somebody deletes its Lease", func(ctx context.Context) {
		s := scene.New(ctx, c)
		before, err := lease(ctx, s, controller)
		Expect(err).NotTo(HaveOccurred())
		Expect(s.Delete(ctx, before)).To(Succeed())
		Eventually(ctx, func(ctx context.Context) (string, error) {
			now, err := lease(ctx, s, controller)
			if err != nil {
				return "", err
			}
			return now.Name, nil
		}).Should(And(HavePrefix("zen-lead."), Not(Equal(before.Name))))
	}, limit)

	It("may delete Leases in its own namespace and in no other", func(ctx context.Context) {
		s := scene.New(ctx, c)
		account := s.As(zenlead.Username, "system:serviceaccounts", "system:authenticated")
		elsewhere := &coordinationv1.Lease{ObjectMeta: s.Meta("x")}
		Expect(s.Create(ctx, elsewhere)).To(Succeed())
		Expect(apierrors.IsForbidden(account.Delete(ctx, elsewhere))).To(BeTrue())
		own := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: zenlead.Namespace, Name: "zen-lead." + strings.ToLower(s.Namespace)}}
		Expect(s.Create(ctx, own)).To(Succeed())
		Expect(account.Delete(ctx, own)).To(Succeed())

		pools := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: zenlead.Namespace, Name: strings.ToLower(s.Namespace)}}
		Expect(s.Create(ctx, pools)).To(Succeed())
		pools.Annotations = map[string]string{v1alpha1.TermBaseAnnotation: pools.ResourceVersion}
		Expect(s.Update(ctx, pools)).To(Succeed())
		Expect(account.Delete(ctx, pools)).To(MatchError(ContainSubstring("zen-lead deletes no pool's Lease")))
		Expect(s.Delete(ctx, pools)).To(Succeed())
	}, limit)
})
