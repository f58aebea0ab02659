package mutants

import (
	"strings"
	"testing"
)

func TestReadTakesWhatIsNamed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"01-a.patch": less("x", "TestLess"), "011-b.patch": less("x", "TestLess"), "02-c.patch": less("x", "TestAPI moves to b"), "README.md": "no mutant",
	})
	for only, want := range map[string]string{"": "01-a 011-b 02-c", "01": "01-a", "01-a": "01-a", "0": "", "02": "02-c"} {
		all, err := Read(dir, only)
		var names []string
		for _, m := range all {
			names = append(names, m.Name)
		}
		if got := strings.Join(names, " "); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", only, got, err, want)
		}
	}
	all, err := Read(dir, "02")
	if want := (Catcher{"./p", "TestAPI", "moves to b"}); err != nil || all[0].Catcher != want {
		t.Errorf("%+v, %v; want %+v", all, err, want)
	}
}

func TestTheTableNamesATestInShort(t *testing.T) {
	for want, c := range map[string]Catcher{
		"pool: TestX":   {Package: "./controller/internal/pool", Test: "TestX/its_case"},
		"api: it moves": {Package: "./test/api", Test: "TestAPI", Focus: "it moves"},
	} {
		if got := c.short(); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

func TestAnIncompleteHeaderIsAnError(t *testing.T) {
	complete := less("x", "TestLess")
	for name, text := range map[string]string{
		"no sentence": strings.Replace(complete, "Mutant:", "Mutation:", 1),
		"no rule":     strings.Replace(complete, "Rule: none", "Rule:", 1),
		"no test":     strings.Replace(complete, "./p TestLess", "./p", 1),
		"no diff":     strings.Replace(complete, diffBegins, "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"01-a.patch": text})
			if all, err := Read(dir, ""); err == nil {
				t.Errorf("read: %+v", all)
			}
		})
	}
}
