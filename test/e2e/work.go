package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// workSource is the work of the documentation's programs here: it tells, fifty times a second, that it works. All nodes have one
// clock.
const workSource = `package main

import (
	"context"
	"fmt"
	"time"
)

func work(ctx context.Context, term int64) error {
	for {
		select {
		case <-ctx.Done():
			fmt.Println("work-ended", term, time.Now().UnixNano())
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
			fmt.Println("works", term, time.Now().UnixNano())
		}
	}
}
`

// Work is one moment at which a pod worked.
type Work struct {
	Pod  string
	Term int64
	At   time.Time
}

// CheckWork returns what is wrong with what pods say of their work: a term must have one pod, and end before the next begins.
func CheckWork(all []Work) (wrong []string) {
	terms := map[int64][]Work{}
	for _, w := range all {
		terms[w.Term] = append(terms[w.Term], w)
	}
	var last Work
	for _, t := range slices.Sorted(keysOf(terms)) {
		works := terms[t]
		slices.SortFunc(works, func(a, b Work) int { return a.At.Compare(b.At) })
		for _, w := range works {
			if w.Pod != works[0].Pod {
				wrong = append(wrong, fmt.Sprintf("%s and %s worked in term %d", works[0].Pod, w.Pod, t))
				break
			}
		}
		if works[0].At.Before(last.At) {
			wrong = append(wrong, fmt.Sprintf("%s began term %d while %s worked in term %d", works[0].Pod, t, last.Pod, last.Term))
		}
		last = works[len(works)-1]
	}
	return wrong
}

func keysOf(terms map[int64][]Work) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for t := range terms {
			if !yield(t) {
				return
			}
		}
	}
}

// workLog reads what the pods of a Deployment say of their work, container after container.
type workLog struct {
	// source reads the log of a container, until its end or that of the test.
	source func(corev1.Pod, corev1.ContainerStatus) error
	mu     sync.Mutex
	works  map[Work]struct{}
	// followed are the containers whose logs are being read.
	followed map[string]bool
	ended    map[int64]bool
	// escaped are the terms in which a process worked that had left its program's session.
	escaped map[int64]bool
	// heard are the lines that tell of no work, where the log keeps them.
	heard []said
}

func newWorkLog(source func(corev1.Pod, corev1.ContainerStatus) error) *workLog {
	return &workLog{source: source, works: map[Work]struct{}{}, followed: map[string]bool{}, ended: map[int64]bool{}, escaped: map[int64]bool{}}
}

// follow reads the logs of containers that are new among the pods. One that could not be read, as it has just been made, is read by the
// next call.
func (l *workLog) follow(pods []corev1.Pod) {
	for i := range pods {
		for _, s := range pods[i].Status.ContainerStatuses {
			if s.State.Running == nil || s.ContainerID == "" {
				continue
			}
			l.mu.Lock()
			known := l.followed[s.ContainerID]
			l.followed[s.ContainerID] = true
			l.mu.Unlock()
			if !known {
				go l.read(pods[i], s)
			}
		}
	}
}

func (l *workLog) read(pod corev1.Pod, s corev1.ContainerStatus) {
	err := l.source(pod, s)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followed[s.ContainerID] = err == nil
}

func (l *workLog) line(pod, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var what string
	var term, at int64
	if _, err := fmt.Sscanf(text, "%s %d %d", &what, &term, &at); err != nil {
		return
	}
	switch what {
	case "works", "works-too":
		l.works[Work{Pod: pod, Term: term, At: time.Unix(0, at)}] = struct{}{}
		l.escaped[term] = l.escaped[term] || what == "works-too"
	case "work-ended":
		l.ended[term] = true
	}
}

// hear keeps a line that tells of no work.
func (l *workLog) hear(line said) {
	if strings.HasPrefix(line.text, "works") {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, line)
}

// hasSaid says whether a pod said a thing after a moment.
func (l *workLog) hasSaid(pod, thing string, after time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.heard, func(s said) bool { return s.pod == pod && s.at.After(after) && strings.Contains(s.text, thing) })
}

// hasEscaped says whether what left its program's session worked in a term.
func (l *workLog) hasEscaped(term int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.escaped[term]
}

// bounds are the first and the last moment of work in a term.
func (l *workLog) bounds(term int64) (first, last time.Time) {
	for _, w := range l.all() {
		if w.Term != term {
			continue
		}
		if first.IsZero() || w.At.Before(first) {
			first = w.At
		}
		if w.At.After(last) {
			last = w.At
		}
	}
	return first, last
}

func (l *workLog) all() (all []Work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.works {
		all = append(all, w)
	}
	return all
}

// latest is the last moment of work that was heard of.
func (l *workLog) latest() (last Work, err error) {
	for _, w := range l.all() {
		if w.At.After(last.At) {
			last = w
		}
	}
	if last.Pod == "" {
		return last, errors.New("nobody works")
	}
	return last, nil
}

// hasEnded says whether the work of a term was heard to have returned.
func (l *workLog) hasEnded(term int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended[term]
}

// silence is how long nobody worked between two terms.
func (l *workLog) silence(before, after int64) time.Duration {
	_, last := l.bounds(before)
	first, _ := l.bounds(after)
	return first.Sub(last)
}

func summary(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}
