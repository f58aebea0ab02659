package plugin

import (
	"errors"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func micro(ago time.Duration) *metav1.MicroTime {
	t := metav1.NewMicroTime(noon.Add(-ago))
	return &t
}

// reportLock is held, and two wait for it.
func reportLock(edit func(*v1alpha1.ManualLock)) *Lock {
	m := &v1alpha1.ManualLock{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "report"},
		Spec:       v1alpha1.ManualLockSpec{Description: "the nightly report, of which two would send all mails twice", TTLSeconds: &v1alpha1.TTLBounds{Max: new(int32(60))}},
		Status: v1alpha1.ManualLockStatus{
			Token:   105902,
			Waiting: new(int32(2)),
			Holders: []v1alpha1.LockHolder{{
				RequestID: "7f0c", Owner: "report-0", Account: "system:serviceaccount:shop:report", Token: 105902, Since: micro(41 * time.Second), TTLSeconds: 15, Home: "zen-lead.a",
			}},
			Waiters: []v1alpha1.LockWaiter{
				{RequestID: "81aa", Owner: "report-1", Account: "system:serviceaccount:shop:report", Since: micro(30 * time.Second)},
				{RequestID: "92bb", Account: "system:serviceaccount:shop:other"},
			},
			LastTransition: &v1alpha1.LockTransition{Reason: v1alpha1.LockGranted, Time: micro(41 * time.Second), Message: "report-0 got it: it was free"},
		},
	}
	if edit != nil {
		edit(m)
	}
	l := lockOf(m)
	return &l
}

func free(m *v1alpha1.ManualLock) { m.Status.Holders = nil }

func forced(m *v1alpha1.ManualLock) {
	m.Status.Holders[0].Forced = &v1alpha1.LockForce{By: "ann", Reason: "its node is gone"}
}

// asked is an order that is written on the lock.
func asked(token int64) func(*v1alpha1.ManualLock) {
	return func(m *v1alpha1.ManualLock) {
		order := v1alpha1.ForceRelease{Token: token, By: "ann", Reason: "its node is gone"}
		m.Annotations = map[string]string{v1alpha1.ForceReleaseAnnotation: order.String()}
	}
}

