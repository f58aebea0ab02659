// Package bench is what all benchmarks share: how much they measure, how they tell progress, and the table, the RESULT
// line and the raw samples that each leaves behind. bench/README.md says what is measured and how.
//
// A benchmark is a program and not a timed test: it runs on a machine that does nothing else, and its figures are read
// by people. Counts (writes, requests) do not depend on the machine; latencies are given in multiples of one raw
// compare-and-swap that is measured in between.
package bench
