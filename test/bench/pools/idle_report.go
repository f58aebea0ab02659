package pools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
	"github.com/kube-zen/zen-lead/test/bench/elector"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// isOwnLease says whether a request is a write by which a controller says that it lives: they are there once, however
// many pools.
func isOwnLease(r audit.Request) bool {
	return strings.HasPrefix(r.UserAgent, agent) && r.IsWrite() && r.Succeeded() && r.ObjectRef.Resource == "leases" &&
		r.ObjectRef.Namespace == zenlead.Namespace && strings.HasPrefix(r.ObjectRef.Name, "zen-lead.")
}

func withoutOwnLeases(requests []audit.Request) []audit.Request {
	return slices.DeleteFunc(slices.Clone(requests), isOwnLease)
}

func (f *stay) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	minutes := f.end.Sub(f.begin).Minutes()
	our, their := audit.CountOf(f.asked, agent), audit.CountOf(f.asked, elector.UserAgent)
	own := len(f.asked) - len(withoutOwnLeases(f.asked))
	per := func(n, pools int) float64 { return bench.Rounded(float64(n)/float64(pools)/minutes, 6) }
	// Failed writes and events count here: at rest there is no reason for either.
	writes := our.Writes + our.Failed + our.Events - own

	result := bench.NewResult("idle")
	result.Set("pools", f.size.pools)
	result.Set("minutes", bench.Rounded(minutes, 2))
	result.Set("writes_per_pool_minute", per(writes, f.size.pools))
	result.Set("requests_per_pool_minute", per(our.Requests, f.size.pools))
	result.Set("client_go_writes_per_pool_minute", per(their.Writes, f.groups))
	result.Set("client_go_requests_per_pool_minute", per(their.Requests, f.groups))
	result.Set("client_go_pools", f.groups)
	result.Set("writes", writes)
	result.Set("own_lease_writes", own)
	result.Set("pools_decided_again", f.decided)
	result.Set("restart_writes", f.restart.Writes+f.restart.Failed+f.restart.Events)
	result.Set("restart_pools_decided", f.restarted)
	result.Set("failover_after_ms", bench.Milliseconds(f.move.slice))
	result.Set("client_go_failover_after_s", bench.Rounded(f.elected.Seconds(), 3))

	title := fmt.Sprintf("%d pools of zen-lead and %d of client-go electors at rest for %s", f.size.pools, f.groups, f.end.Sub(f.begin).Round(time.Second))
	count := func(name string, ours, theirs int) []string {
		return []string{name, strconv.Itoa(ours), fmt.Sprint(per(ours, f.size.pools)), strconv.Itoa(theirs), fmt.Sprint(per(theirs, f.groups))}
	}
	rows := [][]string{
		{"", "zen-lead", "per pool-minute", "client-go", "per pool-minute"},
		count("writes, without a controller's own Lease", writes, their.Writes+their.Failed+their.Events),
		count("writes of a controller's own Lease", own, 0),
		count("requests", our.Requests, their.Requests),
	}
	for _, k := range kinds(our, their) {
		rows = append(rows, count("   "+k, our.Kinds[k], their.Kinds[k]))
	}
	return errors.Join(
		bench.Table(out, title, rows),
		bench.Table(out, "And besides", [][]string{
			{"passes over pools in that time, made by changing each policy once", strconv.Itoa(f.decided)},
			{"a new controller: pools decided", strconv.Itoa(f.restarted)},
			{"a new controller: writes", strconv.Itoa(f.restart.Writes + f.restart.Failed + f.restart.Events)},
			{"afterwards a leader's pod is deleted: ms until the Service names the successor", fmt.Sprint(bench.Milliseconds(f.move.slice))},
			{"afterwards a leading elector dies: s until the next leads", fmt.Sprint(bench.Rounded(f.elected.Seconds(), 1))},
		}),
		result.Print(out),
		bench.Keep(ctx, e, "pools", result, f.samples()),
	)
}

// samples counts the requests of each minute by client and kind.
func (f *stay) samples() [][]string {
	type cell struct {
		minute      int
		agent, kind string
	}
	counts := map[cell]int{}
	for i := range f.asked {
		r := &f.asked[i]
		name, _, _ := strings.Cut(r.UserAgent, " ")
		counts[cell{int(r.ReceivedAt.Sub(f.begin).Minutes()), name, r.Kind()}]++
	}
	cells := slices.SortedFunc(maps.Keys(counts), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.agent, b.agent), cmp.Compare(a.kind, b.kind))
	})
	rows := [][]string{{"minute", "client", "request", "count"}}
	for _, c := range cells {
		rows = append(rows, []string{strconv.Itoa(c.minute), c.agent, c.kind, strconv.Itoa(counts[c])})
	}
	return rows
}
