package plugin

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/lock"
)

// systemNamespace is where zen-lead is installed, with the Leases of its replicas.
const systemNamespace = "zen-lead-system"

// replicaLease is how long a replica counts as there after it renewed its Lease.
const replicaLease = 15 * time.Second

func newLockWhy(a *access) *cobra.Command {
	return &cobra.Command{
		Use:               "why NAME",
		Short:             "Say who holds a lock, whether that is as it should be, and what to do",
		Example:           `  kubectl zenlead lock why nightly-report`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLocks,
		RunE: func(c *cobra.Command, args []string) error {
			cluster, namespace, err := a.connect()
			if err != nil {
				return err
			}
			m, err := manualLock(c.Context(), cluster, namespace, args[0])
			if err != nil {
				return err
			}
			l := lockOf(m)
			return explain(c.OutOrStdout(), &l, lookHome(c.Context(), cluster, &l), time.Now())
		},
	}
}

// home is what can be seen of the replica that hears a holder's renewals.
type home struct {
	lease *coordinationv1.Lease
	// err is why its Lease could not be read.
	err error
}

func lookHome(ctx context.Context, c client.Reader, l *Lock) home {
	if l.Holder == nil {
		return home{}
	}
	lease := &coordinationv1.Lease{}
	err := c.Get(ctx, client.ObjectKey{Namespace: systemNamespace, Name: l.Holder.Home}, lease)
	return home{lease, err}
}

