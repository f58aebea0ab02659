package demo

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

const twoContexts = `
apiVersion: v1
kind: Config
current-context: mine
contexts:
- {name: mine, context: {cluster: mine, user: me, namespace: theirs}}
- {name: other, context: {cluster: other, user: other}}
clusters:
- {name: mine, cluster: {server: "https://mine.example", certificate-authority: ca.pem}}
- {name: other, cluster: {server: "https://other.example"}}
users:
- {name: me, user: {token: mine}}
- {name: other, user: {token: theirs}}
`

func TestAPinnedContextStandsAlone(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "config")
	for name, content := range map[string]string{"config": twoContexts, "ca.pem": "authority"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := pin("/nowhere/config" + string(filepath.ListSeparator) + from)
	if err != nil {
		t.Fatal(err)
	}
	if p.context != "mine" || p.server != "https://mine.example" {
		t.Errorf("context %q at %q", p.context, p.server)
	}
	to := filepath.Join(t.TempDir(), "config")
	if err := p.in("demo").as("zen-lead", "secret").write(to); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(to)
	if err != nil {
		t.Fatal(err)
	}
	context := config.Contexts["mine"]
	if len(config.Contexts) != 1 || len(config.Clusters) != 1 || len(config.AuthInfos) != 1 ||
		context.Namespace != "demo" || config.AuthInfos[context.AuthInfo].Token != "secret" ||
		string(config.Clusters["mine"].CertificateAuthorityData) != "authority" {
		t.Errorf("written: %+v", config)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read it: %v, %v", info.Mode(), err)
	}
	if p.config.Contexts["mine"].Namespace != "theirs" {
		t.Error("the original was changed")
	}
}

func TestNoClusterIsPinnedFromNothing(t *testing.T) {
	if _, err := pin(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error for a file that does not exist")
	}
}
