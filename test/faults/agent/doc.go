// Package agent strikes "zen-lead run" and the programs that it runs, on a real API server. What those write, and when, is told by
// an unfenced register; a fence would refuse what that marks as late.
package agent
