package term_test

import (
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestPurePackagesImportOnlyTheStandardLibrary keeps the rules of records free of I/O: a rule that can reach a
// network, a process or a logger cannot be simulated by the thousand. The linter says the same (depguard), but only
// to those who run it.
func TestPurePackagesImportOnlyTheStandardLibrary(t *testing.T) {
	forbidden := map[string]string{
		"net":     "pure rules do no I/O",
		"os":      "pure rules do no I/O",
		"os/exec": "pure rules start nothing",
		"log":     "pure rules return what they found",
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why, ok := forbidden[path]; ok {
				t.Errorf("%s imports %s: %s", f.Name(), path, why)
			}
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s: pure rules need only the standard library", f.Name(), path)
			}
		}
	}
}
