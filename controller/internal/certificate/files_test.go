package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder is one into which a kubelet brings a Secret: the files are links into ..data, which is one to a folder that
// is exchanged as a whole.
type folder struct {
	dir     string
	version int
}

func (f *folder) bring(t *testing.T, data map[string][]byte) {
	t.Helper()
	before, _ := os.Readlink(filepath.Join(f.dir, "..data"))
	f.version++
	next := "..2026_01_01." + string(rune('a'+f.version))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(f.dir, next), 0o700))
	for _, k := range []string{servingKey, servingPrivateKey} {
		if data[k] == nil {
			continue
		}
		must(os.WriteFile(filepath.Join(f.dir, next, k), data[k], 0o600))
		if _, err := os.Lstat(filepath.Join(f.dir, k)); err != nil {
			must(os.Symlink(filepath.Join("..data", k), filepath.Join(f.dir, k)))
		}
	}
	must(os.Symlink(next, filepath.Join(f.dir, "..data_tmp")))
	must(os.Rename(filepath.Join(f.dir, "..data_tmp"), filepath.Join(f.dir, "..data")))
	if before != "" {
		must(os.RemoveAll(filepath.Join(f.dir, before)))
	}
}

// following starts files that look often.
func following(t *testing.T, dir string) *Files {
	t.Helper()
	f := NewFiles(dir)
	f.every = 5 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended: %v", err)
		}
	})
	return f
}

// until waits for what a watch of files brings about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func isReady(f *Files) bool {
	select {
	case <-f.Ready():
		return true
	default:
		return false
	}
}

// serves says whether it is the one in data that is served.
func serves(f *Files, data map[string][]byte) bool {
	c, err := f.GetCertificate(nil)
	return err == nil && c.Leaf.Equal(read(data).serving)
}

func TestFilesThatAreNotThereYetAreNamed(t *testing.T) {
	data := after(t, nil, names, time.Now())
	mounted := folder{dir: t.TempDir()}
	f := following(t, mounted.dir)
	awaited := func(file string) func() bool {
		return func() bool {
			_, err := f.GetCertificate(nil)
			return err != nil && strings.HasSuffix(err.Error(), filepath.Join(mounted.dir, file)+" is awaited") && f.Check(nil) != nil && !isReady(f)
		}
	}
	until(t, "the certificate is awaited", awaited(servingKey))
	mounted.bring(t, map[string][]byte{servingKey: data[servingKey]})
	until(t, "the key is awaited", awaited(servingPrivateKey))
	mounted.bring(t, map[string][]byte{servingKey: data[servingKey], servingPrivateKey: []byte("?")})
	until(t, "what cannot be loaded is told", func() bool {
		_, err := f.GetCertificate(nil)
		return err != nil && strings.Contains(err.Error(), "load "+filepath.Join(mounted.dir, servingKey)) && !isReady(f)
	})
	mounted.bring(t, data)
	<-f.Ready()
	if !serves(f, data) || f.Check(nil) != nil {
		t.Errorf("not served: %v", f.Check(nil))
	}
}

func TestWaitingForFilesEndsWithTheProcess(t *testing.T) {
	f := following(t, t.TempDir()) // which says so if it ended with an error
	until(t, "the certificate is awaited", func() bool {
		_, err := f.GetCertificate(nil)
		return strings.HasSuffix(err.Error(), "is awaited")
	})
}

func TestFilesAreFollowedAsAKubeletBringsThem(t *testing.T) {
	mounted := folder{dir: t.TempDir()}
	data := after(t, nil, names, time.Now().Add(-2*year))
	mounted.bring(t, data)
	f := following(t, mounted.dir)
	<-f.Ready()
	for range 3 {
		if !serves(f, data) {
			t.Fatal("another certificate is served")
		}
		data = after(t, nil, names, time.Now())
		mounted.bring(t, data)
		until(t, "the new pair is served", func() bool { return serves(f, data) })
	}
	mounted.bring(t, map[string][]byte{}) // somebody emptied the Secret
	if !serves(f, data) {
		t.Error("what was loaded is not served any more")
	}
}

