package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// guidesNext is the pod to which the guide hands over.
const guidesNext = "web-6c9d5b7f4d-m4c7z"

// typed is a command of the guide and what came of it.
type typed struct {
	command, answer string
	// shown is the command with the names of this cluster.
	shown  string
	stream *stream
}

// askAsGuided types the commands of docs/ask.md, in their order, as they are written there.
func askAsGuided(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	o, err := w.newOutsider(ctx)
	if err != nil {
		return "", err
	}
	if err := o.getIn(ctx); err != nil {
		return "", err
	}
	others, err := w.followers(ctx, leader)
	if err != nil {
		return "", err
	}
	all, err := o.typeAll(ctx, others[0])
	defer func() {
		for _, t := range all {
			if t.stream != nil {
				t.stream.end()
			}
		}
	}()
	if err != nil {
		return "", err
	}
	// A second move, of which all that watch are told.
	again := fmt.Sprintf(`curl -sS --fail-with-body --cacert ca.crt -H "Authorization: Bearer $TOKEN" -d '{"to":%q}' https://zen-lead-api.zen-lead-system.svc/v1/leader/pool/web/handover`, others[1].Name)
	if said, err := o.run(ctx, again); err != nil {
		return "", fmt.Errorf("a handover: %w: %s", err, said)
	}
	if err := o.checkWatches(ctx, all, leader.Name, others[0].Name, others[1].Name); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d commands of %s", len(all), askPage), o.printTyped(all)
}

// getIn has the administrator do what the guide says.
func (o *outsider) getIn(ctx context.Context) error {
	account, err := o.guideBlock("kubectl create serviceaccount")
	if err != nil {
		return err
	}
	moves, err := o.guideBlock("kubectl create role ")
	if err != nil {
		return err
	}
	token, err := o.asAdministrator(ctx, "exec 3>&1 >&2\n"+account+moves+"printf %s \"$TOKEN\" >&3")
	if err != nil {
		return fmt.Errorf("what %s says to the administrator: %w", askPage, err)
	}
	o.token = token
	return nil
}

// followers are the names of the pool's other pods.
func (w *world) followers(ctx context.Context, leader corev1.Pod) ([]corev1.Pod, error) {
	found, err := w.pods(ctx, namespace, "app", pool)
	found = slices.DeleteFunc(found, func(p corev1.Pod) bool { return p.UID == leader.UID })
	if err == nil && len(found) != members-1 {
		err = fmt.Errorf("%d followers", len(found))
	}
	return found, err
}

// typeAll types all; what streams goes on.
func (o *outsider) typeAll(ctx context.Context, next corev1.Pod) (all []*typed, err error) {
	commands, err := o.guideCommands()
	if err != nil {
		return nil, err
	}
	before := ""
	for _, command := range commands {
		script := strings.ReplaceAll(command, guidesNext, next.Name)
		t := &typed{command: command, shown: script}
		all = append(all, t)
		if strings.HasPrefix(command, "api=") {
			before = script + "\n"
			continue
		}
		if err := o.typeOne(ctx, t, before+script); err != nil {
			return all, fmt.Errorf("%s: %w", command, err)
		}
	}
	for q := range questions {
		if !slices.ContainsFunc(commands, func(c string) bool { return strings.HasSuffix(c, q) }) {
			return all, fmt.Errorf("%s does not ask %s", askPage, q)
		}
	}
	return all, nil
}

func (o *outsider) typeOne(ctx context.Context, t *typed, script string) (err error) {
	for q, check := range questions {
		if !strings.HasSuffix(t.command, q) {
			continue
		}
		if check != nil {
			if t.answer, err = o.run(ctx, script); err != nil {
				return err
			}
			return check(t.answer)
		}
		if t.stream, err = o.begin(ctx, t.command, script); err != nil {
			return err
		}
		return o.awaitSaid(ctx, t.stream, pool)
	}
	return errors.New("nobody knows what is to come of it")
}

