package plugin

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"
)

// tree prints pools with their members below them.
func tree(out io.Writer, r Report, wide, namespaces bool, now time.Time) error {
	w := printers.GetNewTabWriter(out)
	head := []string{"POOL / MEMBER", "ROLE", "READY", "NODE", "ZONE", "TERM", "SINCE", "WHY"}
	row := func(cells []string, ip string) {
		if wide {
			cells = append(cells[:len(cells)-1:len(cells)-1], ip, cells[len(cells)-1])
		}
		for i := range cells {
			cells[i] = cmp.Or(cells[i], "-")
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	row(head, "IP")
	for _, p := range r.Pools {
		name := p.Name
		if namespaces {
			name = p.Namespace + "/" + p.Name
		}
		ready := 0
		for _, m := range p.Members {
			if m.Ready {
				ready++
			}
		}
		row([]string{name, cmp.Or(string(p.Phase), "Unknown"), fmt.Sprintf("%d/%d", ready, len(p.Members)), "", "", number(p.Term), sinceMicro(p.Since, now), strings.Join(p.Notes, "; ")}, "")
		for i, m := range p.Members {
			branch := "├─ "
			if i == len(p.Members)-1 {
				branch = "└─ "
			}
			row([]string{branch + m.Name, m.Role, yes(m.Ready), m.Node, m.Zone, number(m.Term), since(m.Since, now), m.Why}, m.IP)
		}
	}
	return w.Flush()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func since(t *metav1.Time, now time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return duration.HumanDuration(max(0, now.Sub(t.Time)))
}

func sinceMicro(t *metav1.MicroTime, now time.Time) string {
	if t == nil {
		return ""
	}
	return since(&metav1.Time{Time: t.Time}, now)
}
