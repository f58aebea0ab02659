package kube

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

func TestWhatIsWrittenCarriesTheTerm(t *testing.T) {
	kept := map[string]string{"kept": "yes", "zen-lead/fence": "6"} // as an object that was read may have it
	o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings", Annotations: kept}, Data: map[string]string{"a": "<1>"}}
	const stamped = `{"annotations":{"kept":"yes","zen-lead/fence":"7"},"name":"settings"}`
	patch := func(form types.PatchType, body string) func(context.Context, coreclient.ConfigMapInterface) error {
		return func(ctx context.Context, c coreclient.ConfigMapInterface) error {
			_, err := c.Patch(ctx, "settings", form, []byte(body), metav1.PatchOptions{})
			return err
		}
	}
	for name, c := range map[string]struct {
		write func(context.Context, coreclient.ConfigMapInterface) error
		body  string
	}{
		"a creation": {body: `{"apiVersion":"v1","data":{"a":"<1>"},"kind":"ConfigMap","metadata":` + stamped + `}`, write: func(ctx context.Context, c coreclient.ConfigMapInterface) error {
			_, err := c.Create(ctx, o, metav1.CreateOptions{})
			return err
		}},
		"an update": {body: `{"apiVersion":"v1","data":{"a":"<1>"},"kind":"ConfigMap","metadata":` + stamped + `}`, write: func(ctx context.Context, c coreclient.ConfigMapInterface) error {
			_, err := c.Update(ctx, o, metav1.UpdateOptions{})
			return err
		}},
		"an apply": {body: `{"apiVersion":"v1","data":{"a":"1"},"kind":"ConfigMap","metadata":{"annotations":{"zen-lead/fence":"7"},"name":"settings","namespace":"default"}}`, write: func(ctx context.Context, c coreclient.ConfigMapInterface) error {
			_, err := c.Apply(ctx, applycorev1.ConfigMap("settings", "default").WithData(map[string]string{"a": "1"}), metav1.ApplyOptions{FieldManager: "test"})
			return err
		}},
		"an apply in YAML": {
			write: patch(types.ApplyYAMLPatchType, "data:\n  a: '1'\nmetadata:\n  annotations: {kept: 'yes'}\n"),
			body:  `{"data":{"a":"1"},"metadata":{"annotations":{"kept":"yes","zen-lead/fence":"7"}}}`,
		},
		"a merge patch": {
			write: patch(types.MergePatchType, `{"metadata":{"annotations":{"gone":null}},"data":{"a":"1"}}`),
			body:  `{"data":{"a":"1"},"metadata":{"annotations":{"gone":null,"zen-lead/fence":"7"}}}`,
		},
		"a merge patch that takes an older stamp off": {
			write: patch(types.MergePatchType, `{"metadata":{"annotations":{"zen-lead/fence":null}}}`),
			body:  `{"metadata":{"annotations":{"zen-lead/fence":"7"}}}`,
		},
		"an empty merge patch": {write: patch(types.MergePatchType, `{}`), body: `{"metadata":{"annotations":{"zen-lead/fence":"7"}}}`},
		"a strategic merge patch, with numbers that no float holds": {
			write: patch(types.StrategicMergePatchType, `{"spec":{"n":9007199254740993,"f":1.10},"metadata":{"name":"settings"}}`),
			body:  `{"metadata":{"annotations":{"zen-lead/fence":"7"},"name":"settings"},"spec":{"n":9007199254740993,"f":1.10}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var body []byte
				var length int64
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ = io.ReadAll(r.Body)
					length = r.ContentLength
					r.Body = http.NoBody
					echo(w, r)
				})
				if err := c.write(t.Context(), kubernetesOf(t, Fence(a.config, newTenure(), StampTerm())).CoreV1().ConfigMaps("default")); err != nil {
					t.Fatal(err)
				}
				if !same(t, string(body), c.body) || length != int64(len(body)) {
					t.Errorf("%d bytes: %s\nwant %s", length, body, c.body)
				}
			})
		})
	}
}

// same compares two JSON texts, numbers digit by digit.
func same(t *testing.T, texts ...string) bool {
	t.Helper()
	values := make([]any, len(texts))
	for i, text := range texts {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&values[i]); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}

func TestWhatCannotBeStampedIsNotSent(t *testing.T) {
	for name, c := range map[string]struct{ form, body, why string }{
		"a JSON patch":             {"application/json-patch+json", `[]`, "send a merge patch, or apply"},
		"protobuf":                 {"application/vnd.kubernetes.protobuf", "k8s\x00", "it must be JSON"},
		"CBOR":                     {"application/cbor", "\xa0", "it must be JSON"},
		"an apply in CBOR":         {"application/apply-patch+cbor", "\xa0", "it must be JSON"},
		"a form that nobody names": {"", `{}`, "Content-Type"},
		"no JSON":                  {"application/json", `{"metadata`, "the body"},
		"no object":                {"application/merge-patch+json", `[]`, "the body"},
		"nothing":                  {"application/merge-patch+json", ``, "the body"},
		"a merge patch that takes all annotations off":  {"application/merge-patch+json", `{"metadata":{"annotations":null}}`, "metadata.annotations: null"},
		"a merge patch that takes the metadata off":     {"application/merge-patch+json", `{"metadata":null}`, "metadata: null"},
		"a strategic merge patch that deletes them all": {"application/strategic-merge-patch+json", `{"metadata":{"annotations":{"$patch":"delete"}}}`, "metadata.annotations: with $patch"},
		"annotations that are none":                     {"application/json", `{"metadata":{"annotations":[]}}`, "metadata.annotations"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, echo)
				client := rawClient(t, Fence(a.config, newTenure(), StampTerm()))
				err := client.Patch(types.PatchType(c.form)).Namespace("default").Resource("configmaps").Name("settings").Body([]byte(c.body)).Do(t.Context()).Error()
				if !errors.Is(err, ErrNotSent) || !strings.Contains(err.Error(), "stamp the term: ") || !strings.Contains(err.Error(), c.why) || len(a.arrived()) > 0 {
					t.Errorf("%v arrived, %v, want %s", a.arrived(), err, c.why)
				}
			})
		})
	}
}

