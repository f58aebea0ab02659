package api

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// patch is PATCH with a JSON patch, of the metadata of a pod or a policy. o becomes what is there then.
func (s *Server) patch(u User, o client.Object, p client.Patch) error {
	k, err := KindOf(o)
	if err != nil {
		return err
	}
	if p.Type() != types.JSONPatchType || k != Pod && k != Policy {
		return unsupported(o, "patch")
	}
	body, err := p.Data(o)
	if err != nil {
		return fmt.Errorf("patch of %s: %w", o.GetName(), err)
	}
	var operations []operation
	if err := json.Unmarshal(body, &operations); err != nil {
		return fmt.Errorf("patch of %s: %w", o.GetName(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.objects[k][client.ObjectKeyFromObject(o)]
	if old == nil {
		return notFound(k, o.GetName())
	}
	next := Copy(old)
	for _, op := range operations {
		if err := op.apply(next); err != nil {
			return unprocessable(k, o.GetName(), "the server rejected our request due to an error in our request: %v", err)
		}
	}
	if err := s.replace(u, k, old, next, false); err != nil {
		return err
	}
	CopyInto(o, s.objects[k][client.ObjectKeyFromObject(o)])
	return nil
}

// operation is one operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

const (
	uidPath         = "/metadata/uid"
	labelsPath      = "/metadata/labels"
	annotationsPath = "/metadata/annotations"
)

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// apply does as the API server's library does: a test for null passes where nothing is, removing what is not there fails,
// and so does adding to a map that is not there.
func (op operation) apply(o client.Object) error {
	switch {
	case op.Path == uidPath && op.Op == "test":
		var uid types.UID
		if err := json.Unmarshal(op.Value, &uid); err != nil || uid != o.GetUID() {
			return fmt.Errorf("testing value %s failed", op.Path)
		}
		return nil
	case op.Path == labelsPath:
		m, err := op.whole(o.GetLabels())
		o.SetLabels(m)
		return err
	case op.Path == annotationsPath:
		m, err := op.whole(o.GetAnnotations())
		o.SetAnnotations(m)
		return err
	case strings.HasPrefix(op.Path, labelsPath+"/"):
		return op.entry(o.GetLabels(), unescape.Replace(op.Path[len(labelsPath)+1:]))
	case strings.HasPrefix(op.Path, annotationsPath+"/"):
		return op.entry(o.GetAnnotations(), unescape.Replace(op.Path[len(annotationsPath)+1:]))
	default:
		return fmt.Errorf("%w: %s %s", errUnsupported, op.Op, op.Path)
	}
}

// whole treats a map as one value, and returns what it is then.
func (op operation) whole(m map[string]string) (map[string]string, error) {
	var value map[string]string
	if err := json.Unmarshal(op.Value, &value); err != nil {
		return m, fmt.Errorf("value of %s: %w", op.Path, err)
	}
	switch {
	case op.Op == "test" && value == nil && len(m) == 0: // an empty map is not stored
		return m, nil
	case op.Op == "add" && value != nil:
		return value, nil
	case op.Op == "test":
		return m, fmt.Errorf("testing value %s failed", op.Path)
	default:
		return m, fmt.Errorf("%w: %s %s", errUnsupported, op.Op, op.Path)
	}
}

// entry treats one value of a map.
func (op operation) entry(m map[string]string, key string) error {
	var value *string
	if op.Op != "remove" {
		if err := json.Unmarshal(op.Value, &value); err != nil {
			return fmt.Errorf("value of %s: %w", op.Path, err)
		}
	}
	now, there := m[key]
	switch op.Op {
	case "test":
		if m != nil && (value == nil && !there || value != nil && there && now == *value) {
			return nil
		}
		return fmt.Errorf("testing value %s failed", op.Path)
	case "add":
		if m == nil || value == nil {
			return fmt.Errorf("add operation does not apply: doc is missing path: %s", op.Path)
		}
		m[key] = *value
		return nil
	case "remove":
		if !there {
			return fmt.Errorf("unable to remove nonexistent key: %s", key)
		}
		delete(m, key)
		return nil
	}
	return fmt.Errorf("%w: %s %s", errUnsupported, op.Op, op.Path)
}
