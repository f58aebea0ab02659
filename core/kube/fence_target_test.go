package kube

import (
	"strings"
	"testing"
)

func TestWhatARequestIsAbout(t *testing.T) {
	const reads, stamped, judged = "reads", "writes, and is stamped", "writes"
	for request, is := range map[string]string{
		"GET /api/v1/namespaces/default/pods/web-0": reads,
		"HEAD /healthz": reads,
		"OPTIONS /":     reads,
		"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews":               reads,
		"POST /apis/authorization.k8s.io/v1/namespaces/x/localsubjectaccessreviews": reads,
		"POST /apis/authentication.k8s.io/v1/tokenreviews":                          reads,
		"GET /api/v1/namespaces/default/services/web/proxy/metrics":                 reads,

		"POST /api/v1/namespaces/default/configmaps":                  stamped,
		"POST /api/v1/namespaces":                                     stamped,
		"PATCH /api/v1/namespaces/default":                            stamped,
		"PUT /api/v1/namespaces/default/status":                       stamped,
		"PUT /apis/apps/v1/namespaces/default/deployments/web":        stamped,
		"PUT /apis/apps/v1/namespaces/default/deployments/web/status": stamped,
		"PATCH /api/v1/nodes/a":                                       stamped,
		"PATCH /apis/example.com/v1/widgets/w/status":                 stamped,

		"DELETE /api/v1/namespaces/default/configmaps/settings":           judged,
		"DELETE /api/v1/namespaces/default/configmaps":                    judged,
		"PUT /api/v1/namespaces/default/finalize":                         judged,
		"POST /api/v1/namespaces/default/pods/web-0/eviction":             judged,
		"POST /api/v1/namespaces/default/pods/web-0/binding":              judged,
		"POST /api/v1/namespaces/default/serviceaccounts/web/token":       judged,
		"PUT /apis/apps/v1/namespaces/default/deployments/web/scale":      judged,
		"PATCH /apis/apps/v1/namespaces/default/deployments/web/scale":    judged,
		"POST /api/v1/namespaces/default/services/web/proxy/hook":         judged,
		"POST /api/v1/namespaces/default/pods/web-0/exec":                 judged,
		"GET /api/v1/namespaces/default/pods/web-0/exec":                  judged,
		"GET /api/v1/namespaces/default/pods/web-0/attach":                judged,
		"GET /api/v1/namespaces/default/pods/web-0/portforward":           judged,
		"POST /apis/example.com/authorization.k8s.io/v1/x/reviews/r/deep": judged,
		"POST /version": judged,
		"PATCH /api":    judged,
	} {
		t.Run(request, func(t *testing.T) {
			for _, root := range []string{"", "/", "/k8s/clusters/c-1", "/k8s/clusters/c-1/"} {
				method, path, _ := strings.Cut(request, " ")
				about, got := targetOf(root, strings.TrimSuffix(root, "/")+path), judged
				switch {
				case about.reads(method):
					got = reads
				case about.takesAnnotations(method):
					got = stamped
				}
				if got != is {
					t.Errorf("below %q it %s, want %s", root, got, is)
				}
			}
		})
	}
}
