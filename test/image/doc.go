// Package image makes container images of static Go binaries: no Docker, no base image, no network.
//
// A first use:
//
//	program := image.Program{Dir: root, Package: "./controller/cmd/zen-lead", Version: "v1.2.3"}
//	if err := image.Compile(ctx, program, "bin/zen-lead"); err != nil {
//		return err
//	}
//	built, err := image.Build(image.Spec{Binary: "bin/zen-lead", Path: "/zen-lead"})
//	if err != nil {
//		return err
//	}
//	err = image.WriteArchive("images.tar", map[string]v1.Image{"localhost/zen-lead:dev": built})
//
// and then ctr -n k8s.io images import images.tar.
//
// Guarantees:
//   - The same Spec with the same bytes gives the same digest, whenever and wherever it is built with the same Go release: Go's
//     gzip may write other bytes in the next one.
//   - An image holds the binary, and what Spec.Beside names, and no other file; they belong to root and nobody may write them. A binary that would not start in an
//     image without files (linked dynamically, or for another processor) is refused.
//   - The user is given by number and is not root, so that a pod with runAsNonRoot starts.
//
// What an image does not hold, and why: no /etc/passwd, as a numeric user needs no name; no certificates of public authorities, as
// the programs speak to the API server, whose authority Kubernetes mounts; no nsswitch.conf, as Go resolves by files and then DNS
// without one; no /tmp, as nothing is written.
package image
