package snapshot

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

var (
	web   = types.NamespacedName{Namespace: "shop", Name: "web"}
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func at(version int64) *metav1.MicroTime {
	return &metav1.MicroTime{Time: epoch.Add(time.Duration(version) * time.Second)}
}

func meta(name string, version int64) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: web.Namespace, Name: name, UID: types.UID(name + "-uid"), ResourceVersion: fmt.Sprint(version), Annotations: map[string]string{}}
}

// policy of mode says that leader leads in term; "" is nobody.
func policy(version int64, mode v1alpha1.Mode, leader string, term int64) *v1alpha1.LeaderPolicy {
	p := &v1alpha1.LeaderPolicy{ObjectMeta: meta(web.Name, version), Spec: v1alpha1.LeaderPolicySpec{Mode: mode}}
	p.Status.Term, p.Status.LastTransitionTime = term, at(term)
	if leader != "" {
		p.Status.CurrentHolder = &v1alpha1.Holder{Name: leader, UID: types.UID(leader + "-uid"), Namespace: web.Namespace}
	}
	return p
}

// lease is in term, held by holder, whose pod has that name too.
func lease(version int64, holder string, term int64) *coordinationv1.Lease {
	l := &coordinationv1.Lease{ObjectMeta: meta(web.Name, version)}
	l.Annotations[v1alpha1.TermBaseAnnotation] = fmt.Sprint(term)
	l.Spec.LeaseTransitions, l.Spec.AcquireTime, l.Spec.RenewTime = new(int32(0)), at(term), at(version)
	if holder != "" {
		l.Spec.HolderIdentity = new(holder)
		l.Annotations[v1alpha1.HolderUIDAnnotation] = holder + "-uid"
	}
	return l
}

func held(l *coordinationv1.Lease, annotation, value string) *coordinationv1.Lease {
	l.Annotations[annotation] = value
	return l
}

func pod(name string, version int64, ip string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: meta(name, version), Spec: corev1.PodSpec{NodeName: "node-1"}}
	p.Annotations[v1alpha1.PoolAnnotation] = web.Name
	if ip != "" {
		p.Status.PodIPs = []corev1.PodIP{{IP: ip}}
	}
	return p
}

type gone struct{ o any }

func tellAll(f *Feed, events ...any) {
	h := f.Handler()
	for _, e := range events {
		switch e := e.(type) {
		case gone:
			h.OnDelete(e.o)
		default:
			h.OnUpdate(nil, e)
		}
	}
}

