// Command modules keeps the promise that each module of the workspace makes to its users: it builds and passes its
// quick tests alone, from what is committed.
//
// A workspace hides what a user of one module would miss: a sibling's code that is not released, a requirement that
// another module happens to bring, a file outside the module's folder. So each module is copied the way a release
// packs it, siblings are found as version v0.0.0-dev.<hash> in a module proxy made of files, and the go command works
// there with GOWORK=off.
//
//	modules check   go.work complete, no replace, go.mod and go.sum tidy, every released module builds and tests alone
//	modules tidy    go mod tidy for every module; plain go mod tidy looks for releases of siblings that do not exist yet
//	modules pack VERSION DIR
//	                the released modules as their tags of that version will have them, requiring one another at it, in the folder
//	                DIR, which is then a module proxy: GOPROXY=file://DIR
//
// Committed go.mod files name a sibling's last release, v0.0.0 while there is none; go.work replaces that one by the
// sibling's folder, as the go command would look for it.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/zip"
)

const prefix = "github.com/kube-zen/zen-lead/"

// outside are the modules that go.work leaves out: they build other people's code, at versions of their own.
var outside = []string{"hack/tools/*", "test/coredns", "test/kubernetes", "test/kwok"}

// neverReleased are the modules that nobody requires.
var neverReleased = []string{"test"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	root, err := findRoot()
	if err != nil {
		return err
	}
	dirs, err := workspace(root)
	if err != nil {
		return err
	}
	version := "" // of the content
	do := (*work).check
	switch {
	case slices.Equal(args, []string{"check"}):
	case slices.Equal(args, []string{"tidy"}):
		do = (*work).tidy
	case len(args) == 3 && args[0] == "pack" && semver.IsValid(args[1]):
		version = args[1]
		dirs = slices.DeleteFunc(dirs, func(dir string) bool { return slices.Contains(neverReleased, dir) })
		do = (*work).release
	default:
		return errors.New("usage: modules check | tidy | pack vX.Y.Z DIR")
	}
	w, err := newWork(ctx, root, dirs, version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()

	var problems []error
	for _, dir := range dirs {
		if err := do(w, ctx, dir); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", dir, err))
		}
	}
	if len(problems) == 0 && version != "" {
		problems = append(problems, os.CopyFS(args[2], os.DirFS(filepath.Join(w.dir, "proxy"))))
	}
	return errors.Join(problems...)
}

// findRoot returns the folder of go.work, at or above the working directory.
func findRoot() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.work in or above %s", here)
		}
	}
}

// workspace returns the folders of the modules of go.work, what is required before what requires it. It fails if
// go.work and the go.mod files of the tree do not tell the same.
func workspace(root string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(root, "go.work"))
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork("go.work", data, nil)
	if err != nil {
		return nil, err
	}
	var listed, found []string
	for _, use := range work.Use {
		listed = append(listed, path.Clean(use.Path))
	}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.Name() == "go.mod":
			rel, err := filepath.Rel(root, filepath.Dir(p))
			found = append(found, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, dir := range found {
		out := slices.ContainsFunc(outside, func(pattern string) bool { ok, _ := path.Match(pattern, dir); return ok })
		switch in := slices.Contains(listed, dir); {
		case in && out:
			problems = append(problems, fmt.Errorf("go.work lists %s, which builds other people's code and stays outside", dir))
		case !in && !out:
			problems = append(problems, fmt.Errorf("go.work does not list %s", dir))
		}
	}
	slices.SortStableFunc(listed, func(a, b string) int { return rank(a) - rank(b) })
	return listed, errors.Join(problems...)
}

// rank orders modules as a release tags them: the leaves first.
func rank(dir string) int {
	switch dir {
	case "core", "sdk/go":
		return 0
	case "test":
		return 2
	}
	return 1
}

// work is the folder in which modules are packed, built and tested. It is the same folder every time, as the go
// command's build cache knows packages by their folder, and one process at a time uses it.
type work struct {
	root     string // of the repository
	dir      string // holds proxy/ and the copies of the modules
	version  string // of every module here; new for new content, as the go command takes a version for immutable
	siblings []string
	env      []string
	modcache string
	lock     *os.File
}

