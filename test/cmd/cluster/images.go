package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/image"
)

// Images of this checkout that real nodes have.
const (
	zenLeadImage = "localhost/zen-lead:dev"
	appImage     = "localhost/e2eapp:dev"
)

// writeImages compiles what people want to run on real nodes, where nothing can be pulled.
func writeImages(ctx context.Context, dir string) (archive string, err error) {
	root, err := cluster.Checkout()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	archive = filepath.Join(dir, "images.tar")
	return archive, image.WritePrograms(ctx, archive, map[string]image.Program{
		zenLeadImage: {Dir: root, Package: "./controller/cmd/zen-lead", Version: "dev"},
		appImage:     {Dir: root, Package: "./test/cmd/e2eapp"},
	})
}
