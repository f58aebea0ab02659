// Package mutants tries whether the tests notice a wrong product: each patch in this folder breaks one rule, and the test
// that its header names must then fail. README.md says how one is written.
//
// A mutant never touches the product: its patch is applied to copies of the files that it changes, and the go command
// builds with these copies in their place (-overlay). A patch that does not apply, a mutant that does not compile and a
// test that does not run are errors, which must not pass for a mutant that was caught.
package mutants
