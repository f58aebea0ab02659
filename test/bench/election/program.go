package election

import (
	"fmt"
	"strings"
	"time"

	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/test/election"
)

// program is one of the electors that are measured side by side, with its durations.
type program struct {
	// name is for people, short is part of the names of its pools.
	name, short string
	elector     election.Elector
	durations   term.Durations
}

// The programs: each with the durations that both have by default, and with short ones, as a program has that is tuned for
// fast failover. Durations of ours are whole seconds.
var (
	ours      = program{"zen-lead 15/10/2", "zen-lead", election.Lead, seconds(15, 10, 2)}
	oursTuned = program{"zen-lead 3/2/1", "zen-lead-tuned", election.Lead, seconds(3, 2, 1)}
	theirs    = program{"client-go 15/10/2", "client-go", election.ClientGo, seconds(15, 10, 2)}
	// client-go's elector on the Lease of a pool, by kube.ResourceLock.
	onOurLock  = program{"client-go 15/10/2 on kube.ResourceLock", "lock", election.Lock, seconds(15, 10, 2)}
	theirTuned = program{"client-go 3/2/0.5", "client-go-tuned", election.ClientGo, seconds(3, 2, 0.5)}
)

// programs are those that are measured in all things.
var programs = []program{ours, theirs, oursTuned, theirTuned}

func seconds(lease, renew, retry float64) term.Durations {
	d := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	return term.Durations{Lease: d(lease), RenewDeadline: d(renew), Retry: d(retry)}
}

// Namespaces of the two electors' pools, and of what belongs to neither.
const (
	oursNamespace  = "bench-zen-lead"
	theirNamespace = "bench-client-go"
	apart          = "bench"
)

func (p program) namespace() string {
	if p.elector == election.ClientGo {
		return theirNamespace
	}
	return oursNamespace
}

func (p program) pool(n int) string { return fmt.Sprintf("%s-%02d", p.short, n) }

// owns says whether a pool of that name is one of the program's.
func (p program) owns(pool string) bool {
	return pool[:max(strings.LastIndex(pool, "-"), 0)] == p.short
}

// args are what client-go's electors are told; ours read the policy. controller-runtime gives a request half the renew deadline.
func (p program) args(more ...string) []string {
	if p.elector == election.Lead {
		return more
	}
	d := p.durations
	return append([]string{
		"-lease", d.Lease.String(), "-renew", d.RenewDeadline.String(), "-retry", d.Retry.String(), "-request-timeout", (d.RenewDeadline / 2).String(),
	}, more...)
}

// agent is how its requests show up in the audit log.
func (p program) agent() string {
	if p.elector == election.Lead {
		return "member/"
	}
	return "client-go-elector"
}
