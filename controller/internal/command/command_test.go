package command_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kube-zen/zen-lead/controller/internal/command"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := command.New("v1.2.3")
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestVersion(t *testing.T) {
	if out, err := run(t, "version"); err != nil || out != "v1.2.3\n" {
		t.Errorf("printed %q, %v", out, err)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	t.Setenv("HOME", t.TempDir())
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no cluster":          {[]string{"controller"}, "set KUBECONFIG"},
		"an unknown format":   {[]string{"controller", "--log-format=xml"}, `"xml" is neither text nor json`},
		"an unknown level":    {[]string{"controller", "--log-level=LOUD"}, "LOUD"},
		"a stray word":        {[]string{"controller", "now"}, "now"},
		"an unknown command":  {[]string{"lead"}, "lead"},
		"an unknown flag":     {[]string{"controller", "--leader-elect"}, "leader-elect"},
		"a stray word, again": {[]string{"version", "x"}, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := run(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
