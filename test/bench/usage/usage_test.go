package usage

import (
	"os"
	"testing"
	"time"
)

const (
	someStatus = "Name:\tzen-lead\nVmPeak:\t 1307600 kB\nVmHWM:\t  200000 kB\nVmRSS:\t  150000 kB\nThreads:\t9\n"
	someStat   = "4711 (zen) lead (x) S 1 4711 4711 0 -1 4194560 9000 0 0 0 250 50 0 0 20 0 9 0 31415 1338982400 37500\n"
)

func TestUsageIsReadFromProc(t *testing.T) {
	got, err := parseUsage(someStatus, someStat)
	want := Usage{Resident: 150000 << 10, Peak: 200000 << 10, CPU: 3 * time.Second}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestUsageThatIsNotThereIsAnError(t *testing.T) {
	for name, c := range map[string]struct{ status, stat string }{
		"a process that has ended has no memory": {"Name:\tzen-lead\n", someStat},
		"a stat that is cut off":                 {someStatus, "4711 (zen-lead) S 1"},
		"a size that is no number":               {"VmRSS:\t much kB\nVmHWM:\t 1 kB\n", someStat},
	} {
		t.Run(name, func(t *testing.T) {
			if u, err := parseUsage(c.status, c.stat); err == nil {
				t.Errorf("no error, but %+v", u)
			}
		})
	}
}

func TestThisProcessUsesMemory(t *testing.T) {
	u, err := Of(os.Getpid())
	if err != nil || u.Resident <= 0 || u.Peak < u.Resident {
		t.Errorf("%+v, %v", u, err)
	}
}