// rawClient sends bodies as they are.
func rawClient(t *testing.T, config *rest.Config) rest.Interface {
	t.Helper()
	return kubernetesOf(t, config).CoreV1().RESTClient()
}

// An object without annotations, as some write it.
func TestNullInAWholeObjectIsNoAnnotation(t *testing.T) {
	for _, body := range []string{`{"metadata":null}`, `{"metadata":{"annotations":null}}`} {
		got, err := annotated([]byte(body), false, "7")
		if err != nil || !same(t, string(got), `{"metadata":{"annotations":{"zen-lead/fence":"7"}}}`) {
			t.Errorf("%s: %s, %v", body, got, err)
		}
	}
}

func TestSubresourcesWithoutAnnotationsOfTheObjectGoAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, subresource := range []string{"eviction", "binding", "token"} {
			var body []byte
			a := newAPI(t, func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) })
			client := rawClient(t, Fence(a.config, newTenure(), StampTerm()))
			err := client.Post().Namespace("default").Resource("pods").Name("web-0").SubResource(subresource).Body([]byte(`{"kind":"Any"}`)).Do(t.Context()).Error()
			if err != nil || string(body) != `{"kind":"Any"}` {
				t.Errorf("%s: %s, %v", subresource, body, err)
			}
		}
	})
}

// net/http asks for the body again where a connection broke before anything was sent on it.
func TestAStampedBodyCanBeSentAgain(t *testing.T) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.example/api/v1/namespaces", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	stamped, err := stamp(request, 7)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again, err := stamped.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(again)
		if err != nil || string(body) != `{"metadata":{"annotations":{"zen-lead/fence":"7"}}}` {
			t.Errorf("%s, %v", body, err)
		}
	}
	if request.ContentLength != 2 || stamped.ContentLength != 51 {
		t.Errorf("lengths %d and %d", request.ContentLength, stamped.ContentLength)
	}
}

// A refusal must not hide that the term is over.
func TestATermThatIsOverIsSaidBeforeWhatCannotBeStamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, held := newAPI(t, echo), newTenure()
		held.change(func() { held.err = ErrMissing })
		err := rawClient(t, Fence(a.config, held, StampTerm())).Patch(types.JSONPatchType).Resource("nodes").Name("a").Body([]byte(`[]`)).Do(t.Context()).Error()
		if !errors.Is(err, ErrMissing) {
			t.Error(err)
		}
	})
}
