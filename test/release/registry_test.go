package release

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

func TestWhatWasPushedIsPulled(t *testing.T) {
	reference := localRegistry(t) + "/zen-lead:v1"
	index, digest := anIndex(t)
	if err := push(t.Context(), reference, index); err != nil {
		t.Fatal(err)
	}
	if _, err := pull(t.Context(), reference, digest); err != nil {
		t.Error(err)
	}
}

func TestAnotherImageUnderTheTagIsAnError(t *testing.T) {
	reference := localRegistry(t) + "/zen-lead:v1"
	index, digest := anIndex(t)
	other, _ := anIndex(t)
	for _, i := range []v1.ImageIndex{index, other} {
		if err := push(t.Context(), reference, i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pull(t.Context(), reference, digest); err == nil || !strings.Contains(err.Error(), digest.String()) {
		t.Errorf("error %v, want one that names %s", err, digest)
	}
}

func TestAStoppedRegistryAnswersNobody(t *testing.T) {
	address, stop, err := startRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	index, _ := anIndex(t)
	if err := push(t.Context(), address+"/zen-lead:v1", index); err == nil {
		t.Error("pushed to a registry that was stopped")
	}
}

func localRegistry(t *testing.T) string {
	t.Helper()
	address, stop, err := startRegistry()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	if !strings.HasPrefix(address, "127.0.0.1:") {
		t.Fatalf("the registry listens on %s, and not on this machine alone", address)
	}
	return address
}

func anIndex(t *testing.T) (v1.ImageIndex, v1.Hash) {
	t.Helper()
	index, err := random.Index(1000, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return index, digest
}
