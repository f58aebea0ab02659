package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-zen/zen-lead/test/election"
)

// crashSite knows what the members say, and what kubelets report of their containers.
type crashSite struct {
	*world
	mu sync.Mutex
	// beginnings are those of works, as they were read.
	beginnings []beginning
	// reports are of containers, by their IDs.
	reports map[string]report
	// read are the containers whose logs are read.
	read map[string]bool
}

// report is when the API server told what a kubelet had written.
type report struct {
	// ended: the container had ended. failed: the pod had, for good, which one that restarts its containers never does.
	ended, failed time.Duration
}

// beginning is the begin of a member's work.
type beginning struct {
	pool, pod string
	at        time.Duration
}

// openCrashSite watches until ctx ends.
func (w *world) openCrashSite(ctx context.Context) (*crashSite, error) {
	s := &crashSite{world: w, reports: map[string]report{}, read: map[string]bool{}}
	events, err := w.kubernetes.CoreV1().Pods(crashNamespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	go func() {
		defer events.Stop()
		for e := range events.ResultChan() {
			if pod, ok := e.Object.(*corev1.Pod); ok && e.Type != watch.Deleted {
				s.see(ctx, *pod, election.Now())
			}
		}
	}()
	return s, nil
}

// see takes over what a kubelet reported.
func (s *crashSite) see(ctx context.Context, pod corev1.Pod, at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, is := range pod.Status.ContainerStatuses {
		for _, state := range []corev1.ContainerState{is.State, is.LastTerminationState} {
			if state.Terminated == nil {
				continue
			}
			r := s.reports[state.Terminated.ContainerID]
			if r.ended == 0 {
				r.ended = at
			}
			if r.failed == 0 && pod.Status.Phase == corev1.PodFailed {
				r.failed = at
			}
			s.reports[state.Terminated.ContainerID] = r
		}
		if is.State.Running != nil && !s.read[is.ContainerID] {
			s.read[is.ContainerID] = true
			go func() { _ = s.tail(ctx, pod, is, s.hear) }() // what is not read is missed
		}
	}
}

// hear notes the begin of a work.
func (s *crashSite) hear(line said) {
	var e struct {
		At    int64  `json:"at"`
		Event string `json:"event"`
	}
	if json.Unmarshal([]byte(line.text), &e) != nil || e.Event != "began" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beginnings = append(s.beginnings, beginning{line.pod[:strings.LastIndexByte(line.pod, '-')], line.pod, time.Duration(e.At)})
}

// began waits for a work of a pool that began after a moment, and returns the last one.
func (s *crashSite) began(ctx context.Context, pool string, after time.Duration) (last beginning, err error) {
	err = s.await(ctx, soon, "work in "+pool, func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, b := range s.beginnings {
			if b.pool == pool && b.at > max(after, last.at) {
				last = b
			}
		}
		if last.at == 0 {
			return errNotYet
		}
		return nil
	})
	return last, err
}

// reported waits until the end of a pod's container was reported, and that of the pod where it ends with it.
func (s *crashSite) reported(ctx context.Context, pod corev1.Pod) (r report, err error) {
	id := pod.Status.ContainerStatuses[0].ContainerID
	err = s.await(ctx, soon, fmt.Sprintf("the report of the end of %s", pod.Name), func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r = s.reports[id]; r.ended == 0 || r.failed == 0 && pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
			return errNotYet
		}
		return nil
	})
	return r, err
}
