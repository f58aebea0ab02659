package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/zenlead"
)

// lockPage is the guide for those who take locks, and guidesToken and guidesHome what it has where the lock is granted.
const (
	lockPage    = "docs/lock.md"
	guidesToken = "105902"
	guidesHome  = "zen-lead.zen-lead-7d9f8c6b5-x7k2p-4mz9q"
)

// outsideOfAPod is what zen-lead lock is told where there is no volume of a pod.
const outsideOfAPod = "--ca-file ca.crt --token-file token"

// takeLocksAsGuided types the commands of docs/lock.md, in their order, as they are written there, and runs its CronJob.
func takeLocksAsGuided(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	o, err := w.newOutsider(ctx)
	if err != nil {
		return "", err
	}
	if err := o.getLocksIn(ctx); err != nil {
		return "", err
	}
	all, err := o.typeLocks(ctx)
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
	if err := o.printTyped(all); err != nil {
		return "", err
	}
	jobs, err := o.runJobs(ctx)
	return fmt.Sprintf("%d commands of %s; %s", len(all), lockPage, jobs), err
}

// getLocksIn has the administrator do what the guide says, and puts the programs of zen-lead where the outsider finds them.
func (o *outsider) getLocksIn(ctx context.Context) error {
	account, err := o.guideBlockOf(lockPage, "kubectl create serviceaccount report")
	if err != nil {
		return err
	}
	one, err := o.guideBlockOf(lockPage, "kubectl create role one-lock")
	if err != nil {
		return err
	}
	authority, err := o.guideBlock("kubectl create serviceaccount")
	if err != nil {
		return err
	}
	_, authority, _ = strings.Cut(authority, "\n#") // what follows the account and its token
	const lock = "kubectl apply -f examples/lock/lock.yaml\n"
	const volume = "kubectl create configmap zen-lead-ca --from-file=ca.crt --dry-run=client -o yaml | kubectl apply -f -\n"
	token, err := o.asAdministrator(ctx, "exec 3>&1 >&2\n"+account+"\n"+one+"\n#"+authority+"\n"+lock+volume+
		"kubectl create token report --audience zen-lead --duration 1h >&3")
	if err != nil {
		return fmt.Errorf("what %s says to the administrator: %w", lockPage, err)
	}
	o.token = strings.TrimSpace(token)
	zenLead, err := zenlead.Build(ctx)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(o.dir, "bin", "kubectl-zenlead"), "./controller/cmd/kubectl-zenlead")
	build.Dir = o.root
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the plugin: %w: %s", err, said)
	}
	return errors.Join(
		os.Symlink(zenLead, filepath.Join(o.dir, "bin", "zen-lead")),
		os.WriteFile(filepath.Join(o.dir, "token"), []byte(o.token), 0o600),
		os.WriteFile(filepath.Join(o.dir, "report.sh"), []byte("#!/bin/sh\necho held with token $ZEN_LEAD_TOKEN\n"), 0o755),
	)
}

// lockQuestions are the guide's, by how its commands begin, and what is wrong with their answers. Those without a check go on.
var lockQuestions = []struct {
	begins, ends string
	check        func(string) error
	// administrator types it.
	administrator bool
}{
	{begins: "zen-lead lock nightly-report --wait 30s -- ./report.sh", check: tells("held with token ")},
	{begins: "kubectl get manuallock nightly-report", check: tells("HOLDER", "TOKEN", "WAITING", "SINCE", "nightly-report"), administrator: true},
	{begins: "curl", ends: "/acquire", check: tells(`{"requestId":"7f0c1d2e","token":`, `,"ttlSeconds":15,"waitedMs":`, `,"home":"zen-lead.`)},
	{begins: "curl", ends: "/renew", check: tells(`{"home":"zen-lead.`)},
	{begins: "curl", ends: "/v1/locks/nightly-report", check: tells(`{"lock":"nightly-report","namespace":"default","holder":{"owner":"me"`, `"token":`)},
	{begins: "curl", ends: "/release", check: tells(`{}`)},
	{begins: "grpcurl", ends: "LockService/WatchLock"},
	{begins: "kubectl zenlead lock list", check: tells("nightly-report"), administrator: true},
	{begins: "kubectl zenlead lock why nightly-report", check: tells("nightly-report"), administrator: true},
	{begins: "kubectl zenlead lock release --force nightly-report", check: tells("nightly-report"), administrator: true},
}

