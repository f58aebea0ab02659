package chart

import (
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func render(t *testing.T, args ...string) string {
	t.Helper()
	out, err := runHelm(t.Context(), t.TempDir(), append([]string{"template", "--skip-tests"}, args...)...)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return out
}

// installed returns what a folder of controller/config installs.
func installed(t *testing.T, folder string) map[string]map[string]any {
	t.Helper()
	g := NewWithT(t)
	kustomization, err := os.Open(path(folder, "kustomization.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	defer kustomization.Close()
	list, err := objects(kustomization)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(1))
	var text strings.Builder
	for _, k := range list {
		resources, _, err := unstructured.NestedStringSlice(k, "resources")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(resources).NotTo(BeEmpty())
		for _, file := range resources {
			data, err := os.ReadFile(path(folder, file))
			g.Expect(err).NotTo(HaveOccurred())
			text.WriteString("---\n" + string(data))
		}
	}
	all, err := objects(strings.NewReader(text.String()))
	g.Expect(err).NotTo(HaveOccurred())
	return all
}

// bare takes off what only Helm wants.
func bare(o map[string]any) map[string]any {
	u := unstructured.Unstructured{Object: o}
	u.SetLabels(nil)
	annotations := u.GetAnnotations()
	delete(annotations, "helm.sh/resource-policy")
	u.SetAnnotations(annotations)
	if len(annotations) == 0 {
		u.SetAnnotations(nil)
	}
	return u.Object
}

func TestTheChartInstallsWhatKustomizeInstalls(t *testing.T) {
	out := render(t, "zen-lead", chartDir, "-n", "zen-lead-system", "--set", "flowControl.participants=true")
	chart, err := objects(strings.NewReader(out))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, folder := range []string{"controller/config", "controller/config/participants-flow"} {
		for key, want := range installed(t, folder) {
			if strings.HasPrefix(key, "v1 Namespace ") { // Helm makes it, or finds it
				continue
			}
			t.Run(key, func(t *testing.T) {
				g := NewWithT(t)
				g.Expect(chart).To(HaveKey(key))
				g.Expect(bare(chart[key])).To(Equal(bare(want)))
			})
		}
	}
}

func TestAReleaseElsewhereNamesNothingOfTheContractsNamespace(t *testing.T) {
	g := NewWithT(t)
	out := render(t, "prod", chartDir, "-n", "ops", "--set", "flowControl.participants=true,networkPolicy.enabled=true,podMonitor.enabled=true")
	g.Expect(out).NotTo(ContainSubstring("zen-lead-system"))
	// Eight policies name the account: the guard of Leases twice, those of the status of locks and of orders to take them, and those of what it
	// writes on pods, LeaderPolicies, locks, Services and Leases.
	g.Expect(strings.Count(out, "system:serviceaccount:ops:prod-zen-lead")).To(Equal(9))
}

func TestNoRoleHasAWildcardAndNoneReachesASecretButTheAPIs(t *testing.T) {
	for _, values := range []string{"podMonitor.enabled=true", "watchNamespaces={team-a,team-b}", "watchNamespaces={zen-lead-system},clusterObjects=false"} {
		t.Run(values, func(t *testing.T) {
			g := NewWithT(t)
			chart, err := objects(strings.NewReader(render(t, "zen-lead", chartDir, "-n", "zen-lead-system", "--set", values)))
			g.Expect(err).NotTo(HaveOccurred())
			roles := 0
			for key, o := range chart {
				kind := (&unstructured.Unstructured{Object: o}).GetKind()
				if kind != "Role" && kind != "ClusterRole" {
					continue
				}
				roles++
				rules, _, err := unstructured.NestedSlice(o, "rules")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(rules).NotTo(BeEmpty(), key)
				for _, rule := range rules {
					rule := rule.(map[string]any)
					resources, _, err := unstructured.NestedStringSlice(rule, "resources")
					g.Expect(err).NotTo(HaveOccurred())
					for _, of := range rule {
						g.Expect(of).NotTo(ContainElement("*"), key)
					}
					if slices.Contains(resources, "secrets") {
						g.Expect(rule["resourceNames"]).To(HaveLen(1), key)
						g.Expect(rule["verbs"]).To(ConsistOf("get", "update"), key)
					}
				}
			}
			g.Expect(roles).To(BeNumerically(">=", 2))
		})
	}
}
