package mutants

import (
	"os/exec"
	"testing"
)

func TestASuiteOfSpecsFailsByAnAssertion(t *testing.T) {
	red := exec.CommandContext(t.Context(), "sh", "-c", "exit 1").Run()
	const failed1, passed1 = "\n--- FAIL: TestAPI (1.00s)\n", "\n--- PASS: TestAPI (1.00s)\n"
	for name, tc := range map[string]struct {
		out  string
		exit error
		want verdict
		ok   bool
	}{
		"a spec failed":             {"  [FAIL] A pool [It] moves\n\nRan 1 of 80 Specs in 9.1 seconds" + failed1, red, failed, true},
		"a spec passed":             {"\nRan 1 of 80 Specs in 9.1 seconds" + passed1, nil, passed, true},
		"what is checked afterward": {"  [FAIL] [AfterSuite]\n\nRan 1 of 80 Specs in 9.1 seconds" + failed1, red, failed, true},
		"the focus picks none":      {"\nRan 0 of 80 Specs in 0.1 seconds" + passed1, nil, 0, false},
		"the API server is missing": {"  [FAIL] [BeforeSuite]\n\nRan 0 of 80 Specs in 9.1 seconds" + failed1, red, 0, false},
		"a spec panicked":           {"  [PANICKED!] A pool [It] moves\n\nRan 1 of 80 Specs in 9.1 seconds" + failed1, red, 0, false},
		"a spec took too long":      {"  [TIMEDOUT] A pool [It] moves\n\nRan 1 of 80 Specs in 60.1 seconds" + failed1, red, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := judge("TestAPI", tc.out, tc.exit)
			if got != tc.want || (err == nil) != tc.ok {
				t.Errorf("verdict %v, error %v", got, err)
			}
		})
	}
}