func TestWhoLeads(t *testing.T) {
	controller, participant, observe := v1alpha1.ModeController, v1alpha1.ModeParticipant, v1alpha1.ModeObserve
	for name, tc := range map[string]struct {
		events []any
		leader Leader
		term   int64
	}{
		"nobody, of a policy that is new":                                    {[]any{policy(1, controller, "", 0)}, Leader{}, 0},
		"whom the status names":                                              {[]any{policy(9, controller, "a", 5)}, Leader{Name: "a", UID: "a-uid"}, 5},
		"with address and node, of a pod that is known":                      {[]any{policy(9, controller, "a", 5), pod("a", 3, "10.0.0.1")}, Leader{"a", "a-uid", "10.0.0.1", "node-1"}, 5},
		"not with those of another pool's pod":                               {[]any{policy(9, controller, "a", 5), otherPool(pod("a", 3, "10.0.0.1"))}, Leader{Name: "a", UID: "a-uid"}, 5},
		"whom the Lease names, before the status does":                       {[]any{policy(9, controller, "a", 5), pod("a", 3, ""), pod("b", 4, "10.0.0.2"), lease(10, "b", 7)}, Leader{"b", "b-uid", "10.0.0.2", "node-1"}, 7},
		"whom the status names, if the watch of Leases is behind":            {[]any{lease(10, "a", 5), pod("a", 3, ""), policy(12, controller, "b", 7)}, Leader{Name: "b", UID: "b-uid"}, 7},
		"nobody, once the Lease was emptied":                                 {[]any{policy(9, controller, "a", 5), pod("a", 3, ""), lease(10, "", 5)}, Leader{}, 5},
		"nobody, once the status says that the holder does not renew":        {[]any{policy(9, participant, "", 5), pod("a", 3, ""), lease(8, "a", 5)}, Leader{}, 5},
		"whom a process of the pool made the holder":                         {[]any{policy(9, participant, "a", 5), pod("b", 3, ""), held(lease(10, "b", 7), v1alpha1.HolderProcessAnnotation, "7 main/x/y")}, Leader{Name: "b", UID: "b-uid", Node: "node-1"}, 7},
		"not a stranger's elector that kept the annotations":                 {[]any{policy(9, participant, "a", 5), pod("b", 3, ""), held(lease(10, "b", 7), v1alpha1.HolderProcessAnnotation, "6 main/x/y")}, Leader{}, 7},
		"not a holder whose pod bears another name":                          {[]any{policy(9, controller, "a", 5), pod("b", 3, ""), held(lease(10, "stranger", 7), v1alpha1.HolderUIDAnnotation, "b-uid")}, Leader{}, 7},
		"a member under the name that it chose":                              {[]any{named(policy(9, controller, "a", 5)), identified(pod("b", 3, ""), "blue"), held(lease(10, "blue", 7), v1alpha1.HolderUIDAnnotation, "b-uid")}, Leader{Name: "b", UID: "b-uid", Node: "node-1"}, 7},
		"not a member under that name, where the policy does not want names": {[]any{policy(9, controller, "a", 5), identified(pod("b", 3, ""), "blue"), held(lease(10, "blue", 7), v1alpha1.HolderUIDAnnotation, "b-uid")}, Leader{}, 7},
		"nobody, until the member is known that the Lease names":             {[]any{policy(9, controller, "a", 5), lease(10, "b", 7)}, Leader{}, 7},
		"a member that became known after the Lease named it":                {[]any{policy(9, controller, "a", 5), lease(10, "b", 7), pod("b", 11, "")}, Leader{Name: "b", UID: "b-uid", Node: "node-1"}, 7},
		"whom the status names, where another program's Lease elects":        {[]any{policy(9, observe, "a", 5), pod("b", 3, ""), lease(10, "b", 7)}, Leader{Name: "a", UID: "a-uid"}, 5},
		"not by a Lease that is not zen-lead's":                              {[]any{policy(9, controller, "", 0), pod("b", 3, ""), held(lease(10, "b", 7), v1alpha1.TermBaseAnnotation, "")}, Leader{}, 0},
		"in no smaller term than before, when the status falls":              {[]any{policy(9, controller, "a", 5), policy(10, controller, "b", 4)}, Leader{Name: "a", UID: "a-uid"}, 5},
		"nobody who gave up, when the Lease is gone":                         {[]any{policy(9, controller, "a", 5), lease(10, "", 5), gone{lease(10, "", 5)}}, Leader{}, 5},
		"the same, when a Lease is gone that was held":                       {[]any{policy(9, controller, "a", 5), lease(8, "a", 5), gone{lease(10, "a", 5)}}, Leader{Name: "a", UID: "a-uid"}, 5},
		"nobody who gave up, when a stranger takes the Lease":                {[]any{policy(9, controller, "a", 5), pod("a", 3, ""), lease(10, "", 5), held(lease(12, "stranger", 6), v1alpha1.HolderUIDAnnotation, "")}, Leader{}, 6},
		"of a policy that was made again while nobody watched":               {[]any{policy(9, observe, "a", 5), uid(policy(20, observe, "b", 3), "again")}, Leader{Name: "b", UID: "b-uid"}, 3},
		"as it was, while nobody follows a leader whose pod is gone":         {[]any{policy(9, controller, "a", 5), pod("a", 3, "10.0.0.1"), gone{toolscache.DeletedFinalStateUnknown{Obj: pod("a", 3, "10.0.0.1")}}}, Leader{"a", "a-uid", "10.0.0.1", "node-1"}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			var f Feed
			tellAll(&f, tc.events...)
			got := f.Board.Newest(web)
			if got == nil {
				t.Fatal("the pool is not known")
			}
			if got.State.Leader != tc.leader || got.State.Term != tc.term {
				t.Errorf("%+v leads in term %d, want %+v in %d", got.State.Leader, got.State.Term, tc.leader, tc.term)
			}
		})
	}
}

