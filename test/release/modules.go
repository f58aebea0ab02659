package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/guide"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

const (
	modulePath = "github.com/kube-zen/zen-lead"
	// guidePage has the program that a user of the Go client begins with, and guideTarget is whom it asks there.
	guidePage   = "docs/ask.md"
	guideTarget = "zen-lead-api.zen-lead-system.svc:9090"
)

// releasedModules are those that get a tag each, with the leaves first.
var releasedModules = []string{"core", "sdk/go", "controller", "integrations/kubebuilder"}

// modules are the Go modules as their tags will have them, and a user's own folders, in which nothing was downloaded before.
type modules struct {
	dir     string
	version string
	// proxy is the module proxy that has them; what is not theirs comes from the go command's own.
	proxy string
}

// packModules fills the proxy.
func (m modules) pack(ctx context.Context, root string) (string, error) {
	c := exec.CommandContext(ctx, "go", "run", ".", "pack", m.version, m.proxy)
	c.Dir, c.Env = filepath.Join(root, "hack", "tools", "modules"), append(os.Environ(), "GOWORK=off")
	if _, err := said(c); err != nil {
		return "", err
	}
	for _, module := range releasedModules {
		if _, err := m.goCommand(ctx, m.dir, "mod", "download", modulePath+"/"+module+"@"+m.version); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s of %s", m.version, strings.Join(releasedModules, ", ")), nil
}

// goCommand runs the go command as somebody does who has nothing of ours but the proxy, and whose module cache is empty at first.
func (m modules) goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	ask := exec.CommandContext(ctx, "go", "env", "GOPROXY", "GOMODCACHE")
	ask.Dir = m.dir
	settings, err := said(ask)
	if err != nil {
		return "", err
	}
	proxy, cache, _ := strings.Cut(strings.TrimSpace(settings), "\n")
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(),
		"GOWORK=off", "GOFLAGS=-modcacherw", "GOMODCACHE="+filepath.Join(m.dir, "modcache"),
		// What this machine has downloaded for itself is fetched from there.
		"GOPROXY=file://"+m.proxy+",file://"+filepath.Join(cache, "cache", "download")+","+proxy,
		"GONOSUMDB="+modulePath, "GONOPROXY=none", "GOPRIVATE=",
	)
	return said(c)
}

// build makes the guide's program in an empty folder, and returns its path. It asks the API at target.
func (m modules) build(ctx context.Context, root, target string) (program string, err error) {
	text, err := guide.Program(root, guidePage)
	if err != nil {
		return "", err
	}
	if strings.Count(text, guideTarget) != 1 {
		return "", fmt.Errorf("the program of %s does not ask %s", guidePage, guideTarget)
	}
	dir := filepath.Join(m.dir, "user")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(strings.Replace(text, guideTarget, target, 1)), 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "program")
	for _, args := range [][]string{
		{"mod", "init", "example.com/user"},
		{"get", modulePath + "/sdk/go@" + m.version},
		{"build", "-trimpath", "-o", program},
	} {
		if _, err := m.goCommand(ctx, dir, args...); err != nil {
			return "", err
		}
	}
	return program, nil
}

// downloaded are the modules that the user's build needed, ours included.
func (m modules) downloaded(ctx context.Context) (int, error) {
	list, err := m.goCommand(ctx, filepath.Join(m.dir, "user"), "list", "-f", "{{with .Module}}{{.Path}}{{end}}", "-deps", ".")
	if err != nil {
		return 0, err
	}
	if strings.Contains(list, "k8s.io/") {
		return 0, errors.New("a program that asks is linked with Kubernetes")
	}
	all := map[string]bool{}
	for path := range strings.FieldsSeq(list) {
		all[path] = true
	}
	return len(all) - 1, nil // the program's own
}

// goModules packs what the tags will have.
func (d *dryRun) goModules(ctx context.Context) (string, error) {
	dir, err := d.folder("modules")
	if err != nil {
		return "", err
	}
	about, err := d.Chart.about()
	if err != nil {
		return "", err
	}
	d.modules = modules{dir: dir, version: "v" + about.AppVersion, proxy: filepath.Join(dir, "proxy")}
	return d.modules.pack(ctx, d.Source.Root)
}

// program has the guide's program, made of the client's module, ask the API of the binary that was pulled.
func (d *dryRun) program(ctx context.Context) (told string, err error) {
	c, err := cluster.Start(ctx, cluster.Options{APIOnly: true})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	if err := zenlead.Install(ctx, c); err != nil {
		return "", err
	}
	served, err := zenlead.Start(ctx, c, zenlead.Options{Binary: filepath.Join(d.dir, pulledBinary), API: true, Args: []string{"--api-anonymous"}})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, served.Kill()) }()
	policy := filepath.Join(d.Source.Root, "examples", "web", "policy.yaml")
	if _, err := c.Kubectl(ctx, "apply", "-f", policy); err != nil {
		return "", err
	}
	if _, err := c.Kubectl(ctx, "create", "rolebinding", "everybody", "--clusterrole=zen-lead-api-viewer", "--user=system:anonymous"); err != nil {
		return "", err
	}
	program, err := d.modules.build(ctx, d.Source.Root, served.API.GRPC)
	if err != nil {
		return "", err
	}
	needs, err := d.modules.downloaded(ctx)
	if err != nil {
		return "", err
	}
	line, err := firstLine(ctx, program, "SSL_CERT_FILE="+served.API.CA)
	if err != nil {
		return "", err
	}
	if line != "nobody 0" { // a pool without members
		return "", fmt.Errorf("it printed %q", line)
	}
	return fmt.Sprintf("go get %s/sdk/go@%s into an empty cache: %d modules linked, none of Kubernetes; it asked and was told %q", modulePath, d.modules.version, needs, line), nil
}

// firstLine is what a program prints first; it is ended then.
func firstLine(ctx context.Context, program string, env ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program)
	var complaint strings.Builder
	c.Env, c.Stderr = append(os.Environ(), env...), &complaint
	printed := &untilLine{end: cancel}
	c.Stdout = printed
	err := c.Run()
	line, _, found := strings.Cut(printed.text.String(), "\n")
	if !found {
		return "", fmt.Errorf("%s printed %q: %w: %s", filepath.Base(program), line, err, complaint.String())
	}
	return line, nil
}

// untilLine is written to until it has a line.
type untilLine struct {
	text bytes.Buffer
	end  func()
}

// Write ends what writes once there is a line.
func (u *untilLine) Write(b []byte) (int, error) {
	if bytes.ContainsRune(b, '\n') {
		u.end()
	}
	return u.text.Write(b)
}
