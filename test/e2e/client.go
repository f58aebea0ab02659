package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

// logged is a line of the client's log as it is written there.
type logged struct {
	Sent   time.Time `json:"sent"`
	TookMS float64   `json:"took_ms"`
	Pod    string    `json:"pod"`
	UID    string    `json:"uid"`
	Term   string    `json:"term"`
	Role   string    `json:"role"`
	Error  string    `json:"error"`
}

// questioner is the client in its pod, as its log tells of it.
type questioner struct {
	stop func()
	done chan struct{}

	mu      sync.Mutex
	answers []Answer
	err     error
}

// follow reads the log of the pod until stop is called.
func follow(ctx context.Context, client kubernetes.Interface, namespace, pod string) (*questioner, error) {
	ctx, stop := context.WithCancel(ctx)
	log, err := client.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Follow: true}).Stream(ctx)
	if err != nil {
		stop()
		return nil, fmt.Errorf("log of the client: %w", err)
	}
	q := &questioner{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(q.done)
		defer log.Close()
		q.read(ctx, log)
	}()
	return q, nil
}

func (q *questioner) read(ctx context.Context, log io.Reader) {
	for decoder := json.NewDecoder(log); ; {
		var line logged
		err := decoder.Decode(&line)
		q.mu.Lock()
		if err != nil {
			if ctx.Err() == nil {
				q.err = fmt.Errorf("the client's log ended: %w", err)
			}
			q.mu.Unlock()
			return
		}
		q.answers = append(q.answers, line.answer())
		q.mu.Unlock()
	}
}

func (l logged) answer() Answer {
	took := time.Duration(l.TookMS * float64(time.Millisecond))
	// What is no number is no claim to a term.
	term, err := strconv.ParseInt(l.Term, 10, 64)
	return Answer{Sent: l.Sent, Received: l.Sent.Add(took), Pod: l.Pod, UID: l.UID, Term: term, Leads: err == nil && l.Role == "leader", Err: l.Error}
}

// all returns what was heard so far, in the order of the log. An error says that there will be no more.
func (q *questioner) all() ([]Answer, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clip(q.answers), q.err
}

// errUnsteady: the client does not hear from one pod alone.
var errUnsteady = errors.New("unsteady")

// steady returns nil when every question of the last stretch of time was answered by the pod of that UID.
func (q *questioner) steady(uid string, within time.Duration) error {
	answers, err := q.all()
	if err != nil {
		return err
	}
	since := time.Now().Add(-within)
	seen := 0
	for i := len(answers) - 1; i >= 0 && answers[i].Received.After(since); i-- {
		if answers[i].UID != uid {
			return fmt.Errorf("%w: %q answered a question of %s", errUnsteady, answers[i].Pod, answers[i].Sent.Format(time.TimeOnly))
		}
		seen++
	}
	if want := int(within / (50 * time.Millisecond)); seen < want {
		return fmt.Errorf("%w: %d questions in %s", errUnsteady, seen, within)
	}
	return nil
}