// newWork copies the modules. Without a version they get one by their content.
func newWork(ctx context.Context, root string, dirs []string, version string) (*work, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	w := &work{root: root, dir: filepath.Join(cache, "zen-lead", "modules")}
	if err := os.MkdirAll(filepath.Dir(w.dir), 0o755); err != nil {
		return nil, err
	}
	w.lock, err = os.Create(w.dir + ".lock")
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(w.lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return nil, err
	}

	sum := sha256.New()
	for _, dir := range dirs {
		w.siblings = append(w.siblings, prefix+dir)
		var packed bytes.Buffer
		m := module.Version{Path: prefix + dir, Version: "v0.0.0-dev"}
		if err := zip.CreateFromDir(&packed, m, filepath.Join(root, dir)); err != nil {
			return nil, fmt.Errorf("pack %s: %w", dir, err)
		}
		if err := writeFile(w.dir+"/"+dir+".zip", packed.Bytes()); err != nil {
			return nil, err
		}
		if err := zip.Unzip(filepath.Join(w.dir, dir), m, w.dir+"/"+dir+".zip"); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", dir, err)
		}
		sum.Write(packed.Bytes())
	}
	w.version = version
	if version == "" {
		w.version = fmt.Sprintf("v0.0.0-dev.%x", sum.Sum(nil)[:6])
	}

	settings, err := exec.CommandContext(ctx, "go", "env", "GOPROXY", "GONOSUMDB", "GOFLAGS", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	lines := strings.Split(string(settings), "\n")
	w.modcache = lines[3]
	w.env = append(os.Environ(),
		"GOWORK=off",
		"GODEBUG=goindex=0", // what the go command remembers of a version is of another content by now
		"GOPROXY=file://"+filepath.ToSlash(w.dir)+"/proxy,"+lines[0],
		"GONOPROXY=none",
		"GONOSUMDB="+strings.TrimSuffix(prefix, "/")+","+lines[1],
		"GOFLAGS="+lines[2]+" -mod=mod -modcacherw", // mod: the copy's go.sum learns the siblings; rw: close can delete them
	)
	return w, w.forget() // what a run left that was killed may be of the same version, and of other content
}

// close takes our versions out of the module cache, where nothing would ever use them again.
func (w *work) close() error { return errors.Join(w.forget(), w.lock.Close()) }

func (w *work) forget() error {
	problems := []error{os.RemoveAll(filepath.Join(w.modcache, "cache", "download", prefix))}
	for _, version := range []string{"v0.0.0-dev.*", w.version} {
		for _, depth := range []string{"", "*"} {
			ours, err := filepath.Glob(filepath.Join(w.modcache, prefix, depth, "*@"+version))
			problems = append(problems, err)
			for _, dir := range ours {
				problems = append(problems, os.RemoveAll(dir))
			}
		}
	}
	return errors.Join(problems...)
}

// check fails if the module is not what its users can rely on.
func (w *work) check(ctx context.Context, dir string) error {
	start := time.Now()
	committed, tidied, err := w.prepare(ctx, dir)
	if err != nil {
		return err
	}
	for name := range tidied {
		if !bytes.Equal(committed[name], tidied[name]) {
			w.show(ctx, filepath.Join(w.root, dir, name), tidied[name])
			return fmt.Errorf("%s is not tidy (make tidy mends it)", name)
		}
	}
	if slices.Contains(neverReleased, dir) {
		fmt.Printf("%s: tidy, %.1f s\n", dir, time.Since(start).Seconds())
		return nil
	}
	// -w: without debug information the binaries link in half the time.
	for _, args := range [][]string{{"build", "-ldflags=-w"}, {"vet"}, {"test", "-short", "-timeout=5m"}} {
		if err := w.run(ctx, dir, append(args, "-p=2", "./...")...); err != nil {
			return err
		}
	}
	fmt.Printf("%s: tidy, builds and tests alone, %.1f s\n", dir, time.Since(start).Seconds())
	return nil
}

// release makes the module ready to be required, and no more: check has told whether it is good.
func (w *work) release(ctx context.Context, dir string) error {
	_, _, err := w.prepare(ctx, dir)
	return err
}

