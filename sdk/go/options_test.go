package zenlead

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsATarget(t *testing.T) {
	for target, want := range map[string]bool{
		"zen-lead-api.zen-lead-system.svc:9090":      true,
		"dns:///zen-lead-api.zen-lead-system.svc:90": true,
		"127.0.0.1:9090": true,
		"https://zen-lead-api.zen-lead-system.svc": true,
		"https://zen-lead-api:8443/":               true,
		"":                                         false,
		"http://zen-lead-api":                      false,
		"https://":                                 false,
		"https://zen-lead-api/v1":                  false,
		"https://zen-lead-api?pool=web":            false,
		"https://me:secret@zen-lead-api":           false,
		"https://zen lead":                         false,
	} {
		client, err := New(target)
		if (err == nil) != want || !want && !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q: %v", target, err)
		}
		if client != nil {
			_ = client.Close()
		}
	}
}

func TestWhatCannotBeReadIsAnErrorAtOnce(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]Option{
		"a token file that is not there":         WithTokenFile(filepath.Join(t.TempDir(), "none")),
		"a token file that is empty":             WithTokenFile(empty),
		"an authority that is not there":         WithCAFile(filepath.Join(t.TempDir(), "none")),
		"an authority that holds no certificate": WithCAFile(empty),
	} {
		for _, target := range []string{"zen-lead.test:9090", "https://zen-lead.test"} {
			if client, err := New(target, option); err == nil {
				_ = client.Close()
				t.Errorf("%s, at %s: no error", name, target)
			}
		}
	}
}

func TestInWhichNamespaceToAsk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "namespace")
	if err := os.WriteFile(file, []byte("pods\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ env, file, want string }{
		"the environment's":                         {env: "envs", file: file, want: "envs"},
		"the pod's where the environment says none": {file: file, want: "pods"},
		"default outside of a pod":                  {file: file + "-none", want: "default"},
		"an error where the file cannot be read":    {file: t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", test.env)
			if got, err := ownNamespace(test.file); got != test.want || (err != nil) != (test.want == "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestTheNamespaceThatIsGivenCounts(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "envs")
	for want, opts := range map[string][]Option{"given": {WithNamespace("given")}, "envs": nil} {
		client, err := New("zen-lead.test:9090", opts...)
		if err != nil {
			t.Fatal(err)
		}
		if client.namespace != want {
			t.Errorf("got %q, want %q", client.namespace, want)
		}
		if got := client.Namespace("").namespace; got != "default" {
			t.Errorf("no namespace is %q", got)
		}
		_ = client.Close()
	}
}