// explain prints sentences for a person who was woken for this.
func explain(out io.Writer, l *Lock, h home, now time.Time) error {
	var lines []string
	if l.Holder == nil {
		lines = explainFree(l, now)
	} else {
		lines = append(explainHeld(l, h, now), "", "What to do:")
		lines = append(lines, advise(l)...)
	}
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

func explainFree(l *Lock, now time.Time) []string {
	lines := []string{l.Name + " is free."}
	if l.LastTransition == nil {
		lines[0] = l.Name + " is free: nobody has held it yet."
	}
	lines = append(lines, protects(l)...)
	lines = append(lines, history(l, now)...)
	if l.Waiting > 0 {
		lines = append(lines, waiting(l, now)...)
		lines = append(lines, "It should have been granted: is a controller running? kubectl get leases -n "+systemNamespace)
	}
	if l.Asked != "" {
		lines = append(lines, "An order to take it from its holder is left over, and takes nothing.")
	}
	return lines
}

func explainHeld(l *Lock, h home, now time.Time) []string {
	name := l.holder()
	held := fmt.Sprintf("%s is held by %s, with token %d", l.Name, name, l.Holder.Token)
	if l.Holder.Since != nil {
		held += ", for " + sinceMicro(l.Holder.Since, now)
	}
	lines := append([]string{held + "."}, protects(l)...)
	lines = append(lines, fmt.Sprintf("Its account is %s, its request %s.", cmp.Or(plain(l.Holder.Account), "not written down"), plain(l.Holder.RequestID)))
	lines = append(lines, explainHome(l, h, now)...)
	lines = append(lines, explainForce(l)...)
	lines = append(lines, waiting(l, now)...)
	return append(lines, history(l, now)...)
}

// explainHome says whether whoever hears the holder's renewals is there. The two clocks are only compared for people.
func explainHome(l *Lock, h home, now time.Time) []string {
	heard := "Its renewals are heard by replica " + plain(l.Holder.Home)
	free := seconds(freeWithin(l))
	switch {
	case apierrors.IsForbidden(h.err):
		return []string{
			heard + ". Whether that lives is not known here: you may not read its Lease in namespace " + systemNamespace + ".",
			"While the replica lives, so does the holder, or the lock is free " + seconds(lock.Wait(ttl(l))) + " after its last renewal, at the latest.",
		}
	case apierrors.IsNotFound(h.err):
		return []string{heard + ", whose Lease is not in namespace " + systemNamespace + ": it has ended, or zen-lead is elsewhere.",
			"If it has ended, the next renewal moves the holder to another replica; if there is none, the lock is free within " + free + "."}
	case h.err != nil:
		return []string{heard + ". Whether that lives is not known here: " + h.err.Error()}
	case h.lease.Spec.RenewTime == nil:
		return []string{heard + ", whose Lease was never renewed."}
	}
	ago := max(0, now.Sub(h.lease.Spec.RenewTime.Time))
	renewed := heard + ", which renewed its own Lease " + duration.HumanDuration(ago) + " ago"
	switch {
	case ago <= lock.Wait(replicaLease):
		return []string{renewed + ": the replica lives, and so does the holder, or the lock is free " + seconds(lock.Wait(ttl(l))) + " after its last renewal, at the latest."}
	case ago <= freeWithin(l):
		return []string{renewed + ": the replica has died, or is cut off. The holder renews at another one; if it has died too, the lock is free within " + free + "."}
	default:
		return []string{renewed + ", and nobody took the lock over: is another controller running? kubectl get leases -n " + systemNamespace}
	}
}

// explainForce says what becomes of an order to take the lock from its holder.
func explainForce(l *Lock) []string {
	by := l.forced()
	switch {
	case l.Holder.Forced != nil:
		return []string{fmt.Sprintf("It is taken from its holder, by %s. Its renewals do not count any more: the lock is free within %s, or %s if the replica has died.",
			by, seconds(lock.Wait(ttl(l))), seconds(freeWithin(l)))}
	case by != "":
		return []string{"An order to take it from its holder is written, and not obeyed yet, by " + by + ". That takes a moment; if it takes longer: is a controller running? kubectl get leases -n " + systemNamespace}
	case l.Asked != "":
		return []string{"An order to take it from an earlier holder is left over, and takes nothing."}
	}
	return nil
}

func protects(l *Lock) []string {
	if l.Description == "" {
		return nil
	}
	return []string{"It protects " + strings.TrimSuffix(plain(l.Description), ".") + "."}
}

// waiting says who waits, as far as it is written down.
func waiting(l *Lock, now time.Time) []string {
	if l.Waiting == 0 {
		return []string{"Nobody waited when that was last written down."}
	}
	waited := "1 waits"
	if l.Waiting > 1 {
		waited = fmt.Sprintf("%d wait", l.Waiting)
	}
	switch known := int32(len(l.Waiters)); { //nolint:gosec // at most eight
	case known == 0:
		return []string{waited + "."}
	case known < l.Waiting:
		waited += fmt.Sprintf("; only the first %d are written down", known)
	}
	lines := []string{waited + ", as of the last change; next first:"}
	for i := range l.Waiters {
		lines = append(lines, "  "+describeWaiter(&l.Waiters[i], now))
	}
	return lines
}

func history(l *Lock, now time.Time) []string {
	if l.LastTransition == nil {
		return nil
	}
	when := ""
	if l.LastTransition.Time != nil {
		when = ", " + sinceMicro(l.LastTransition.Time, now) + " ago"
	}
	return []string{"What happened last" + when + ": " + l.last() + "."}
}

// advise says what to do, by commands.
func advise(l *Lock) []string {
	const force = "  kubectl zenlead lock release --force %s -n %s --reason \"...\"%s"
	if l.Holder.Forced != nil {
		return []string{
			"- wait: the time is above;",
			"- or do not wait, though two may then work at once, and only the token tells them apart:",
			fmt.Sprintf(force, l.Name, l.Namespace, " --now"),
		}
	}
	return []string{
		"- if " + l.holder() + " works, let it: the lock is free as soon as it has ended;",
		"- if it hangs, end it where it runs; it renews, so something of it lives;",
		"- or take the lock from it, which is told to it with its next renewal:",
		fmt.Sprintf(force, l.Name, l.Namespace, ""),
	}
}

func ttl(l *Lock) time.Duration { return time.Duration(l.Holder.TTLSeconds) * time.Second }

// freeWithin is how long the lock of a holder that does not renew stays held, at the most: its replica may have died, too, and is
// waited for first.
func freeWithin(l *Lock) time.Duration { return lock.Wait(replicaLease) + lock.Wait(ttl(l)) }

// seconds rounds up: nothing takes longer than what people read.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%ds", (d+time.Second-1)/time.Second)
}
