package locks_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	utilcert "k8s.io/client-go/util/cert"

	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// stranger starts one more replica, with a certificate that no other trusts: they do not reach one another, and lockers reach both.
func (t *stand) stranger(ctx context.Context) {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	certificate, key, err := utilcert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	Expect(err).NotTo(HaveOccurred())
	authority := filepath.Join(dir, "ca.crt")
	for name, content := range map[string][]byte{filepath.Join(dir, "tls.crt"): certificate, filepath.Join(dir, "tls.key"): key, authority: certificate} {
		Expect(os.WriteFile(name, content, 0o600)).To(Succeed())
	}
	s := t.seat(ctx, func(o *zenlead.Options) { o.Args = append(o.Args, "--api-cert-dir="+dir) })
	s.API.CA = authority
}

var _ = Describe("Replicas that do not reach one another", func() {
	It("both grant, and what they write excludes the other: nothing is lost, and a lock that one frees the other grants", func(ctx context.Context) {
		t := newStand(ctx, 1)
		t.stranger(ctx)
		var locks []string
		for range 5 {
			locks = append(locks, t.lock(ctx, 5))
		}
		for i := range 2 {
			t.locker(fmt.Sprint("near-", i), t.seats[:1], busy(locks, 4))
			t.locker(fmt.Sprint("far-", i), t.seats[1:], busy(locks, 4))
		}
		pass(ctx, faults.Longer(2*time.Second, 30*time.Second))
		for _, p := range t.lockers {
			Expect(p.Stop()).To(Succeed())
		}
		conflicts, grants := 0, map[string]int{}
		for _, lock := range locks {
			for _, s := range t.seats {
				conflicts += t.conflicts(s, lock)
			}
		}
		for _, r := range t.history() {
			if r.granted != 0 {
				grants[r.home]++
			}
		}
		GinkgoWriter.Println(grants, conflicts)
		Expect(conflicts).To(BeNumerically(">", 0), "they decided on the same versions")
		for _, s := range t.seats {
			Expect(grants[s.name]).To(BeNumerically(">", 5))
		}
	}, limit)
})
