package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/keyutil"
)

// rememberedFor is for how long, at most, an answer about an account is relied on: the sum of what controller/internal/api has.
const rememberedFor = 15 * time.Second

const notValidHere = "the token is not valid here: it has expired, or was not made for zen-lead (kubectl create token ACCOUNT --audience zen-lead)"

// askWithoutRights asks with tokens that are not good, or of accounts that may not.
func askWithoutRights(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	o, err := w.admit(ctx)
	if err != nil {
		return "", err
	}
	if err := o.makeAccounts(ctx); err != nil {
		return "", err
	}
	for _, q := range o.refused() {
		if err := o.isRefused(ctx, q); err != nil {
			return "", fmt.Errorf("%s: %w", q.who, err)
		}
	}
	// What is good here is good nowhere else.
	const kubernetes = `curl -sSk -o body -w '%{http_code}' -H "Authorization: Bearer $TOKEN" https://kubernetes.default.svc/api`
	if status, err := o.run(ctx, kubernetes); err != nil || status != "401" {
		return "", fmt.Errorf("a token that was made for zen-lead, at Kubernetes: %s, %w", status, err)
	}
	gone, err := o.accountDeleted(ctx)
	return fmt.Sprintf("%d refusals; %s", len(o.refused()), gone), err
}

// makeAccounts makes one without rights, one that may look, and one that will be deleted.
func (o *outsider) makeAccounts(ctx context.Context) error {
	_, err := o.asAdministrator(ctx, `
kubectl create serviceaccount nobody
kubectl create serviceaccount viewer
kubectl create serviceaccount temporary
kubectl create rolebinding viewer-asks --clusterrole=zen-lead-api-viewer --serviceaccount=default:viewer
kubectl create rolebinding temporary-asks --clusterrole=zen-lead-api-viewer --serviceaccount=default:temporary`)
	return err
}

// refusedQuestion is one that is not answered.
type refusedQuestion struct {
	who     string
	token   func(context.Context) (string, error)
	path    string
	more    string // for curl
	status  int
	reason  string
	message string
}

func (o *outsider) refused() []refusedQuestion {
	of := func(account string, more ...string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return o.issueToken(ctx, account, more...) }
	}
	const web = "/v1/leader/pool/web"
	return []refusedQuestion{
		{"a token for Kubernetes", of(dashboard), web, "", 401, "Unauthenticated", notValidHere},
		{"a token for somebody else", of(dashboard, "--audience", "vault"), web, "", 401, "Unauthenticated", notValidHere},
		{"a token that has expired", o.expiredToken, web, "", 401, "Unauthenticated", notValidHere},
		{"no token at all", func(context.Context) (string, error) { return "x", nil }, web, "", 401, "Unauthenticated", notValidHere},
		{
			"an account without rights", of("nobody", "--audience", "zen-lead"), web, "", 403, "Forbidden",
			`system:serviceaccount:default:nobody may not get leaderpolicies "web" in namespace "default"`,
		},
		{
			"an account without rights that asks for what there is not", of("nobody", "--audience", "zen-lead"), "/v1/leader/pool/none", "", 403, "Forbidden",
			`system:serviceaccount:default:nobody may not get leaderpolicies "none" in namespace "default"`,
		},
		{
			"an account of another namespace", of("viewer", "--audience", "zen-lead"), web + "?namespace=kube-system", "", 403, "Forbidden",
			`system:serviceaccount:default:viewer may not get leaderpolicies "web" in namespace "kube-system"`,
		},
		{
			"an account that may only look", of("viewer", "--audience", "zen-lead"), web + "/handover", `-d '{"to":"client"}'`, 403, "Forbidden",
			`system:serviceaccount:default:viewer may not update leaderpolicies "web" in namespace "default"`,
		},
		{
			"a handover to a pod that is none", of(dashboard, "--audience", "zen-lead"), web + "/handover", `-d '{"to":"client"}'`, 409, "Refused",
			"client: not handed over: no pod of that name is a member of pool web",
		},
	}
}

