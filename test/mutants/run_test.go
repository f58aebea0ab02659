package mutants

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// product is a module whose tests leave something to be desired: nobody asks what Less says of equals.
var product = map[string]string{
	"go.mod":      "module example.test/product\n\ngo 1.26\n",
	"go.work":     "go 1.26\n\nuse .\n",
	"p/less.go":   "package p\n\n// Less compares.\nfunc Less(a, b int) bool {\n\treturn a < b\n}\n",
	"p/limits.go": "package p\n\nfunc last(limits ...int) int {\n\treturn limits[1]\n}\n",
	"p/less_test.go": `package p

import "testing"

func TestLess(t *testing.T) {
	t.Run("one of two", func(t *testing.T) {
		if !Less(1, 2) {
			t.Error("1 is less than 2")
		}
	})
}

func TestLast(t *testing.T) {
	if last(1, 2) != 2 {
		t.Error("2 is the last")
	}
}

func TestRed(t *testing.T) { t.Error("always") }

func TestSkipped(t *testing.T) { t.Skip("always") }
`,
	"cmd/say/main.go": "package main\n\nfunc main() {\n\tprintln(\"yes\")\n}\n",
	"cmd/say/main_test.go": `package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestTheBinarySaysYes(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "run", ".").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "yes" {
		t.Errorf("%s, %v", out, err)
	}
}
`,
}

// mutant is a patch of one line, which stands between two others.
func mutant(file, before, after, caughtBy string) string {
	lines := strings.Split(product[file], "\n")
	at := max(1, slices.Index(lines, before))
	return fmt.Sprintf("Mutant: %[2]s\nRule: none\nCaught-by: %[3]s\n\n"+
		"diff --git a/%[1]s b/%[1]s\n--- a/%[1]s\n+++ b/%[1]s\n@@ -%[4]d,3 +%[4]d,3 @@\n %[5]s\n-%[6]s\n+%[2]s\n %[7]s\n",
		file, after, caughtBy, at, lines[at-1], before, lines[at+1])
}

func less(after, test string) string {
	return mutant("p/less.go", "\treturn a < b", after, "./p "+test)
}

// try runs the mutants of a product, and returns what was told of them.
func try(t *testing.T, patches map[string]string) (string, error) {
	t.Helper()
	// The product is alone: nothing of this repository's settings is meant for it.
	t.Setenv("GOWORK", "")
	t.Setenv("GOFLAGS", "")
	root, dir := t.TempDir(), t.TempDir()
	write(t, root, product)
	write(t, dir, patches)
	var out strings.Builder
	err := Run(t.Context(), Options{Root: root, Dir: dir, Out: &out, Progress: io.Discard})
	for name, text := range product {
		if now, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(now) != text {
			t.Errorf("the product's %s was changed: %s %v", name, now, err)
		}
	}
	return out.String(), err
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAMutantIsCaughtOnlyByATestThatFails(t *testing.T) {
	out, err := try(t, map[string]string{
		"01-caught.patch":             less("\treturn a > b", "TestLess"),
		"02-caught-by-a-case.patch":   less("\treturn a > b", "TestLess/one_of_two"),
		"03-caught-in-a-binary.patch": mutant("cmd/say/main.go", "\tprintln(\"yes\")", "\tprintln(\"no\")", "./cmd/say TestTheBinarySaysYes"),
		"04-survives.patch":           less("\treturn a <= b", "TestLess"),
		"05-does-not-compile.patch":   less("\treturn a + b", "TestLess"),
		"06-does-not-apply.patch":     mutant("p/less.go", "\treturn b < a", "\treturn a > b", "./p TestLess"),
		"07-panics.patch":             mutant("p/limits.go", "\treturn limits[1]", "\treturn append(limits, limits...)[4]", "./p TestLast"),
		"08-changes-a-test.patch":     mutant("p/less_test.go", "", "// nothing", "./p TestLess"),
	})
	if !errors.Is(err, ErrNotAllCaught) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{
		"3 of 8 mutants caught\n",
		"04-survives survived: ",
		"05-does-not-compile could not be tried: it does not compile: ",
		"06-does-not-apply could not be tried: its patch does not apply: ",
		"07-panics could not be tried: TestLast: it neither passed nor failed: ",
		"08-changes-a-test could not be tried: it changes p/less_test.go",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestNothingIsTriedUnlessTheTestsPassWithoutMutant(t *testing.T) {
	const after = "\treturn a > b"
	out, err := try(t, map[string]string{
		"01-a.patch": less(after, "TestRed"),
		"02-b.patch": less(after, "TestSkipped"),
		"03-c.patch": less(after, "TestNobody"),
		"04-d.patch": less(after, "TestLess/two_of_one"),
		"05-e.patch": less(after, "TestLes"), // the go command takes it for a part of a name
		"06-f.patch": less(after, "TestLess"),
	})
	if err == nil || out != "" {
		t.Fatalf("error %v; %s", err, out)
	}
	for _, want := range []string{
		"p TestRed fails\n", "TestSkipped: no such test ran", "TestNobody: no such test ran", "TestLess/two_of_one: no such test ran", "TestLes: no such test ran",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\nlacks %q", err, want)
		}
	}
}

func TestAllCaughtIsNoError(t *testing.T) {
	out, err := try(t, map[string]string{"01-caught.patch": less("\treturn a > b", "TestLess")})
	if err != nil || !strings.HasSuffix(out, "\n1 of 1 mutants caught\n") {
		t.Errorf("error %v; %s", err, out)
	}
}