// tidy writes the module's go.mod and go.sum as they should be.
func (w *work) tidy(ctx context.Context, dir string) error {
	committed, tidied, err := w.prepare(ctx, dir)
	if err != nil {
		return err
	}
	for name := range tidied {
		if bytes.Equal(committed[name], tidied[name]) {
			continue
		}
		fmt.Printf("%s/%s: written\n", dir, name)
		if err := writeFile(filepath.Join(w.root, dir, name), tidied[name]); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the module ready to be built alone in its copy and to be required by the next ones. It returns its
// go.mod and go.sum as they are in the repository and as go mod tidy wants them there.
func (w *work) prepare(ctx context.Context, dir string) (committed, tidied map[string][]byte, err error) {
	committed, tidied = map[string][]byte{}, map[string][]byte{}
	for _, name := range []string{"go.mod", "go.sum"} {
		committed[name], err = os.ReadFile(filepath.Join(w.root, dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}

	mod, err := modfile.Parse(dir+"/go.mod", committed["go.mod"], nil)
	if err != nil {
		return nil, nil, err
	}
	if mod.Module.Mod.Path != prefix+dir {
		return nil, nil, fmt.Errorf("go.mod names %s, want %s%s", mod.Module.Mod.Path, prefix, dir)
	}
	if len(mod.Replace) > 0 && !slices.Contains(neverReleased, dir) {
		return nil, nil, fmt.Errorf("go.mod:%d: a replace works here and for nobody who requires the module", mod.Replace[0].Syntax.Start.Line)
	}
	released := map[string]string{}
	for _, sibling := range w.siblings {
		released[sibling] = "v0.0.0"
	}
	for _, r := range mod.Require {
		if _, ok := released[r.Mod.Path]; ok {
			released[r.Mod.Path] = r.Mod.Version
			if err := mod.AddRequire(r.Mod.Path, w.version); err != nil {
				return nil, nil, err
			}
		}
	}
	data, err := mod.Format()
	if err != nil {
		return nil, nil, err
	}
	if err := writeFile(filepath.Join(w.dir, dir, "go.mod"), data); err != nil {
		return nil, nil, err
	}
	if err := w.run(ctx, dir, "mod", "tidy"); err != nil {
		return nil, nil, err
	}

	data, err = os.ReadFile(filepath.Join(w.dir, dir, "go.mod"))
	if err != nil {
		return nil, nil, err
	}
	tidied["go.mod"] = w.withReleases(data, released)
	data, err = os.ReadFile(filepath.Join(w.dir, dir, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // no go.sum: it requires nothing
		return nil, nil, err
	}
	tidied["go.sum"] = w.withReleasedSums(data, committed["go.sum"])
	return committed, tidied, w.pack(dir)
}

// withReleases returns go.mod with the siblings' releases in place of our version.
func (w *work) withReleases(mod []byte, released map[string]string) []byte {
	for sibling, version := range released {
		mod = bytes.ReplaceAll(mod, []byte(sibling+" "+w.version), []byte(sibling+" "+version))
	}
	return mod
}

// withReleasedSums returns go.sum with the committed sums of the siblings in place of those of our version.
func (w *work) withReleasedSums(sum, committed []byte) []byte {
	var lines strings.Builder
	seen := map[string]bool{}
	for line := range strings.Lines(string(sum)) {
		sibling, _, _ := strings.Cut(line, " ")
		if !slices.Contains(w.siblings, sibling) {
			lines.WriteString(line)
			continue
		}
		for old := range strings.Lines(string(committed)) {
			if !seen[sibling] && strings.HasPrefix(old, sibling+" ") {
				lines.WriteString(old)
			}
		}
		seen[sibling] = true
	}
	return []byte(lines.String())
}

// pack puts the module into the proxy.
func (w *work) pack(dir string) error {
	m := module.Version{Path: prefix + dir, Version: w.version}
	var packed bytes.Buffer
	if err := zip.CreateFromDir(&packed, m, filepath.Join(w.dir, dir)); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	mod, err := os.ReadFile(filepath.Join(w.dir, dir, "go.mod"))
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"list":              []byte(w.version + "\n"),
		w.version + ".info": fmt.Appendf(nil, `{"Version":%q}`, w.version),
		w.version + ".mod":  mod,
		w.version + ".zip":  packed.Bytes(),
	}
	for name, data := range files {
		if err := writeFile(filepath.Join(w.dir, "proxy", m.Path, "@v", name), data); err != nil {
			return err
		}
	}
	return nil
}

// run runs the go command in the module's copy.
func (w *work) run(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = filepath.Join(w.dir, dir), w.env
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// show prints what a file should become.
func (w *work) show(ctx context.Context, file string, want []byte) {
	cmd := exec.CommandContext(ctx, "diff", "-u", file, "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(want), os.Stdout, os.Stderr
	_ = cmd.Run() // fails because they differ
}

func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}