// typeLocks types all; what streams goes on.
func (o *outsider) typeLocks(ctx context.Context) (all []*typed, err error) {
	commands, err := o.guideCommandsOf(lockPage)
	if err != nil {
		return nil, err
	}
	before, next := "", 0
	for _, command := range commands {
		if strings.HasPrefix(command, "api=") {
			before = command + "\n"
			continue
		}
		if next == len(lockQuestions) {
			return all, fmt.Errorf("%s: nobody knows what is to come of it", command)
		}
		q := lockQuestions[next]
		if !strings.HasPrefix(command, q.begins) || !strings.HasSuffix(command, q.ends) {
			return all, fmt.Errorf("%s: %s … %s was to come next", command, q.begins, q.ends)
		}
		if next++; strings.Contains(q.begins, "lock list") { // from here on it is about a stuck holder
			if all, err = o.stick(ctx, all); err != nil {
				return all, err
			}
		}
		t := &typed{command: command, shown: o.replaceGuides(command, all)}
		all = append(all, t)
		switch {
		case q.check == nil:
			if t.stream, err = o.begin(ctx, command, before+t.shown); err == nil {
				err = o.awaitSaid(ctx, t.stream, `"lock": "nightly-report"`)
			}
		case q.administrator:
			t.answer, err = o.asAdministrator(ctx, t.shown)
		default:
			t.answer, err = o.run(ctx, before+t.shown)
		}
		if err == nil && q.check != nil {
			err = q.check(t.answer)
		}
		if err != nil {
			return all, fmt.Errorf("%s: %w", command, err)
		}
	}
	if next != len(lockQuestions) {
		return all, fmt.Errorf("%s does not ask %s", lockPage, lockQuestions[next].begins)
	}
	return all, o.unstuck(ctx, all)
}

// replaceGuides has the token and home of this cluster in the place of the guide's, and says where its files are.
func (o *outsider) replaceGuides(command string, all []*typed) string {
	command, _, _ = strings.Cut(command, "    #")
	command = strings.Replace(command, "zen-lead lock nightly-report", "zen-lead lock nightly-report "+outsideOfAPod, 1)
	if strings.HasPrefix(command, "kubectl zenlead") {
		command = strings.Replace(command, " "+outsideOfAPod, "", 1)
	}
	for _, t := range all {
		var granted struct {
			Token json.Number
			Home  string
		}
		if strings.HasSuffix(t.command, "/acquire") && json.Unmarshal([]byte(t.answer), &granted) == nil {
			command = strings.ReplaceAll(strings.ReplaceAll(command, guidesToken, granted.Token.String()), guidesHome, granted.Home)
		}
	}
	return command
}

// stick has somebody hold the lock and not end.
func (o *outsider) stick(ctx context.Context, all []*typed) ([]*typed, error) {
	t := &typed{shown: "zen-lead lock nightly-report " + outsideOfAPod + " -- sleep 300"}
	t.command = t.shown
	var err error
	if t.stream, err = o.begin(ctx, t.command, t.shown+" || echo exit code $?"); err != nil {
		return all, err
	}
	_, err = o.asAdministrator(ctx, "kubectl wait manuallock/nightly-report --for=jsonpath='{.status.holders[0].owner}' --timeout=30s")
	return append(all, t), err
}

// unstuck waits until who was stuck has lost the lock, and ended what it ran.
func (o *outsider) unstuck(ctx context.Context, all []*typed) error {
	for _, t := range all {
		if t.stream != nil && strings.HasPrefix(t.command, "zen-lead") {
			err := o.awaitSaid(ctx, t.stream, "exit code 5")
			t.answer, _ = t.stream.said()
			return err
		}
	}
	return errors.New("nobody was stuck")
}

// runJobs runs the guide's CronJob twice at once, with an image that this cluster has.
func (o *outsider) runJobs(ctx context.Context) (string, error) {
	written, err := os.ReadFile(filepath.Join(o.root, "examples", "lock", "pod.yaml"))
	if err != nil {
		return "", err
	}
	manifest := strings.NewReplacer(
		"image: registry.example/report", "imagePullPolicy: Never\n            image: "+runnerImage,
		"[zen-lead, lock, nightly-report, --wait, 10m, --, /report.sh]", "[/zen-lead, lock, nightly-report, --wait, 10m, --, /zen-lead, version]",
	).Replace(string(written))
	if manifest == string(written) {
		return "", errors.New("examples/lock/pod.yaml is not as it was")
	}
	if err := os.WriteFile(filepath.Join(o.dir, "pod.yaml"), []byte(manifest), 0o600); err != nil {
		return "", err
	}
	said, err := o.asAdministrator(ctx, `kubectl apply -f pod.yaml >&2
for n in 1 2; do kubectl create job report-$n --from=cronjob/report >&2; done
for n in 1 2; do
  kubectl wait --for=condition=Complete job/report-$n --timeout=90s >&2 || { kubectl get pods -l job-name=report-$n -o yaml >&2; kubectl logs job/report-$n >&2; exit 1; }
  kubectl logs job/report-$n
done
kubectl delete cronjob report >&2`)
	if err == nil && strings.Count(said, currentTag) < 2 {
		err = fmt.Errorf("the jobs say %q", said)
	}
	return "two jobs of its CronJob, one after the other", err
}