func TestOfFilesAndOfferTheLaterIsServed(t *testing.T) {
	older, newer := after(t, nil, names, time.Now().Add(-day)), after(t, nil, names, time.Now())
	pair := func(data map[string][]byte) *tls.Certificate {
		c, err := tls.X509KeyPair(data[servingKey], data[servingPrivateKey])
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	for name, tc := range map[string]struct{ files, offered, want map[string][]byte }{
		"what is offered, while there are no files":  {nil, older, older},
		"what is offered, as the files come later":   {older, newer, newer},
		"the files, as what is offered was replaced": {newer, older, newer},
		"the files, of which there is nothing newer": {older, older, older},
	} {
		t.Run(name, func(t *testing.T) {
			mounted := folder{dir: t.TempDir()}
			f := NewFiles(mounted.dir)
			if tc.files != nil {
				mounted.bring(t, tc.files)
				f = following(t, mounted.dir)
				<-f.Ready()
			}
			f.Offer(pair(tc.offered))
			if !isReady(f) || !serves(f, tc.want) {
				t.Errorf("ready: %v; served: %v", isReady(f), f.Check(nil))
			}
		})
	}
}

// greet has a client that trusts authorities call a server that serves what f has.
func greet(t *testing.T, f *Files, authorities []byte, name string, now time.Time) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: f.GetCertificate, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if c, err := listener.Accept(); err == nil {
			_, _ = c.Read(make([]byte, 1)) // the handshake, and until the client has gone
			_ = c.Close()
		}
	}()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authorities)
	d := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: name, Time: func() time.Time { return now }, MinVersion: tls.VersionTLS12}}
	c, err := d.DialContext(t.Context(), "tcp", listener.Addr().String())
	if err == nil {
		_ = c.Close()
	}
	<-served
	_ = listener.Close()
	return err
}

func TestWhoTrustsTheAuthorityIsServedAcrossARenewal(t *testing.T) {
	now := time.Now()
	data := after(t, nil, append([]string{"10.1.2.3"}, names...), now)
	exported := data[authorityKey]
	mounted := folder{dir: t.TempDir()}
	mounted.bring(t, data)
	f := following(t, mounted.dir)
	<-f.Ready()
	for _, name := range append([]string{"10.1.2.3"}, names...) {
		if err := greet(t, f, exported, name, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := greet(t, f, exported, "zen-lead.example", now); err == nil {
		t.Error("it was believed to be somebody else")
	}
	if err := greet(t, f, after(t, nil, names, now)[authorityKey], "localhost", now); err == nil {
		t.Error("another authority was believed")
	}

	renewed := now.Add(servingFor - servingLeft/2)
	data = after(t, data, names, renewed)
	mounted.bring(t, data)
	until(t, "the renewed pair is served", func() bool { return serves(f, data) })
	if err := greet(t, f, exported, "localhost", renewed); err != nil {
		t.Errorf("renewed: %v", err)
	}

	replaced := now.Add(authorityFor - year/2)
	data = after(t, data, names, replaced)
	mounted.bring(t, data)
	until(t, "what the old authority signed last is served", func() bool { return serves(f, data) })
	for whose, authorities := range map[string][]byte{"the old authorities": exported, "the new ones": data[authorityKey]} {
		if err := greet(t, f, authorities, "localhost", replaced); err != nil {
			t.Errorf("%s: %v", whose, err)
		}
	}
	if got := len(read(data).trusted); got != 2 {
		t.Errorf("%d authorities", got)
	}

	last := now.Add(authorityFor - year/8)
	data = after(t, data, names, last)
	mounted.bring(t, data)
	until(t, "what the new authority signed is served", func() bool { return serves(f, data) })
	if err := greet(t, f, data[authorityKey], "localhost", last); err != nil {
		t.Errorf("signed by the new one: %v", err)
	}
	if err := greet(t, f, exported, "localhost", last); err == nil {
		t.Error("signed by the new one, and who trusts the old one alone believed it")
	}
}
