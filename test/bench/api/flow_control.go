package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// exempt is the FlowSchema of the callers' accounts, which other accounts do not have.
const exempt = "bench-callers"

// exemptCallers has priority and fairness of the API server let the callers' requests through without a look: among those of other
// accounts (FlowSchema service-accounts) they wait in its queues, 5 to 15 ms each, and it answers a third fewer.
func (r *rig) exemptCallers(ctx context.Context) error {
	_, err := r.client.FlowcontrolV1().FlowSchemas().Create(ctx, &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: exempt},
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: flowcontrolv1.PriorityLevelConfigurationNameExempt},
			MatchingPrecedence:         500, // before service-accounts
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: []flowcontrolv1.Subject{{
					Kind: flowcontrolv1.SubjectKindGroup, Group: &flowcontrolv1.GroupSubject{Name: groupOfCallers},
				}},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{
					Verbs: []string{"get"}, APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{ours},
				}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("flow control of the callers: %w", err)
	}
	return nil
}

// awaitExempt waits until the API server obeys the FlowSchema: until asking adds no request to those that it has let through.
func (r *rig) awaitExempt(ctx context.Context, ask func(context.Context) error) error {
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		before, err := r.flowControl(ctx)
		if err != nil {
			return false, err
		}
		if err := ask(ctx); err != nil {
			return false, err
		}
		after, err := r.flowControl(ctx)
		return after.since(before).passed == 0, err
	})
	if err != nil {
		return fmt.Errorf("FlowSchema %s does not act: %w", exempt, err)
	}
	return nil
}

// waits is what priority and fairness has done to requests of accounts that are not exempt.
type waits struct {
	// refused were answered 429; passed were let through.
	refused, passed int
}

func (w waits) since(before waits) waits {
	return waits{refused: w.refused - before.refused, passed: w.passed - before.passed}
}

// flowControl is what it has done until now.
func (r *rig) flowControl(ctx context.Context) (waits, error) {
	metrics, err := r.client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return waits{}, fmt.Errorf("metrics of the API server: %w", err)
	}
	return parseWaits(metrics)
}

func parseWaits(metrics []byte) (w waits, err error) {
	lines := bufio.NewScanner(bytes.NewReader(metrics))
	for lines.Scan() {
		name, labels, _ := strings.Cut(lines.Text(), "{")
		var count *int
		switch name {
		case "apiserver_flowcontrol_rejected_requests_total":
			count = &w.refused
		case "apiserver_flowcontrol_dispatched_requests_total":
			count = &w.passed
		}
		if count == nil || !strings.Contains(labels, `flow_schema="service-accounts"`) {
			continue
		}
		n, err := strconv.ParseFloat(labels[strings.LastIndex(labels, " ")+1:], 64) // large ones are written 1.2e+08
		if err != nil {
			return waits{}, fmt.Errorf("metrics of the API server: %s: %w", name, err)
		}
		*count += int(n)
	}
	return w, lines.Err()
}
