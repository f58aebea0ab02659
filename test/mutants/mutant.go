package mutants

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Mutant is a plausible wrong version of the product.
type Mutant struct {
	// Name is the file's, without its ending.
	Name string
	// Sentence says what the mutant does wrong, Rule what it breaks.
	Sentence, Rule string
	Catcher        Catcher

	// patch is the path of the file.
	patch string
}

// Catcher is the test that must notice a mutant.
type Catcher struct {
	// Package is its folder, as a pattern from the repository's root: "./core/term".
	Package string
	// Test is its name, "TestX" or "TestX/case"; Focus picks one spec where TestX runs a Ginkgo suite.
	Test, Focus string
}

func (c Catcher) String() string {
	return strings.TrimSpace(strings.TrimPrefix(c.Package, "./") + " " + c.Test + " " + c.Focus)
}

// short fits in a table: the last part of the package, and the test without its case or the spec.
func (c Catcher) short() string {
	test, _, _ := strings.Cut(c.Test, "/")
	return path.Base(c.Package) + ": " + cmp.Or(c.Focus, test)
}

// Read returns the mutants of a folder, sorted by name. only, where it is not empty, picks those whose name it is or
// begins, up to a dash.
func Read(dir, only string) ([]Mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, fmt.Errorf("list mutants: %w", err)
	}
	var all []Mutant
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".patch")
		if only != "" && name != only && !strings.HasPrefix(name, only+"-") {
			continue
		}
		m, err := readMutant(name, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		all = append(all, m)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no mutant %q in %s", only, dir)
	}
	return all, nil
}

// diffBegins is the first line of a diff of git's; above it stands the header.
const diffBegins = "diff --git "

func readMutant(name, file string) (Mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Mutant{}, err
	}
	header, _, found := strings.Cut("\n"+string(text), "\n"+diffBegins)
	if !found {
		return Mutant{}, errors.New("there is no diff in it")
	}
	fields := map[string]string{}
	for line := range strings.Lines(header) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			fields[key] = strings.TrimSpace(value)
		}
	}
	for _, key := range []string{"Mutant", "Rule", "Caught-by"} {
		if fields[key] == "" {
			return Mutant{}, fmt.Errorf("its header has no %s", key)
		}
	}
	words := strings.Fields(fields["Caught-by"])
	if len(words) < 2 {
		return Mutant{}, fmt.Errorf("its Caught-by %q is not a package and a test", fields["Caught-by"])
	}
	return Mutant{
		Name: name, Sentence: fields["Mutant"], Rule: fields["Rule"], patch: file,
		Catcher: Catcher{Package: words[0], Test: words[1], Focus: strings.Join(words[2:], " ")},
	}, nil
}
