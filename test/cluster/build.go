package cluster

import (
	"context"
	"errors"
	"io"
)

// Build makes the binaries of a control plane, kubectl and, withFakeNodes, kwok, or finds them in the cache. Start calls it by itself.
func Build(ctx context.Context, withFakeNodes bool, progress io.Writer) error {
	return errors.ErrUnsupported
}

// BuildKubectl makes kubectl, or finds it in the cache, and returns its path.
func BuildKubectl(ctx context.Context, progress io.Writer) (string, error) {
	return "", errors.ErrUnsupported
}
