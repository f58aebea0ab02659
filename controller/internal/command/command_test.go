package command_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/kube-zen/zen-lead/controller/internal/command"
	"github.com/kube-zen/zen-lead/controller/internal/guard"
)

func TestMain(m *testing.M) {
	if os.Args[0] == guard.Name { // this program starts itself, as zen-lead does
		guard.Main()
		return
	}
	os.Exit(m.Run())
}

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
		"a Secret for no API": {[]string{"controller", "--api-cert-secret=s", "--api-dns-names=n"}, "--api-cert-secret: means nothing without --api-cert-dir"},
		"nobody without API":  {[]string{"controller", "--api-anonymous"}, "--api-anonymous: means nothing without --api-cert-dir"},
		"a Secret for nobody": {[]string{"controller", "--api-cert-dir=/d", "--api-cert-secret=s"}, "api-dns-names"},
		"an unknown format":   {[]string{"controller", "--log-format=xml"}, `"xml" is neither text nor json`},
		"an unknown level":    {[]string{"controller", "--log-level=LOUD"}, "LOUD"},
		"a stray word":        {[]string{"controller", "now"}, "now"},
		"an unknown command":  {[]string{"lead"}, "lead"},
		"an unknown flag":     {[]string{"controller", "--leader-elect"}, "leader-elect"},
		"run without --":      {[]string{"run", "web", "ls"}, "want one POOL, then --"},
		"run of nothing":      {[]string{"run", "web", "--"}, "want one POOL, then --"},
		"run of what is not":  {[]string{"run", "web", "--", "/nowhere"}, "/nowhere"},
		"run without cluster": {[]string{"run", "web", "--", "true"}, "find the API server"},
		"lock without --":     {[]string{"lock", "report", "ls"}, "want one NAME, then --"},
		"lock of what is not": {[]string{"lock", "report", "--", "/nowhere"}, "/nowhere"},
		"a wait of the past":  {[]string{"lock", "report", "--wait=-1s", "--", "true"}, "--wait: "},
		"no file of a token":  {[]string{"lock", "report", "--token-file=/nowhere", "--", "true"}, "/nowhere"},
		"no host":             {[]string{"lock", "report", "--server=", "--", "true"}, "neither host:port nor"},
		"a lock by HTTP":      {[]string{"lock", "report", "--server=https://zen-lead", "--", "true"}, "want host:port"},
		"agent of no pool":    {[]string{"agent"}, "accepts 1 arg"},
		"a hook that is not":  {[]string{"agent", "--hook=/nowhere", "web"}, "--hook: "},
		"a file in no folder": {[]string{"agent", "--file=/no/where", "web"}, "--file: "},
		"a stray word, again": {[]string{"version", "x"}, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := run(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