func (o *outsider) isRefused(ctx context.Context, q refusedQuestion) (err error) {
	as := *o
	if as.token, err = q.token(ctx); err != nil {
		return err
	}
	answer, err := as.run(ctx, `curl -sS -w '\n%{http_code}' --cacert ca.crt -H "Authorization: Bearer $TOKEN" `+q.more+` 'https://zen-lead-api.zen-lead-system.svc`+q.path+`'`)
	if err != nil {
		return err
	}
	body, status, _ := strings.Cut(answer, "\n\n") // the body ends with a line
	if status != fmt.Sprint(q.status) {
		return fmt.Errorf("it answers %q, want %d", answer, q.status)
	}
	if err := isTold(q.reason, q.message)(body); err != nil {
		return err
	}
	o.say("  %s: %d %s", q.who, q.status, body)
	return nil
}

// expiredToken is one whose hour is over: Kubernetes makes none that lasts less than ten minutes, so it is signed here.
func (o *outsider) expiredToken(context.Context) (string, error) {
	parts := strings.Split(o.token, ".")
	if len(parts) != 3 {
		return "", errors.New("a token that is none")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return "", err
	}
	over := time.Now().Add(-time.Minute)
	claims["exp"], claims["iat"], claims["nbf"] = over.Unix(), over.Add(-time.Hour).Unix(), over.Add(-time.Hour).Unix()
	if payload, err = json.Marshal(claims); err != nil {
		return "", err
	}
	return o.sign(parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload))
}

// sign signs a token with the key of the API server.
func (o *outsider) sign(text string) (string, error) {
	pem, err := os.ReadFile(filepath.Join(o.cluster.Dir, "pki", "service-account.key"))
	if err != nil {
		return "", err
	}
	private, err := keyutil.ParsePrivateKeyPEM(pem)
	if err != nil {
		return "", err
	}
	key, ok := private.(*ecdsa.PrivateKey)
	if !ok {
		return "", fmt.Errorf("the API server signs with a %T", private)
	}
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// accountDeleted: the tokens of an account that is gone are no good, once what was remembered of them is forgotten.
func (o *outsider) accountDeleted(ctx context.Context) (string, error) {
	as := *o
	var err error
	if as.token, err = o.issueToken(ctx, "temporary", "--audience", "zen-lead"); err != nil {
		return "", err
	}
	watching, err := as.begin(ctx, "a watch", `curl -sSN --cacert ca.crt -H "Authorization: Bearer $TOKEN" https://zen-lead-api.zen-lead-system.svc/v1/leader/pool/web/watch`)
	if err != nil {
		return "", err
	}
	defer watching.end()
	if err := as.awaitSaid(ctx, watching, "event: leader"); err != nil {
		return "", err
	}
	const ask = `curl -sS --cacert ca.crt -H "Authorization: Bearer $TOKEN" https://zen-lead-api.zen-lead-system.svc/v1/leader/pool/web`
	for range 10 { // both replicas remember
		if answer, err := as.run(ctx, ask); err != nil || !strings.HasPrefix(answer, `{"pool":"web"`) {
			return "", fmt.Errorf("%w: before it was deleted the account was told %q", err, answer)
		}
	}
	if _, err := o.cluster.Kubectl(ctx, "delete", "serviceaccount", "temporary"); err != nil {
		return "", err
	}
	gone := time.Now()
	row := 0
	err = o.await(ctx, rememberedFor+10*time.Second, "the token to be refused by both replicas", func(ctx context.Context) error {
		answer, err := as.run(ctx, ask)
		if err != nil {
			return err
		}
		if isTold("Unauthenticated", notValidHere)(answer) != nil {
			row = 0
			return fmt.Errorf("%w: it was told %q", errNotYet, answer)
		}
		if row++; row < 10 {
			return errNotYet
		}
		return nil
	})
	took := time.Since(gone)
	if err == nil && took > rememberedFor+5*time.Second {
		err = fmt.Errorf("a token was good for %s after its account was deleted", took)
	}
	if _, ended := watching.said(); err == nil && ended != nil {
		err = ended
	}
	return fmt.Sprintf("account deleted: its token was refused by both replicas %.0f s later, and its open stream went on", took.Seconds()), err
}
