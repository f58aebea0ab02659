package lock

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// counters are the API server's own, of writes. Who wrote they do not say: they are read before and after a time in which only one does.
type counters struct {
	// writes that succeeded, but for Events and Leases, which are written all the time and not for locks.
	writes int
	// conflicts are writes of ManualLocks that were refused as another came before.
	conflicts int
}

func (c counters) since(before counters) counters {
	return counters{c.writes - before.writes, c.conflicts - before.conflicts}
}

func (c counters) plus(other counters) counters {
	return counters{c.writes + other.writes, c.conflicts + other.conflicts}
}

func (r *rig) counters(ctx context.Context) (counters, error) {
	text, err := r.client.Discovery().RESTClient().Get().AbsPath("/metrics").SetHeader("Accept", "text/plain").DoRaw(ctx)
	if err != nil {
		return counters{}, fmt.Errorf("metrics of the API server: %w", err)
	}
	return parseCounters(bytes.NewReader(text))
}

func parseCounters(metrics io.Reader) (c counters, err error) {
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		labels, found := strings.CutPrefix(lines.Text(), "apiserver_request_total{")
		if !found {
			continue
		}
		labels, value, _ := strings.Cut(labels, "} ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return counters{}, fmt.Errorf("metrics of the API server: %w", err)
		}
		c.add(labelsOf(labels), int(n))
	}
	return c, lines.Err()
}

// labelsOf reads labels whose values hold neither comma nor quote.
func labelsOf(s string) map[string]string {
	all := map[string]string{}
	for l := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(l, "=")
		all[name] = strings.Trim(value, `"`)
	}
	return all
}

func (c *counters) add(l map[string]string, n int) {
	switch l["verb"] {
	case "POST", "PUT", "PATCH", "APPLY", "DELETE":
	default:
		return
	}
	switch {
	case l["resource"] == "events" || l["resource"] == "leases" || l["subresource"] == "token" || strings.HasSuffix(l["resource"], "reviews"):
	case strings.HasPrefix(l["code"], "2"):
		c.writes += n
	case l["code"] == "409" && l["resource"] == "manuallocks":
		c.conflicts += n
	}
}