// questions are the guide's, by how its commands end, and what is wrong with their answers. Those without a check go on.
var questions = map[string]func(string) error{
	"svc/v1/leader/pool/web":                  tells(`{"pool":"web","namespace":"default","leader":{"name":"web-`, `"guarantee":"Advisory","ageMs":`),
	`$api/v1/pools?namespace=default"`:        tells(`{"pools":[{"pool":"web","namespace":"default","leader":{"name":"web-`, `"nextPageToken":"","stale":false}`),
	"$api/v1/leader/pool/web/watch":           nil,
	"$api/v1/leader/pool/web/handover":        tells(`{"message":"web-`, `: leads in term `, `","term":`),
	"--cacert ca.crt $api/v1/leader/pool/web": isTold("Unauthenticated", `no token: send "Authorization: Bearer TOKEN" (kubectl create token ACCOUNT --audience zen-lead)`),
	"$api/v1/pools":                           isTold("Forbidden", "system:serviceaccount:default:dashboard may not list leaderpolicies in all namespaces"),
	"$api/v1/leader/pool/none":                isTold("UnknownPool", `there is no pool "none" in namespace "default"`),
	"zenlead.v1.LeaderService/GetLeader":      tells(`"pool": "web"`, `"name": "web-`, `"revision": "`),
	"zenlead.v1.LeaderService/WatchLeader":    nil,
	"svc:9090 list":                           tells("grpc.health.v1.Health\n", "grpc.reflection.v1.ServerReflection\n", "zenlead.v1.LeaderService\n"),
	"grpc.health.v1.Health/Check":             tells(`"status": "SERVING"`),
	"python3 examples/ask/watch.py https://zen-lead-api.zen-lead-system.svc/v1/leader/pool/web/watch": nil,
}

// tells wants an answer to have all of these, in this order.
func tells(all ...string) func(string) error {
	return func(answer string) error {
		rest := answer
		for _, each := range all {
			_, after, found := strings.Cut(rest, each)
			if !found {
				return fmt.Errorf("it answers %q, without %q", answer, each)
			}
			rest = after
		}
		return nil
	}
}

// refusal is the body of an answer that is no success.
type refusal struct {
	Error struct{ Reason, Message string }
}

// isTold wants an answer to be a refusal, with this reason and message.
func isTold(reason, message string) func(string) error {
	return func(answer string) error {
		var r refusal
		if err := json.Unmarshal([]byte(answer), &r); err != nil {
			return fmt.Errorf("it answers %q: %w", answer, err)
		}
		if r.Error.Reason != reason || r.Error.Message != message {
			return fmt.Errorf("it answers %q, want %s: %s", answer, reason, message)
		}
		return nil
	}
}

// checkWatches wants those that watch to have been told of each leader, in order, and curl of a sign of life, which comes after ten
// seconds: whatever ends a silent stream has ended it by then.
func (o *outsider) checkWatches(ctx context.Context, all []*typed, leaders ...string) error {
	for _, t := range all {
		if t.stream == nil {
			continue
		}
		want := leaders
		if !strings.HasPrefix(t.command, "curl") {
			want = leaders[1:] // it was typed after the first move
		}
		if err := o.awaitSaid(ctx, t.stream, want...); err != nil {
			return err
		}
		if strings.HasPrefix(t.command, "curl") {
			if err := o.awaitSaid(ctx, t.stream, "event: heartbeat\ndata: {\"ageMs\":"); err != nil {
				return err
			}
		}
		t.answer, _ = t.stream.said()
	}
	return nil
}

// printTyped shows what was typed and what came of it.
func (o *outsider) printTyped(all []*typed) error {
	var text strings.Builder
	for _, t := range all {
		fmt.Fprintf(&text, "$ %s\n", t.shown)
		if t.answer != "" {
			fmt.Fprintln(&text, strings.TrimRight(t.answer, "\n"))
		}
	}
	if strings.Contains(text.String(), o.token) {
		return errors.New("a token was printed")
	}
	o.say("%s", text.String())
	return nil
}
