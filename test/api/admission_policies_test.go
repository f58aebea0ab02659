package api_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var policyRights = rbacv1.PolicyRule{
	APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"leaderpolicies"}, Verbs: []string{"create"},
}

var _ = Describe("Admission of LeaderPolicies", func() {
	It("asks of their author the right to update the Lease", func(ctx context.Context) {
		s := scene.New(ctx, c)
		bob := allow(ctx, s, "bob", policyRights)
		err := bob.Create(ctx, &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta("web")})
		Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(And(ContainSubstring("metadata.name"), ContainSubstring(s.Namespace+"/web"), ContainSubstring("may not update"))))

		one := leaseRights
		one.ResourceNames = []string{"web"}
		carol := allow(ctx, s, "carol", policyRights, one)
		Expect(carol.Create(ctx, &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta("web")})).To(Succeed())
		Expect(carol.Create(ctx, &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta("shop")})).NotTo(Succeed())
	}, limit)

	It("refuses them where the elections of the cluster itself are", func(ctx context.Context) {
		for _, namespace := range []string{metav1.NamespaceSystem, metav1.NamespacePublic} {
			err := scene.ClientOf(c.RESTConfig()).Create(ctx, &v1alpha1.LeaderPolicy{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "kube-scheduler"},
			})
			Expect(err).To(MatchError(And(ContainSubstring("metadata.namespace"), ContainSubstring(namespace))))
		}
	}, limit)

	It("accepts names up to the limits", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, strings.Repeat("a", 56))
		s.Policy(ctx, strings.Repeat("b", 63), func(p *v1alpha1.LeaderPolicy) { p.Spec.Service = &v1alpha1.LeaderService{Name: "b"} })
		s.Policy(ctx, strings.Repeat("c", 63), func(p *v1alpha1.LeaderPolicy) { p.Spec.Service = &v1alpha1.LeaderService{Disabled: true} })
	}, limit)

	It("refuses each invalid policy with a message that names the field, as docs/invalid-policies.md says", func(ctx context.Context) {
		refusesEach(ctx, "policies", invalid)
	}, limit)
})

// refusesEach tries the objects of testdata/invalid-<what>, says for each how its message begins, and compares the page docs/invalid-<what>.md.
func refusesEach(ctx context.Context, what string, messages map[string]string) {
	GinkgoHelper()
	files, err := filepath.Glob("testdata/invalid-" + what + "/*.yaml")
	Expect(err).NotTo(HaveOccurred())
	Expect(files).To(HaveLen(len(messages)), "an object without expectation, or the other way round")
	page := strings.Builder{}
	fmt.Fprintf(&page, invalidPageHead, strings.ToUpper(what[:1])+what[1:])
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		_, err := c.Kubectl(ctx, "create", "--dry-run=server", "-f", f)
		Expect(err).To(HaveOccurred(), name)
		Expect(messages).To(HaveKey(name))
		Expect(err.Error()).To(ContainSubstring(messages[name]), name)
		yaml, readErr := os.ReadFile(f)
		Expect(readErr).NotTo(HaveOccurred())
		page.WriteString(invalidSection(string(yaml), err.Error()))
	}
	checkPage("invalid-"+what+".md", page.String())
}

// invalid says for each file of testdata/invalid-policies which field the message must name, and how it must begin.
var invalid = map[string]string{
	"name-begins-with-a-digit":         "metadata: Invalid value: metadata.name: must start with a letter",
	"name-too-long":                    "metadata: Invalid value: metadata.name: must be at most 56 characters",
	"mode-unknown":                     `spec.mode: Unsupported value: "manual"`,
	"field-unknown":                    `unknown field "spec.servce"`,
	"service-empty":                    "spec.service: Invalid value",
	"service-name":                     "spec.service.name: must start with a letter",
	"service-disabled-and-named":       "spec.service.disabled: name and ports have no meaning when it is true",
	"port-out-of-range":                "spec.service.ports[0].port: Invalid value",
	"port-name":                        "spec.service.ports.name: must hold only lower-case letters",
	"ports-with-one-number":            "spec.service.ports: two ports have the same number and protocol",
	"ports-with-one-name":              "spec.service.ports[1]: Duplicate value",
	"ports-empty":                      "spec.service.ports: Invalid value",
	"target-port":                      "spec.service.ports.targetPort: must be a number between 1 and 65535",
	"protocol-unknown":                 `spec.service.ports[0].protocol: Unsupported value: "HTTP"`,
	"preference-empty":                 "spec.preference.weights: Required value",
	"preference-weights-none":          "spec.preference.weights: Invalid value",
	"preference-weight-of-nothing":     "spec.preference.weights: an entry names at least one of podLabels, nodeLabels, zone, region and nodeName",
	"preference-weight-too-large":      "spec.preference.weights[0].weight: Invalid value",
	"preference-weight-missing":        "spec.preference.weights[0].weight: Required value",
	"fail-back-empty":                  "spec.preference.failBack.afterSeconds: Required value",
	"fail-back-at-once":                "spec.preference.failBack.afterSeconds: Invalid value",
	"failover-empty":                   "spec.failover: Invalid value",
	"moves-too-far-apart":              "spec.failover.minSecondsBetweenMoves: Invalid value",
	"lease-name-in-mode-controller":    "spec.leaseName: only mode observe",
	"lease-name":                       "spec.leaseName: must be the name of a Lease",
	"observe-and-preference":           "spec.preference: cannot be obeyed in mode observe",
	"observe-and-failover":             "spec.failover: cannot be obeyed in mode observe",
	"observe-and-paused":               "spec.paused: cannot be obeyed in mode observe",
	"observe-and-identity":             "spec.identityStrategy: must be pod in mode observe",
	"lease-duration-zero":              "spec.leaseDurationSeconds: Invalid value",
	"renew-deadline-too-long":          "spec.renewDeadlineSeconds: must be at least 0.5 less than 0.95 times leaseDurationSeconds",
	"retry-period-too-long":            "spec.retryPeriodSeconds: must be less than renewDeadlineSeconds divided by 1.2",
	"participant-and-unreachable-node": "spec.failover.unreachableNode: cannot be obeyed in mode participant",
	"identity-strategy-unknown":        `spec.identityStrategy: Unsupported value: "hostname"`,
}

const invalidPageHead = `# %s that are refused, and what you are told

Written by the test of test/api that tries them on a real API server (ZEN_LEAD_UPDATE=1); do not edit.
`

// said is what kubectl says, without what comes before it.
var said = regexp.MustCompile(`(?s)(Error from server|The LeaderPolicy|The ManualLock|The manuallocks).*`)

var source = regexp.MustCompile(`error when creating "[^"]*": `)

// invalidSection is one policy of the page: its first comment is the heading.
func invalidSection(yaml, message string) string {
	title, yaml, _ := strings.Cut(strings.TrimPrefix(yaml, "# "), "\n")
	message = source.ReplaceAllString(strings.TrimSpace(said.FindString(message)), "")
	return fmt.Sprintf("\n## %s\n\n```yaml\n%s```\n\n```text\n%s\n```\n", title, yaml, message)
}

// checkPage compares a page in docs, or writes it where that is asked for.
func checkPage(name, want string) {
	GinkgoHelper()
	root, err := zenlead.Root()
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(root, "docs", name)
	if os.Getenv("ZEN_LEAD_UPDATE") != "" {
		Expect(os.WriteFile(file, []byte(want), 0o644)).To(Succeed())
	}
	is, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	Expect(string(is)).To(Equal(want), "run the test with ZEN_LEAD_UPDATE=1")
}
