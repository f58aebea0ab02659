package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatAProgramPrintsFirst(t *testing.T) {
	for name, c := range map[string]struct {
		script, want, wrong string
	}{
		"one that goes on":            {"echo web-0 440; echo web-1 441; exec sleep 60", "web-0 440", ""},
		"one that ends":               {"echo web-0 440", "web-0 440", ""},
		"one that fails":              {"echo no certificate >&2; exit 1", "", "no certificate"},
		"one that prints half a line": {"printf web-0", "", `printed "web-0"`},
	} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(program, []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			got, err := firstLine(t.Context(), program)
			if got != c.want || (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%q, %v; want %q, %q", got, err, c.want, c.wrong)
			}
		})
	}
}
