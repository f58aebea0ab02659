// Package release makes what a release publishes: the image for two architectures, the chart, and the Go modules. DryRun makes it,
// pushes it to a registry that lives in this process, pulls it back and compares; a program that a user writes is built of the modules as
// their tags will have them, and asks the API of the image's binary.
//
// A first use:
//
//	source, err := release.Describe(ctx, root)
//	if err != nil {
//		return err
//	}
//	err = release.DryRun(ctx, release.Options{Source: source, Out: os.Stdout})
//
// Guarantees:
//   - The image depends on the sources, the commit and Go's release: not on the folder, the user, the day or the machine.
//   - DryRun publishes nothing, speaks to this machine alone (but for modules that the go command does not have yet) and leaves
//     nothing behind, however it ends, short of SIGKILL.
//
// Non-guarantees: nothing is signed.
package release
