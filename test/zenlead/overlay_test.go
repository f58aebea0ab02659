package zenlead

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAnOverlayTakesThePlaceOfAFile(t *testing.T) {
	write := func(text string, path ...string) string {
		t.Helper()
		file := filepath.Join(path...)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	folder, elsewhere := t.TempDir(), t.TempDir()
	write("a", folder, "a.yaml")
	b := write("b", folder, "below", "b.yaml")
	is, remove, err := overlaid(folder)
	if err != nil || is != folder {
		t.Fatalf("without an overlay: %s, %v", is, err)
	}
	remove()

	mutant := write("mutant", elsewhere, "b.yaml")
	t.Setenv(OverlayVariable, write(`{"Replace":{"`+b+`":"`+mutant+`","/other.go":"/other"}}`, elsewhere, "overlay.json"))
	is, remove, err = overlaid(folder)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.yaml": "a", "below/b.yaml": "mutant"} {
		if text, err := os.ReadFile(filepath.Join(is, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v; want %q", name, text, err, want)
		}
	}
	remove()
	if _, err := os.Stat(is); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	if text, err := os.ReadFile(b); err != nil || string(text) != "b" {
		t.Errorf("the file was changed: %q, %v", text, err)
	}
}