func TestATableHasALineForEachLock(t *testing.T) {
	t.Parallel()
	idle := reportLock(func(m *v1alpha1.ManualLock) { m.Name, m.Status = "idle", v1alpha1.ManualLockStatus{} })
	hostile := reportLock(func(m *v1alpha1.ManualLock) {
		m.Name, m.Status.Holders[0].Owner, m.Status.LastTransition = "hostile", "\x1b[2Jx\ny\tz", nil
	})
	taken := reportLock(forced)
	taken.Name = "taken"
	var b strings.Builder
	if err := lockTable(&b, LockReport{Locks: []Lock{*hostile, *idle, *reportLock(nil), *taken}}, true, noon); err != nil {
		t.Fatal(err)
	}
	want := `
NAME           HOLDER      TOKEN    WAITING   SINCE   WHY
shop/hostile   ?[2Jx?y?z   105902   2         41s     -
shop/idle      -           -        -         -       -
shop/report    report-0    105902   2         41s     report-0 got it: it was free
shop/taken     report-0    105902   2         41s     taken from it by ann: its node is gone
`
	if got := "\n" + b.String(); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

func TestALockIsShownWhole(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := showLock(&b, reportLock(asked(105902)), noon); err != nil {
		t.Fatal(err)
	}
	want := `
Name:                 report
Namespace:            shop
Description:          the nightly report, of which two would send all mails twice
Bounds:               ttl 1 to 60 s, at most 1000 wait
Token:                105902
Holder:               report-0
  Account:            system:serviceaccount:shop:report
  Request:            7f0c
  Token:              105902
  Since:              41s
  TTL:                15s
  Home:               zen-lead.a
  Taken from it by:   ann: its node is gone
Waiting:              2
  1:                  report-1, for 30s, account system:serviceaccount:shop:report, request 81aa
  2:                  system:serviceaccount:shop:other, request 92bb
Last:                 41s ago: report-0 got it: it was free
`
	if got := "\n" + b.String(); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

func TestWhyTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	lease := func(ago time.Duration) home {
		return home{lease: &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{RenewTime: micro(ago)}}}
	}
	leases := schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	for name, c := range map[string]struct {
		edit func(*v1alpha1.ManualLock)
		home home
		want []string
	}{
		"held, by a replica that lives": {nil, lease(3 * time.Second), []string{
			"report is held by report-0, with token 105902, for 41s.",
			"It protects the nightly report, of which two would send all mails twice.",
			"Its account is system:serviceaccount:shop:report, its request 7f0c.",
			"zen-lead.a, which renewed its own Lease 3s ago: the replica lives, and so does the holder, or the lock is free 16s after",
			"2 wait, as of the last change; next first:",
			"What happened last, 41s ago: report-0 got it: it was free.",
			`kubectl zenlead lock release --force report -n shop --reason "..."`,
		}},
		"of a replica that has died":       {nil, lease(20 * time.Second), []string{"renewed its own Lease 20s ago: the replica has died, or is cut off", "the lock is free within 32s."}},
		"and nobody took notice":           {nil, lease(time.Minute), []string{"nobody took the lock over: is another controller running? kubectl get leases -n zen-lead-system"}},
		"of a replica that has ended":      {nil, home{err: apierrors.NewNotFound(leases, "zen-lead.a")}, []string{"it has ended, or zen-lead is elsewhere"}},
		"of a Lease that may not be read":  {nil, home{err: apierrors.NewForbidden(leases, "zen-lead.a", nil)}, []string{"you may not read its Lease in namespace zen-lead-system"}},
		"of a Lease that cannot be read":   {nil, home{err: errors.New("EOF")}, []string{"not known here: EOF"}},
		"taken from its holder":            {forced, lease(0), []string{"taken from its holder, by ann: its node is gone. Its renewals do not count any more: the lock is free within 16s, or 32s", "--now"}},
		"asked for, and not obeyed":        {asked(105902), lease(0), []string{"is written, and not obeyed yet, by ann: its node is gone"}},
		"asked for of an earlier holder":   {asked(7), lease(0), []string{"An order to take it from an earlier holder is left over, and takes nothing"}},
		"more wait than are written down":  {func(m *v1alpha1.ManualLock) { m.Status.Waiting = new(int32(12)) }, lease(0), []string{"12 wait; only the first 2 are written down"}},
		"free, and somebody waits":         {free, home{}, []string{"report is free.", "It should have been granted: is a controller running?"}},
		"free, as nobody has ever held it": {func(m *v1alpha1.ManualLock) { m.Status = v1alpha1.ManualLockStatus{} }, home{}, []string{"report is free: nobody has held it yet."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			if err := explain(&b, reportLock(c.edit), c.home, noon); err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(b.String(), want) {
					t.Errorf("want %q in\n%s", want, b.String())
				}
			}
		})
	}
}

func TestAnOrderIsDecidedOnceTheHolderIsAnotherOrTheOrderIsGone(t *testing.T) {
	t.Parallel()
	ended := func(reason string) func(*v1alpha1.ManualLock) {
		return func(m *v1alpha1.ManualLock) { free(m); m.Status.LastTransition.Reason = reason }
	}
	for name, c := range map[string]struct {
		now  func(*v1alpha1.ManualLock)
		said string
		err  string
	}{
		"not while it is not obeyed yet": {asked(105902), "", ""},
		"not while it is under way":      {forced, "", ""},
		"taken":                          {ended(v1alpha1.LockForced), "report: taken from report-0; free", ""},
		"released meanwhile":             {ended(v1alpha1.LockReleased), "report: report-0 released it; free", ""},
		"given back meanwhile":           {ended(v1alpha1.LockUndelivered), "report: report-0 had gone before it heard of its grant; free", ""},
		"expired meanwhile":              {ended(v1alpha1.LockExpired), "report: report-0 was not heard of for its ttl; free", ""},
		"held by the next": {func(m *v1alpha1.ManualLock) {
			m.Status.Holders[0].Token, m.Status.Holders[0].Owner = 105990, "report-1"
		}, "report: report-0 holds it no more; report-1 holds it, with token 105990", ""},
		"refused": {nil, "", "not taken from report-0: the order was refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, decided, err := becameOf(reportLock(nil), reportLock(c.now))
			if said != c.said || decided != (c.said != "" || c.err != "") || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v, %v", said, decided, err)
			}
		})
	}
}