func otherPool(p *corev1.Pod) *corev1.Pod {
	p.Annotations[v1alpha1.PoolAnnotation] = "api"
	return p
}

func uid(p *v1alpha1.LeaderPolicy, u types.UID) *v1alpha1.LeaderPolicy {
	p.UID = u
	return p
}

func identified(p *corev1.Pod, as string) *corev1.Pod {
	p.Annotations[v1alpha1.IdentityAnnotation] = as
	return p
}

func named(p *v1alpha1.LeaderPolicy) *v1alpha1.LeaderPolicy {
	p.Spec.IdentityStrategy = v1alpha1.IdentityCustom
	return p
}

func TestAPoolThatIsGone(t *testing.T) {
	deleting := policy(11, v1alpha1.ModeController, "a", 5)
	deleting.DeletionTimestamp = new(metav1.Now())
	for name, end := range map[string]any{
		"whose policy was deleted":       gone{policy(10, v1alpha1.ModeController, "a", 5)},
		"whose policy is being deleted":  deleting,
		"of which only the last was had": gone{toolscache.DeletedFinalStateUnknown{Obj: policy(10, v1alpha1.ModeController, "a", 5)}},
	} {
		t.Run(name, func(t *testing.T) {
			var f Feed
			tellAll(&f, policy(9, v1alpha1.ModeController, "a", 5), lease(8, "a", 5))
			was := f.Board.Newest(web)
			tellAll(&f, end)
			if f.Board.Newest(web) != nil || len(f.Board.Pools()) != 0 {
				t.Error("it is known still")
			}
			select {
			case <-was.Next():
				if !was.After().Gone {
					t.Error("followers are not told that it is gone")
				}
			default:
				t.Error("followers are not told")
			}
			tellAll(&f, policy(12, v1alpha1.ModeController, "", 0))
			if again := f.Board.Newest(web); again == nil || again.State.Term != 5 {
				t.Errorf("made again it is %+v, want the term of its Lease", again)
			}
		})
	}
}

// Whatever the order in which three watches tell, a follower sees terms that grow, and in the end what is.
func TestFollowersSeeTermsGrowWhateverTheOrder(t *testing.T) {
	names := []string{"a", "b", "c"}
	for seed := range uint64(300) {
		chance := rand.New(rand.NewPCG(seed, 1))
		var leases, policies, pods []any
		version, term := int64(10), int64(10)
		for _, n := range names {
			pods = append(pods, pod(n, version, "10.0.0.1"))
			version++
		}
		policies = append(policies, policy(version, v1alpha1.ModeController, "", 0))
		leader := ""
		for range 8 {
			version += 2
			if leader = names[chance.IntN(len(names))]; chance.IntN(4) == 0 {
				leases = append(leases, lease(version, "", term))
				policies = append(policies, policy(version+1, v1alpha1.ModeController, "", term))
			}
			version += 2
			term += 1 + chance.Int64N(3)
			leases = append(leases, lease(version, leader, term))
			policies = append(policies, policy(version+1, v1alpha1.ModeController, leader, term))
		}
		var f Feed
		tellAll(&f, policies[0])
		seen := f.Board.Newest(web)
		for watches := [][]any{leases, policies[1:], pods}; len(leases)+len(policies)+len(pods) > 0; {
			i := chance.IntN(len(watches))
			if len(watches[i]) == 0 {
				if len(watches[0])+len(watches[1])+len(watches[2]) == 0 {
					break
				}
				continue
			}
			tellAll(&f, watches[i][0])
			watches[i] = watches[i][1:]
			for next := seen.After(); next != nil; next = seen.After() {
				if next.State.Term < seen.State.Term || next.Revision.Sum == seen.Revision.Sum || next.State == seen.State {
					t.Fatalf("seed %d: after %+v %+v came %+v %+v", seed, seen.State, seen.Revision, next.State, next.Revision)
				}
				seen = next
			}
		}
		if seen.State.Leader.Name != leader || seen.State.Term != term || seen.State.Leader.IP == "" {
			t.Fatalf("seed %d: in the end %+v, want %s in term %d", seed, seen.State, leader, term)
		}
	}
}

