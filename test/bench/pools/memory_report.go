package pools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/kube-zen/zen-lead/test/bench"
)

const mebibyte = 1 << 20

func (m *memory) report(ctx context.Context, e bench.Effort, out io.Writer, s size) error {
	perPool, perPod := m.shares(s)
	mib := func(bytes int64) float64 { return bench.Rounded(float64(bytes)/mebibyte, 1) }

	result := bench.NewResult("memory")
	result.Set("pools", s.pools)
	result.Set("pods", s.pools*s.pods)
	result.Set("rss_mib", mib(m.resident))
	result.Set("cpu_cores_idle", bench.Rounded(m.cores, 4))
	result.Set("rss_peak_mib", mib(m.peak))
	result.Set("heap_live_mib", mib(m.live))
	result.Set("heap_live_empty_mib", mib(m.empty))
	result.Set("bytes_per_pool", bench.Rounded(perPool, 0))
	result.Set("bytes_per_pod", bench.Rounded(perPod, 0))
	result.Set("restart_ready_s", bench.Rounded(m.ready.Seconds(), 3))
	result.Set("restart_decided_s", bench.Rounded(m.decided.Seconds(), 3))

	cell := func(f float64) string { return fmt.Sprint(f) }
	return errors.Join(
		bench.Table(out, fmt.Sprintf("The controller's process with %d pools of %d pods at rest", s.pools, s.pods), [][]string{
			{"memory of the process, MiB", cell(mib(m.resident))},
			{"   at most since it was started", cell(mib(m.peak))},
			{"   of which live after a garbage collection", cell(mib(m.live))},
			{"   live before there was any pool", cell(mib(m.empty))},
			{"bytes of the live heap, per pool without its pods", cell(bench.Rounded(perPool, 0))},
			{"bytes of the live heap, per pod", cell(bench.Rounded(perPod, 0))},
			{"cores used on average", cell(bench.Rounded(m.cores, 4))},
			{"a new process: s until it is ready", cell(bench.Rounded(m.ready.Seconds(), 2))},
			{"   until it has decided all pools", cell(bench.Rounded(m.decided.Seconds(), 2))},
		}),
		result.Print(out),
		bench.Keep(ctx, e, "pools", result, m.samples(s)),
		bench.KeepText(e, "pools-memory-heap.txt", m.profile),
	)
}

// samples are what was read of the processes' memory.
func (m *memory) samples(s size) [][]string {
	row := func(process string, s size, live int64, resident string) []string {
		return []string{process, strconv.Itoa(s.pools), strconv.Itoa(s.pools * s.pods), strconv.FormatInt(live, 10), resident}
	}
	return [][]string{
		{"process", "pools", "pods", "heap_live_bytes", "rss_bytes"},
		row("first", size{}, m.empty, ""),
		row("first", s, m.live, strconv.FormatInt(m.resident, 10)),
		row("second", s, m.fresh, ""),
		row("second", size{s.pools, s.pods + 1}, m.grown, ""),
	}
}
