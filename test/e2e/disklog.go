package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// newDiskLog reads the logs off the disks of the nodes until ctx ends: also those of a node that is cut off or frozen, and of a pod
// that is gone from the API.
func (w *world) newDiskLog(ctx context.Context) *workLog {
	var l *workLog
	l = newWorkLog(func(pod corev1.Pod, s corev1.ContainerStatus) error {
		return w.tail(ctx, pod, s, func(line said) {
			l.line(line.pod, line.text)
			l.hear(line)
		})
	})
	return l
}

// said is one line of a container's log.
type said struct {
	pod, text string
	at        time.Time
}

// lookAgain is how long nothing is read after the end of a log.
const lookAgain = 20 * time.Millisecond

// tail reads the log of a container from its start, on and on. A file that is removed is read to its end.
func (w *world) tail(ctx context.Context, pod corev1.Pod, s corev1.ContainerStatus, each func(said)) error {
	node, err := w.cluster.PID(cluster.Component(pod.Spec.NodeName))
	if err != nil {
		return err
	}
	log, err := os.Open(fmt.Sprintf("/proc/%d/root/var/log/pods/%s_%s_%s/%s/%d.log", node, pod.Namespace, pod.Name, pod.UID, s.Name, s.RestartCount))
	if err != nil {
		return err
	}
	defer log.Close()
	line := ""
	for lines := bufio.NewReader(log); ; {
		more, err := lines.ReadString('\n')
		line += more
		switch {
		case err == nil:
			if heard, ok := parseLine(pod.Name, line); ok {
				each(heard)
			}
			line = ""
			continue
		case !errors.Is(err, io.EOF):
			return err
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

// parseLine reads a line as container runtimes write it: time, stream, F for a full line, text.
func parseLine(pod, line string) (heard said, ok bool) {
	parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
	if len(parts) < 4 {
		return said{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, parts[0])
	return said{pod: pod, text: parts[3], at: at}, err == nil
}
