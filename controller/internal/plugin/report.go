package plugin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/pool"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Report is what status prints as JSON or YAML.
type Report struct {
	Pools []Pool `json:"pools"`
}

// Pool is one pool of a Report.
type Pool struct {
	Namespace  string            `json:"namespace"`
	Name       string            `json:"name"`
	Phase      v1alpha1.Phase    `json:"phase,omitempty"`
	Leader     string            `json:"leader,omitempty"`
	Term       int64             `json:"term,omitempty"`
	Since      *metav1.MicroTime `json:"since,omitempty"`
	Candidates int32             `json:"candidates"`
	Paused     bool              `json:"paused,omitempty"`
	// Notes are what the conditions tell beside the normal, and what is asked for.
	Notes   []string `json:"notes,omitempty"`
	Members []Member `json:"members"`
}

// Member is one pod of a pool.
type Member struct {
	Name  string    `json:"name"`
	UID   types.UID `json:"uid"`
	Role  string    `json:"role,omitempty"`
	Ready bool      `json:"ready"`
	Node  string    `json:"node,omitempty"`
	Zone  string    `json:"zone,omitempty"`
	IP    string    `json:"ip,omitempty"`
	// Term in which the role was written; of a follower it may be an old one.
	Term int64 `json:"term,omitempty"`
	// Since when it leads, or else since when it is ready.
	Since  *metav1.Time `json:"since,omitempty"`
	Weight int32        `json:"weight"`
	Why    string       `json:"why"`
}

// gather reads pools: one by its name, or with "" all of a namespace, or with namespace "" of the cluster.
func gather(ctx context.Context, c client.Reader, namespace, name string) (Report, error) {
	var policies v1alpha1.LeaderPolicyList
	if name != "" {
		p, err := policy(ctx, c, namespace, name)
		if err != nil {
			return Report{}, err
		}
		policies.Items = append(policies.Items, *p)
	} else if err := c.List(ctx, &policies, client.InNamespace(namespace)); err != nil {
		return Report{}, advice(err, namespace, "")
	}
	pods, err := membersOf(ctx, c, namespace, name)
	if err != nil {
		return Report{}, err
	}
	nodes := nodesOf(ctx, c, pods)
	report := Report{Pools: []Pool{}}
	for i := range policies.Items {
		p := &policies.Items[i]
		report.Pools = append(report.Pools, describe(p, pods[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}], nodes, time.Now()))
	}
	slices.SortFunc(report.Pools, func(a, b Pool) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return report, nil
}

// membersOf returns the pods of pools. The label selects them and the annotation decides, as for the controller.
func membersOf(ctx context.Context, c client.Reader, namespace, name string) (map[types.NamespacedName][]corev1.Pod, error) {
	selected := client.ListOption(client.HasLabels{v1alpha1.PoolLabel})
	if name != "" {
		selected = client.MatchingLabels{v1alpha1.PoolLabel: name}
	}
	var list corev1.PodList
	if err := c.List(ctx, &list, client.InNamespace(namespace), selected); err != nil {
		return nil, advice(err, namespace, name)
	}
	pods := map[types.NamespacedName][]corev1.Pod{}
	for _, p := range list.Items {
		key := types.NamespacedName{Namespace: p.Namespace, Name: p.Annotations[v1alpha1.PoolAnnotation]}
		pods[key] = append(pods[key], p)
	}
	return pods, nil
}

// nodesOf reads the nodes of pods. Who may not read nodes sees no zones, and weights that do without.
func nodesOf(ctx context.Context, c client.Reader, pods map[types.NamespacedName][]corev1.Pod) map[string]*corev1.Node {
	nodes := map[string]*corev1.Node{}
	for _, list := range pods {
		for i := range list {
			name := list[i].Spec.NodeName
			if _, known := nodes[name]; known || name == "" {
				continue
			}
			n := &corev1.Node{}
			if err := c.Get(ctx, client.ObjectKey{Name: name}, n); err != nil {
				n = nil
			}
			nodes[name] = n
		}
	}
	return nodes
}

func describe(p *v1alpha1.LeaderPolicy, pods []corev1.Pod, nodes map[string]*corev1.Node, now time.Time) Pool {
	d := Pool{Namespace: p.Namespace, Name: p.Name, Phase: p.Status.Phase, Term: p.Status.Term, Paused: p.Spec.Paused, Notes: notes(p, now), Members: []Member{}}
	if p.Status.Candidates != nil {
		d.Candidates = *p.Status.Candidates
	}
	if h := p.Status.CurrentHolder; h != nil {
		d.Leader, d.Since = h.Name, h.StartTime
	}
	for _, e := range pool.Explain(p, pods, nodes) {
		m := Member{
			Name: e.Name, UID: e.UID, Role: e.Role.Label, Ready: e.Ready, Node: e.Node, Zone: e.NodeLabels[corev1.LabelTopologyZone],
			Term: int64(e.Role.Term), Weight: e.Weight, Why: e.Why,
		}
		if len(e.IPs) > 0 {
			m.IP = e.IPs[0]
		}
		switch {
		case e.Leads && d.Since != nil:
			m.Since = &metav1.Time{Time: d.Since.Time}
		case e.Ready:
			m.Since = &e.ReadySince
		}
		d.Members = append(d.Members, m)
	}
	return d
}

// recent is how long a refused handover is news.
const recent = time.Hour

// notes are what people should know before anything else.
func notes(p *v1alpha1.LeaderPolicy, now time.Time) []string {
	var list []string
	if p.Status.ObservedGeneration != p.Generation {
		list = append(list, "the controller has not seen this policy as it is now: is one running? kubectl get leases -n zen-lead-system")
	}
	if p.Spec.Paused {
		list = append(list, "paused: nothing moves until kubectl zenlead resume "+p.Name)
	}
	if to, asked := p.Annotations[v1alpha1.HandoverAnnotation]; asked {
		list = append(list, fmt.Sprintf("a handover to %q is asked for and not answered yet", to))
	}
	for _, c := range p.Status.Conditions {
		switch c.Type {
		case v1alpha1.ConditionLeaderElected, v1alpha1.ConditionCandidatesAvailable:
			if c.Status != metav1.ConditionTrue && c.Reason != v1alpha1.ReasonPaused {
				list = append(list, c.Reason+": "+c.Message)
			}
		case v1alpha1.ConditionHandover:
			if c.Reason == v1alpha1.ReasonPending {
				list = append(list, "a handover is under way: "+c.Message)
			} else if c.Status != metav1.ConditionTrue && now.Sub(c.LastTransitionTime.Time) < recent {
				list = append(list, "the last handover was refused: "+c.Message)
			}
		default:
			list = append(list, c.Type+": "+c.Message)
		}
	}
	return list
}
