package lock

import (
	"os"
	"time"

	"github.com/kube-zen/zen-lead/test/bench/usage"
	"github.com/kube-zen/zen-lead/test/cluster"
)

// spent is the processor's time that something took: of API server and etcd, of the controllers, and of this process, which is all contenders.
type spent struct{ kubernetes, controllers, callers time.Duration }

func (s spent) plus(other spent) spent {
	return spent{s.kubernetes + other.kubernetes, s.controllers + other.controllers, s.callers + other.callers}
}

// spending does something and says what it took.
func (r *rig) spending(do func() error) (took spent, err error) {
	before, err := r.spent()
	if err != nil {
		return took, err
	}
	if err := do(); err != nil {
		return took, err
	}
	after, err := r.spent()
	return spent{after.kubernetes - before.kubernetes, after.controllers - before.controllers, after.callers - before.callers}, err
}

func (r *rig) spent() (s spent, err error) {
	for _, c := range []cluster.Component{cluster.APIServer, cluster.Etcd} {
		pid, err := r.cluster.PID(c)
		if err != nil {
			return s, err
		}
		u, err := usage.Of(pid)
		if err != nil {
			return s, err
		}
		s.kubernetes += u.CPU
	}
	for _, c := range r.controllers {
		u, err := usage.Of(c.PID())
		if err != nil {
			return s, err
		}
		s.controllers += u.CPU
	}
	u, err := usage.Of(os.Getpid())
	s.callers = u.CPU
	return s, err
}
