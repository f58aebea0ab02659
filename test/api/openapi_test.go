package api_test

import (
	"context"
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/go-openapi/loads"
	"github.com/go-openapi/spec"
	"github.com/go-openapi/strfmt"
	"github.com/go-openapi/validate"

	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("The description of the API", func() {
	It("is valid OpenAPI, and what is answered is as it says", func(ctx context.Context) {
		s := scene.New(ctx, c)
		served(ctx, s)
		a := asker(ctx, s, "get", "list", "update")
		got, err := a.Call(ctx, "GET", "/openapi.json", "")
		Expect(err).NotTo(HaveOccurred())
		description, err := loads.Analyzed(json.RawMessage(got.Body), "2.0")
		Expect(err).NotTo(HaveOccurred())
		Expect(validate.Spec(description, strfmt.Default)).To(Succeed())
		whole, err := description.Expanded()
		Expect(err).NotTo(HaveOccurred())

		s.Policy(ctx, "empty") // nobody leads it
		Eventually(func() (int, error) {
			got, err := a.Call(ctx, "GET", "/v1/leader/pool/empty?namespace="+s.Namespace, "")
			return got.Status, err
		}).WithContext(ctx).Should(Equal(200))
		for _, q := range []struct{ method, path, template, body string }{
			{"GET", "/v1/leader/pool/web", "/v1/leader/pool/{pool}", ""},
			{"GET", "/v1/leader/pool/empty", "/v1/leader/pool/{pool}", ""},
			{"GET", "/v1/leader/pool/none", "/v1/leader/pool/{pool}", ""},
			{"GET", "/v1/pools", "/v1/pools", ""},
			{"POST", "/v1/leader/pool/web/handover", "/v1/leader/pool/{pool}/handover", `{"to":"b"}`},
			{"POST", "/v1/leader/pool/web/handover", "/v1/leader/pool/{pool}/handover", `{"to":"nobody"}`},
		} {
			got, err := a.Call(ctx, q.method, q.path+"?namespace="+s.Namespace, q.body)
			Expect(err).NotTo(HaveOccurred())
			item := whole.Spec().Paths.Paths[q.template]
			operation := item.Get
			if q.method == "POST" {
				operation = item.Post
			}
			answer, said := operation.Responses.StatusCodeResponses[got.Status]
			if !said {
				answer = *operation.Responses.Default
			}
			nullable(answer.Schema)
			answer.Schema.AdditionalProperties = &spec.SchemaOrBool{} // nothing that it does not name
			var body any
			Expect(json.Unmarshal([]byte(got.Body), &body)).To(Succeed())
			Expect(validate.AgainstSchema(answer.Schema, body, strfmt.Default)).To(Succeed(), "%s %s: %s", q.method, q.path, got.Body)
		}
	}, limit)
})

// nullable tells the validator what Swagger 2.0 can say only by the extension x-nullable.
func nullable(s *spec.Schema) {
	if is, _ := s.Extensions.GetBool("x-nullable"); is {
		s.Nullable = true
	}
	for name, p := range s.Properties {
		nullable(&p)
		s.Properties[name] = p
	}
	if s.Items != nil && s.Items.Schema != nil {
		nullable(s.Items.Schema)
	}
}