// Whatever changes in what is told changes the revision: an answer that is known is not sent again, and who resumes is told nothing else.
func TestOtherStatesHaveOtherRevisions(t *testing.T) {
	controller := v1alpha1.ModeController
	for name, tc := range map[string]struct {
		before []any
		change any
	}{
		"when its pod has another address":  {[]any{policy(9, controller, "a", 5), pod("a", 3, "10.0.0.1")}, pod("a", 4, "10.0.0.2")},
		"when its pod leaves the pool":      {[]any{policy(9, controller, "a", 5), pod("a", 3, "10.0.0.1")}, otherPool(pod("a", 4, "10.0.0.1"))},
		"when an old version is told later": {[]any{policy(9, controller, "a", 5)}, policy(8, controller, "b", 5)},
		"when a Lease is emptied":           {[]any{policy(9, controller, "a", 5), lease(8, "a", 5)}, lease(10, "", 5)},
	} {
		t.Run(name, func(t *testing.T) {
			var f Feed
			tellAll(&f, tc.before...)
			was := f.Board.Newest(web)
			tellAll(&f, tc.change)
			is := f.Board.Newest(web)
			if is == was || is.Revision.Sum == was.Revision.Sum || is.State == was.State {
				t.Errorf("%+v %+v became %+v %+v", was.State, was.Revision, is.State, is.Revision)
			}
		})
	}
}

// The Lease tells of a move, and the status follows.
func TestOneMoveIsToldOnce(t *testing.T) {
	participant := v1alpha1.ModeParticipant
	by := func(l *coordinationv1.Lease, holder string) *coordinationv1.Lease {
		if holder == "" {
			return l
		}
		return held(l, v1alpha1.HolderProcessAnnotation, l.Annotations[v1alpha1.TermBaseAnnotation]+" main/x/y")
	}
	for name, tc := range map[string]struct {
		mode   v1alpha1.Mode
		holder string
		term   int64
	}{
		"to another, whom zen-lead chose":    {v1alpha1.ModeController, "b", 7},
		"to another, who took it by itself":  {participant, "b", 7},
		"to nobody, as the Lease is emptied": {participant, "", 5},
	} {
		t.Run(name, func(t *testing.T) {
			var f Feed
			tellAll(&f, pod("a", 3, ""), pod("b", 3, ""), policy(9, tc.mode, "a", 5), by(lease(8, "a", 5), "a"))
			seen := f.Board.Newest(web)
			status := policy(12, tc.mode, tc.holder, tc.term)
			status.Status.LastTransitionTime = at(1000) // by another clock, and later
			tellAll(&f, by(lease(10, tc.holder, tc.term), tc.holder), status)
			var told []State
			for next := seen.After(); next != nil; next = next.After() {
				told = append(told, next.State)
			}
			if len(told) != 1 || told[0].Term != tc.term || told[0].Leader.Name != tc.holder {
				t.Errorf("told %+v", told)
			}
		})
	}
}

// A policy of another UID is another pool: terms that are smaller are not of the one before.
func TestFollowersHearThatAPolicyWasMadeAgain(t *testing.T) {
	var f Feed
	tellAll(&f, policy(9, v1alpha1.ModeObserve, "a", 5))
	was := f.Board.Newest(web)
	tellAll(&f, uid(policy(20, v1alpha1.ModeObserve, "b", 3), "again"))
	if next := was.After(); next == nil || !next.Gone {
		t.Errorf("they are told %+v", next)
	}
	if is := f.Board.Newest(web); is.State.Term != 3 || is.State.Leader.Name != "b" {
		t.Errorf("%+v", is.State)
	}
}

