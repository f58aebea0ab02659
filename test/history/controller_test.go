package history_test

import "github.com/kube-zen/zen-lead/test/history"

// replica sends the next write of a replica, or, when nothing is left to send, lets it look and decide anew.
func (w *world) replica(i int) {
	if len(w.queue[i]) == 0 {
		w.queue[i] = w.decide()
		return
	}
	send := w.queue[i][0]
	w.queue[i] = w.queue[i][1:]
	send()
}

// decide looks at the pool and returns the writes that it needs, each with what it relies on.
func (w *world) decide() []func() {
	l, there := w.now["lease/web"]
	if !there {
		l = lease(history.Added, "", 0)
		if w.bug == createsHeld && len(w.pods()) > 0 {
			l.Lease = history.Lease{Holder: w.pods()[0].Name, HolderUID: w.pods()[0].UID}
		}
		return []func(){func() { w.create(l) }}
	}
	if l.Lease.Base == 0 && l.Lease.Holder != "" && w.bug != takesOverHeldForeign && w.bug != createsHeld {
		return nil
	}
	var best, holder *history.Event
	for _, p := range w.pods() {
		if p.Pool != "web" {
			continue
		}
		if p.Name == l.Lease.Holder && (p.UID == l.Lease.HolderUID || w.bug == marksTheNameNotTheUID) {
			holder = &p
		}
		if best == nil && p.Pod.Ready {
			best = &p
		}
	}
	if best != nil && (l.Lease.Base == 0 || holder == nil || !holder.Pod.Ready) {
		return w.move(l, *best)
	}
	if holder == nil {
		return nil
	}
	return w.derive(l, *holder)
}

// move makes p the holder; the roles follow at the next look.
func (w *world) move(l, p history.Event) []func() {
	old := l.Lease
	l.Lease.Holder, l.Lease.HolderUID = p.Name, p.UID
	if l.Lease.Base == 0 {
		l.Lease.Base = max(l.Revision, int64(1))
	}
	if w.bug == restartsTerms && old.Base == 0 {
		l.Lease.Base = 1
	}
	if w.bug == movesTheBase {
		l.Lease.Base++
	}
	if w.bug != grantsWithoutNewTerm {
		l.Lease.Transitions++
	}
	election := func() { w.update(l, false) }
	if w.bug == marksBeforeTheLease {
		return append([]func(){w.mark(p, "leader", l.Lease.Term())}, election)
	}
	return []func(){election}
}

// derive writes what follows from the Lease. The holder before may have been gone from the pool: whoever is no leader
// is marked follower.
func (w *world) derive(l, holder history.Event) []func() {
	term := l.Lease.Term()
	var writes []func()
	for _, p := range w.pods() {
		switch {
		case p.Pool != "web":
		case p.UID == holder.UID:
			writes = append(writes, w.mark(p, "leader", term))
		case p.Pod.Label != "follower" || p.Pod.Annotation != "follower":
			writes = append(writes, w.mark(p, "follower", term))
		}
	}
	want := slice(history.Added, term)
	want.Slice.Endpoints = []history.Target{{Name: holder.Name, UID: holder.UID}}
	if s, there := w.now[key(want)]; !there {
		// A creation has no precondition, so it is made empty: only the update, which has one, names somebody.
		empty := slice(history.Added, 0)
		writes = append(writes, func() { w.create(empty) })
	} else if s.Slice.Term <= term {
		if w.bug == addsEndpoints {
			want.Slice.Endpoints = append(want.Slice.Endpoints, s.Slice.Endpoints...)
		}
		want.UID, want.Revision = s.UID, s.Revision
		writes = append(writes, func() { w.update(want, w.bug == putsSlicesBlindly) })
	}
	w.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
	return writes
}

// mark writes a role if the pod still has the role and the term that were read, and is still in the pool.
func (w *world) mark(p history.Event, role string, term int64) func() {
	return func() {
		now, there := w.now[key(p)]
		if !there || now.UID != p.UID || w.bug != marksBlindly && (now.Pod.Role != p.Pod.Role || now.Pool != p.Pool) {
			return
		}
		now.Pod.Role = history.Role{Label: role, Annotation: role, Term: term}
		if now.Pod.Role != p.Pod.Role {
			w.update(now, false)
		}
	}
}
