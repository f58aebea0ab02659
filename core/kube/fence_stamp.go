package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// stamp returns a copy of a request whose object carries a term. It fails where the body is of a form that cannot.
func stamp(request *http.Request, token int64) (*http.Request, error) {
	form, _, err := mime.ParseMediaType(request.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("stamp the term: Content-Type %q: %w", request.Header.Get("Content-Type"), err)
	}
	body, err := content(request)
	if err != nil {
		return nil, fmt.Errorf("stamp the term: read the body: %w", err)
	}
	merges := false
	switch types.PatchType(form) {
	case "application/json":
	case types.MergePatchType, types.StrategicMergePatchType:
		merges = true
	case types.ApplyYAMLPatchType:
		if body, err = yaml.ToJSON(body); err != nil {
			return nil, fmt.Errorf("stamp the term: %w", err)
		}
	case types.JSONPatchType:
		return nil, errors.New("stamp the term: a JSON patch does not tell whether the object has annotations: send a merge patch, or apply")
	default:
		return nil, fmt.Errorf("stamp the term: a body of type %s: it must be JSON", form)
	}
	if body, err = annotated(body, merges, FormatTerm(term.Number(token))); err != nil {
		return nil, fmt.Errorf("stamp the term: %w", err)
	}
	stamped := request.Clone(request.Context())
	stamped.ContentLength = int64(len(body))
	stamped.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	stamped.Body, err = stamped.GetBody()
	return stamped, err
}

// content reads the body of a request to its end.
func content(request *http.Request) ([]byte, error) {
	if request.Body == nil {
		return nil, io.ErrUnexpectedEOF
	}
	body, err := io.ReadAll(request.Body)
	return body, errors.Join(err, request.Body.Close())
}

// annotated returns the JSON of an object, or of a patch that is merged with one, with the annotation. All else stays as it was written:
// numbers are not read.
func annotated(body []byte, merges bool, value string) ([]byte, error) {
	object, err := members(body, "the body", false)
	if err != nil {
		return nil, err
	}
	meta, err := members(object["metadata"], "metadata", merges)
	if err != nil {
		return nil, err
	}
	annotations, err := members(meta["annotations"], "metadata.annotations", merges)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		within map[string]json.RawMessage
		name   string
		value  any
	}{{annotations, v1alpha1.FenceAnnotation, value}, {meta, "annotations", annotations}, {object, "metadata", meta}} {
		if part.within[part.name], err = json.Marshal(part.value); err != nil {
			return nil, err
		}
	}
	return json.Marshal(object)
}

// members reads a JSON object. One that is missing is empty, and so is null, but in a patch that is merged: there it takes
// everything off, what is stamped too.
func members(raw json.RawMessage, of string, merges bool) (map[string]json.RawMessage, error) {
	found := map[string]json.RawMessage{}
	if len(raw) == 0 && of != "the body" {
		return found, nil
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		return nil, fmt.Errorf("%s: %w", of, err)
	}
	if found == nil && merges {
		return nil, fmt.Errorf("%s: null takes the stamp off, too: name the annotations to take off", of)
	}
	if _, directive := found["$patch"]; directive {
		return nil, fmt.Errorf("%s: with $patch the stamp may be taken off, too: patch without it", of)
	}
	if found == nil {
		return map[string]json.RawMessage{}, nil
	}
	return found, nil
}