// Who follows looks, once it is told of a frame, whether this process has heard of all that the frame was made of.
func TestWhoIsToldIsNotBehind(t *testing.T) {
	var f Feed
	tellAll(&f, policy(1, v1alpha1.ModeController, "a", 1))
	const frames = 2000
	behind := 0
	awaits := make(chan struct{})
	go func() {
		defer close(awaits)
		seen := f.Board.Newest(web)
		for range frames {
			awaits <- struct{}{}
			for seen.After() == nil { // a channel would wake it too late to see
				runtime.Gosched()
			}
			if seen = seen.After(); f.Board.Behind(web, seen.Revision) {
				behind++
			}
		}
	}()
	version := int64(2)
	for range awaits {
		tellAll(&f, policy(version, v1alpha1.ModeController, "a", version))
		version++
	}
	if behind > 0 {
		t.Errorf("%d of %d frames were told before they were heard of", behind, frames)
	}
}

func TestWhoIsBehind(t *testing.T) {
	var f Feed
	tellAll(&f, policy(9, v1alpha1.ModeController, "a", 5), lease(8, "a", 5))
	if !f.Board.Behind(types.NamespacedName{Name: "unknown"}, Revision{}) {
		t.Error("not behind of a pool that is not known")
	}
	was := f.Board.Newest(web)
	tellAll(&f, lease(20, "a", 5)) // a renewal changes nothing
	for _, tc := range []struct {
		r      Revision
		behind bool
	}{
		{Revision{}, false}, {was.Revision, false}, {Revision{5, 20, 9, 0}, false}, {Revision{5, 21, 9, 0}, true}, {Revision{5, 20, 10, 0}, true}, {Revision{6, 3, 3, 0}, true},
		{Revision{4, 20, 9, 0}, false},
	} {
		if got := f.Board.Behind(web, tc.r); got != tc.behind {
			t.Errorf("behind of %+v: %v", tc.r, got)
		}
	}
	if f.Board.Newest(web) != was {
		t.Error("a renewal was told")
	}
	tellAll(&f, gone{lease(21, "a", 5)})
	if f.Board.Behind(web, Revision{5, 21, 9, 0}) {
		t.Error("behind of a Lease that is gone")
	}
}

// A watch that was away may say that a pod is gone which is there.
func TestALeadersPodThatIsThereAfterAll(t *testing.T) {
	var f Feed
	tellAll(&f, policy(9, v1alpha1.ModeController, "a", 5), pod("a", 3, "10.0.0.1"), gone{pod("a", 3, "10.0.0.1")}, pod("a", 10, "10.0.0.1"))
	tellAll(&f, policy(12, v1alpha1.ModeController, "b", 7), policy(14, v1alpha1.ModeController, "a", 8))
	if got := f.Board.Newest(web).State.Leader; got.IP != "10.0.0.1" {
		t.Errorf("%+v leads again, and its pod is not known", got)
	}
}

// The pod of a leader goes just before the next one leads: followers are told once.
func TestAFailoverIsToldOnce(t *testing.T) {
	var f Feed
	tellAll(&f, policy(9, v1alpha1.ModeController, "a", 5), lease(8, "a", 5), pod("a", 3, "10.0.0.1"), pod("b", 4, "10.0.0.2"))
	was := f.Board.Newest(web)
	tellAll(&f, gone{pod("a", 10, "10.0.0.1")}, lease(11, "b", 7), policy(12, v1alpha1.ModeController, "b", 7))
	if next := was.After(); next == nil || next.State.Leader.Name != "b" || next.After() != nil {
		t.Errorf("after a came %+v, and then %+v", next, next.After())
	}
	if len(f.pods) != 1 || len(f.parted) != 0 {
		t.Errorf("%d pods are known, and %d that parted", len(f.pods), len(f.parted))
	}
	tellAll(&f, gone{pod("b", 20, "10.0.0.2")}, gone{policy(21, v1alpha1.ModeController, "b", 7)})
	if len(f.pods) != 0 || len(f.parted) != 0 {
		t.Errorf("of a pool that is gone %d pods are known, and %d that parted", len(f.pods), len(f.parted))
	}
}
