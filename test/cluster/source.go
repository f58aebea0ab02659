package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// source is one Go module below test/ that binaries are built from, outside the workspace: its requirements would rule everybody else's.
type source struct {
	// folder is the module's place below test/.
	folder string
	// product is the module whose version names the result.
	product string
	// stamps are string variables, as linker flags name them, and their values made from the version.
	stamps func(version string) []string
}

var kubernetesSource = source{folder: "kubernetes", product: "k8s.io/kubernetes", stamps: kubernetesStamps}

var kwokSource = source{folder: "kwok", product: "sigs.k8s.io/kwok", stamps: func(version string) []string {
	return []string{"sigs.k8s.io/kwok/pkg/consts.Version=" + version}
}}

// corednsSource needs no stamps: CoreDNS has its version in its sources.
var corednsSource = source{folder: "coredns", product: "github.com/coredns/coredns", stamps: func(string) []string { return nil }}

// kubernetesStamps tells the binaries who they are. Without them the API server calls itself v0.0.0, and every user agent does, too.
func kubernetesStamps(version string) []string {
	numbers := strings.Split(strings.TrimPrefix(version, "v"), ".")
	var stamps []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		stamps = append(stamps,
			pkg+".gitVersion="+version,
			pkg+".gitMajor="+numbers[0],
			pkg+".gitMinor="+numbers[min(1, len(numbers)-1)],
			pkg+".gitTreeState=clean",
			pkg+".gitCommit=none",
			pkg+".buildDate=1970-01-01T00:00:00Z")
	}
	return stamps
}

// located is a source found in the checkout.
type located struct {
	source
	dir     string
	version string
	// home is the cache directory of what is built from exactly these files.
	home string
}

// locate finds what the package, one of the module's or of those that it requires, is built from.
func (s source) locate(pkg string) (located, error) {
	tests, err := findTests()
	if err != nil {
		return located{}, err
	}
	dir := filepath.Join(tests, s.folder)
	version, err := requiredVersion(filepath.Join(dir, "go.mod"), s.product)
	if err != nil {
		return located{}, err
	}
	fingerprint, err := s.fingerprint(dir, pkg, version)
	if err != nil {
		return located{}, fmt.Errorf("fingerprint of %s: %w", dir, err)
	}
	cache, err := cacheDir()
	if err != nil {
		return located{}, err
	}
	home := filepath.Join(cache, fmt.Sprintf("%s-%s-%s", s.folder, version, fingerprint))
	return located{source: s, dir: dir, version: version, home: home}, nil
}

// Checkout is the root directory of the checkout that the working directory lies in.
func Checkout() (string, error) {
	tests, err := findTests()
	return filepath.Dir(tests), err
}

// findTests finds the folder test/ of the checkout from the working directory upwards, else where this file was compiled.
func findTests() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "test")} {
			if hasSources(candidate) {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	_, file, _, _ := runtime.Caller(0)
	if candidate := filepath.Dir(filepath.Dir(file)); hasSources(candidate) {
		return candidate, nil
	}
	return "", errors.New("no checkout of zen-lead in or above the working directory: test/kubernetes/go.mod not found")
}

func hasSources(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, kubernetesSource.folder, "go.mod"))
	return err == nil
}

func requiredVersion(goMod, module string) (string, error) {
	content, err := os.ReadFile(goMod)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^\s*(?:require )?` + regexp.QuoteMeta(module) + ` (v\S+)`).FindSubmatch(content)
	if found == nil {
		return "", fmt.Errorf("%s does not require %s", goMod, module)
	}
	return string(found[1]), nil
}

// fingerprint changes with everything that changes the result: the package's own sources, go.mod, go.sum, build flags and platform. The packages
// of a module here import nothing of each other.
func (s source) fingerprint(dir, pkg, version string) (string, error) {
	files := []string{"go.mod", "go.sum"}
	if strings.HasPrefix(pkg, ".") {
		own, err := filepath.Glob(filepath.Join(dir, pkg, "*.go"))
		if err != nil {
			return "", err
		}
		for _, path := range own {
			files = append(files, filepath.Join(pkg, filepath.Base(path)))
		}
	}
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.GOOS, runtime.GOARCH, buildArgs(s, version), buildEnv)
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, name, len(content))
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// cacheDir lies outside the checkout: several checkouts, and a fresh one, share what was built.
func cacheDir() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("cache directory: %w", err)
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "zen-lead"), nil
}
