package simulation

import (
	"slices"
	"time"
)

// act is one thing that can happen to a world. It reports whether there was something that it could happen to.
type act struct {
	name   Figure
	weight int
	do     func(*world) bool
	// forgets: it takes away what a pool's next record must be above, other than the version.
	forgets bool
}

// personal are acts of people, pods and the cluster.
var personal = []act{
	{"pod created", 10, (*world).createPod, false},
	{"pod made ready", 14, (*world).readyPod, false},
	{"pod made unready", 14, (*world).unreadyPod, false},
	{"pod deleted", 8, (*world).deletePod, false},
	{"pod deleted by force", 8, (*world).forcePod, false},
	{"pod made again", 8, (*world).remakePod, false},
	{"pod ended", 4, (*world).endPod, false},
	{"pod excluded", 4, (*world).excludePod, false},
	{"pod included", 4, (*world).includePod, false},
	{"pod left its pool", 4, (*world).leavePod, false},
	{"pod joined a pool", 6, (*world).joinPod, false},
	{"role scribbled", 4, (*world).scribble, true},
	{"policy deleted", 3, (*world).deletePolicy, true},
	{"policy created", 8, (*world).createPolicy, false},
	{"policy made again", 3, (*world).remakePolicy, true},
	{"policy edited", 2, (*world).editPolicy, false},
	{"node moved", 2, (*world).moveNode, false},
	{"node cordoned", 4, (*world).cordonNode, false},
	{"node uncordoned", 4, (*world).uncordonNode, false},
	{"node silent or heard again", 3, (*world).silence, false},
	{"node lost", 2, (*world).loseNode, false},
	{"node back", 3, (*world).findNode, false},
	{"node removed or made again", 3, (*world).removeNode, false},
	{"handover asked", 6, (*world).askHandover, false},
	{"pool paused", 3, (*world).pausePool, false},
	{"pool resumed", 5, (*world).resumePool, false},
	{"program observed", 5, (*world).observe, false},
	{"program not observed", 3, (*world).unobserve, false},
	{"program elected", 14, (*world).electProgram, false},
	{"program renewed", 10, (*world).renewProgram, false},
	{"program released", 6, (*world).releaseProgram, false},
	{"lease deleted", 5, (*world).deleteLease, true},
	{"service deleted", 2, (*world).deleteService, false},
	{"slices deleted", 3, (*world).deleteSlices, false},
}

// mechanical are acts on replicas, apart from what the weather does.
var mechanical = []act{
	{"", 6, (*world).pause, false},
	{"", 4, (*world).killOne, false},
	{"", 4, (*world).breakWatches, false},
}

// central are acts on the API server.
var central = []act{
	{"", 1, (*world).crash, false},
	{"", 1, (*world).hang, false},
}

func actions() []Figure {
	var names []Figure
	for _, a := range personal {
		names = append(names, a.name)
	}
	return names
}

// happen lets one thing happen.
func (w *world) happen() {
	now := w.weather()
	d := w.dice.intN(now.people + now.processes + now.server)
	from := personal
	switch {
	case d >= now.people+now.processes:
		from = central
	case d >= now.people:
		from = mechanical
	}
	a := drawn(w.dice, from)
	if w.restored && a.forgets {
		return
	}
	if a.do(w) && a.name != "" {
		w.count(a.name)
		w.tracef("act: %s", a.name)
	}
}

func drawn(d *dice, from []act) act {
	total := 0
	for _, a := range from {
		total += a.weight
	}
	at := d.intN(total)
	i := slices.IndexFunc(from, func(a act) bool { at -= a.weight; return at < 0 })
	return from[i]
}

// running returns a replica's process, and its number; nil where it is being started again.
func (w *world) running() (*process, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.dice.intN(len(w.processes))
	return w.processes[i], i
}

func (w *world) pause() bool {
	p, _ := w.running()
	if p == nil || p.stopped() {
		return false
	}
	w.sleep(p, w.dice)
	return true
}

// sleep stops a process for a while.
func (w *world) sleep(p *process, d *dice) {
	p.freeze()
	long := d.between(20*time.Millisecond, 12*time.Second)
	w.tracef("act: %s sleeps for %s", p.name, long)
	time.AfterFunc(long, p.resume)
}

func (w *world) killOne() bool {
	p, i := w.running()
	if p == nil {
		return false
	}
	w.tracef("act: %s is killed", p.name)
	p.kill()
	w.count(Kills)
	w.mu.Lock()
	next := slices.Clone(w.processes)
	next[i] = nil
	w.processes = next
	w.mu.Unlock()
	time.AfterFunc(w.dice.between(time.Millisecond, 3*time.Second), func() { w.launch(i) })
	return true
}

func (w *world) breakWatches() bool {
	p, _ := w.running()
	if p == nil {
		return false
	}
	for _, s := range p.streams {
		if w.dice.in(0.5) {
			s.breakOff(w.dice.between(time.Millisecond, 4*time.Second))
		}
	}
	return true
}

func (w *world) crash() bool {
	if !w.turn(down) {
		return false
	}
	w.count(Crashes)
	w.mu.Lock()
	w.crashed++
	processes := w.processes
	w.mu.Unlock()
	for _, p := range processes {
		if p == nil {
			continue
		}
		for _, s := range p.streams {
			s.breakOff(w.dice.between(time.Millisecond, time.Second))
		}
	}
	d := w.dice.between(50*time.Millisecond, 6*time.Second)
	w.tracef("act: the API server crashes for %s", d)
	time.AfterFunc(d, func() { w.turn(up) })
	return true
}

func (w *world) hang() bool {
	if !w.turn(hung) {
		return false
	}
	w.count(Hangs)
	d := w.dice.between(50*time.Millisecond, 8*time.Second)
	w.tracef("act: the API server hangs for %s", d)
	time.AfterFunc(d, func() { w.turn(up) })
	return true
}

// turn changes the condition of the API server, where it is up, or back to that.
func (w *world) turn(c condition) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c != up && w.condition != up {
		return false
	}
	w.condition = c
	switch {
	case c == hung:
		w.thawed = make(chan struct{})
	case w.thawed != nil:
		close(w.thawed)
		w.thawed = nil
	}
	return true
}
