// Package guide takes programs and commands out of the documentation, so that they are compiled and run as they are written there.
package guide

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// Program returns the Go program that a page of a checkout shows, from "package main" to where the indented text ends.
func Program(root, page string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return "", err
	}
	_, after, found := strings.Cut(string(text), "    package main\n")
	if !found {
		return "", fmt.Errorf("%s shows no Go program", page)
	}
	var program strings.Builder
	program.WriteString("package main\n")
	for line := range strings.Lines(after) {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "    ") {
			break
		}
		program.WriteString(strings.TrimPrefix(line, "    "))
	}
	return strings.TrimSpace(program.String()) + "\n", nil
}

// Blocks returns the indented texts of a page, in order, as they are copied from it.
func Blocks(root, page string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return nil, err
	}
	var blocks []string
	var block strings.Builder
	for line := range strings.Lines(string(text) + "end\n") {
		code, indented := strings.CutPrefix(line, "    ")
		switch {
		case indented:
			block.WriteString(code)
		case strings.TrimSpace(line) == "":
			block.WriteString("\n")
		default:
			if b := strings.TrimSpace(block.String()); b != "" {
				blocks = append(blocks, b+"\n")
			}
			block.Reset()
		}
	}
	return blocks, nil
}

// Write writes a module of its own with the program of a page, and with files that belong to it (the program's work), into an
// empty folder. It is built with the modules of the checkout, as a user's is with those of a release.
func Write(root, page, dir string, files map[string]string) error {
	program, err := Program(root, page)
	if err != nil {
		return err
	}
	all := map[string]string{
		"main.go": program,
		"go.mod":  "module example.com/" + filepath.Base(dir) + "\n\ngo 1.26.0\n",
		"go.work": workspace(root),
	}
	maps.Copy(all, files)
	var failed []error
	for name, text := range all {
		failed = append(failed, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return errors.Join(failed...)
}

// workspace is a go.work of the program and our modules, where they name each other by v0.0.0.
func workspace(root string) string {
	var w strings.Builder
	w.WriteString("go 1.26.0\n\nuse .\n")
	for _, module := range []string{"core", "integrations/kubebuilder", "sdk/go"} {
		folder := filepath.Join(root, module)
		fmt.Fprintf(&w, "use %s\nreplace github.com/kube-zen/zen-lead/%s v0.0.0 => %s\n", folder, module, folder)
	}
	return w.String()
}
