package certificate

import (
	"crypto/x509"
	"maps"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

var (
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	names = []string{"localhost", "zen-lead-api", "zen-lead-api.zen-lead-system.svc"}
)

// after returns what data hold once somebody looked at them.
func after(t testing.TB, data map[string][]byte, names []string, now time.Time) map[string][]byte {
	t.Helper()
	data, err := made(data, decide(read(data), names, now), names, now)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// without returns data without some keys.
func without(data map[string][]byte, keys ...string) map[string][]byte {
	data = maps.Clone(data)
	for _, k := range keys {
		delete(data, k)
	}
	return data
}

// from returns data with some keys' values of others.
func from(data, others map[string][]byte, keys ...string) map[string][]byte {
	data = maps.Clone(data)
	for _, k := range keys {
		data[k] = others[k]
	}
	return data
}

// signedByALeaf has as its authority what is none.
func signedByALeaf(t *testing.T) map[string][]byte {
	t.Helper()
	data := after(t, nil, names, epoch)
	data[authorityKey], data[authorityPrivateKey] = data[servingKey], data[servingPrivateKey]
	return data
}

// endsWith returns data whose serving certificate was made when the authority had that much left.
func endsWith(t *testing.T, left time.Duration) map[string][]byte {
	t.Helper()
	data := after(t, nil, names, epoch)
	by := read(data).signer
	var err error
	if data[servingKey], data[servingPrivateKey], err = newServing(*by, names, by.certificate.NotAfter.Add(-left)); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatIsRenewed(t *testing.T) {
	fresh := after(t, nil, names, epoch)
	others := after(t, nil, names, epoch)
	rotated := after(t, fresh, names, epoch.Add(9*year+time.Second))
	renewed := after(t, rotated, names, epoch.Add(authorityFor-servingLeft+time.Second))
	const nothing, held, anew = "nothing", "signed by the one held", "signed by the new one"
	for name, tc := range map[string]struct {
		data      map[string][]byte
		names     []string
		at        time.Duration
		authority bool
		serving   string
		kept      int
	}{
		"an empty Secret gets all":                                                          {nil, names, 0, true, anew, 0},
		"a Secret of which nothing can be read gets all":                                    {map[string][]byte{"ca.crt": []byte("?"), "ca.key": []byte("?"), "tls.crt": []byte("?"), "tls.key": []byte("?")}, names, 0, true, anew, 0},
		"what has just been made stays":                                                     {fresh, names, 0, false, nothing, 1},
		"what was made by a clock an hour ahead stays":                                      {fresh, names, -time.Hour, false, nothing, 1},
		"with ninety days left it stays":                                                    {fresh, names, servingFor - servingLeft, false, nothing, 1},
		"with less there is another":                                                        {fresh, names, servingFor - servingLeft + time.Second, false, held, 1},
		"what has ended is made again":                                                      {fresh, names, 2 * year, false, held, 1},
		"a further name has it made again":                                                  {fresh, append(slices.Clone(names), "zen-lead.example"), 0, false, held, 1},
		"a name less has it made again":                                                     {fresh, names[:2], 0, false, held, 1},
		"an address has it made again":                                                      {fresh, append([]string{"10.0.0.1"}, names...), 0, false, held, 1},
		"a key that is another's is replaced with its certificate":                          {from(fresh, others, servingPrivateKey), names, 0, false, held, 1},
		"a certificate of another authority is replaced":                                    {from(fresh, others, servingKey, servingPrivateKey), names, 0, false, held, 1},
		"an authority without key is replaced, and what it signed is served while it lasts": {without(fresh, authorityPrivateKey), names, 0, true, nothing, 1},
		"an authority whose key is another's is replaced":                                   {from(fresh, others, authorityPrivateKey), names, 0, true, nothing, 1},
		"a key without authority is replaced, and all with it":                              {without(fresh, authorityKey), names, 0, true, anew, 0},
		"what may not sign is no authority":                                                 {signedByALeaf(t), names, 0, true, anew, 0},
		"an authority with a year left stays":                                               {endsWith(t, year), names, 9 * year, false, nothing, 1},
		"with less there is another, and the old one signs for the last time":               {endsWith(t, year), names, 9*year + time.Second, true, held, 1},
		"an authority that is nearly at its end signs no more":                              {endsWith(t, year), names, authorityFor - servingLeft + time.Second, true, anew, 1},
		"an authority that has ended goes":                                                  {endsWith(t, year), names, authorityFor, true, anew, 0},
		"an authority that a clock made in the future is replaced":                          {fresh, names, -time.Hour - time.Second, true, anew, 1},
		"the old authority stays beside the new one":                                        {rotated, names, 9*year + time.Hour, false, nothing, 2},
		"what it signed last is served for nine months":                                     {rotated, names, authorityFor - servingLeft, false, nothing, 2},
		"then the new one signs":                                                            {rotated, names, authorityFor - servingLeft + time.Second, false, held, 2},
		"once it has ended it goes, and nothing else":                                       {renewed, names, authorityFor, false, nothing, 1},
		"until it has ended":                                                                {rotated, names, authorityFor, false, held, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h, now := read(tc.data), epoch.Add(tc.at)
			p := decide(h, tc.names, now)
			serving := nothing
			switch {
			case p.serving != "" && p.signed == nil:
				serving = anew
			case p.serving != "":
				serving = held
			}
			if (p.authority != "") != tc.authority || serving != tc.serving || len(p.kept) != tc.kept {
				t.Errorf("new authority %q, serving %q %s, %d kept; want a new authority: %v, serving %s, %d kept", p.authority, p.serving, serving, len(p.kept), tc.authority, tc.serving, tc.kept)
			}
			if quiet := !tc.authority && tc.serving == nothing && tc.kept == len(h.trusted); p.nothing() != quiet {
				t.Errorf("nothing to do: %v, want %v", p.nothing(), quiet)
			}
			all, err := made(tc.data, p, tc.names, now)
			if err != nil {
				t.Fatal(err)
			}
			if again := decide(read(all), tc.names, now); !again.nothing() {
				t.Errorf("what was made is not left alone: authority %q, serving %q", again.authority, again.serving)
			}
			if err := verify(all[authorityKey], read(all).serving, now); err != nil {
				t.Error(err)
			}
		})
	}
}

// verify is what a client does who has the authorities.
func verify(authorities []byte, serving *x509.Certificate, now time.Time) error {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authorities)
	_, err := serving.Verify(x509.VerifyOptions{DNSName: "zen-lead-api", Roots: pool, CurrentTime: now})
	return err
}

func TestWhoFetchesTheAuthoritiesEveryNineMonthsIsAlwaysServed(t *testing.T) {
	var data map[string][]byte
	const every, nineMonths = 5, 275 // days
	var fetched [][]byte
	authorities := map[string]bool{}
	for i := range 30 * 365 / every {
		now := epoch.Add(time.Duration(i*every) * day)
		data = after(t, data, names, now)
		h := read(data)
		fetched = append(fetched, data[authorityKey])
		authorities[h.signer.certificate.SerialNumber.String()] = true
		if len(h.trusted) > 2 {
			t.Fatalf("look %d: %d authorities", i, len(h.trusted))
		}
		for _, old := range [][]byte{fetched[i], fetched[max(0, i-nineMonths/every)]} {
			if err := verify(old, h.serving, now.Add(every*day)); err != nil { // until it is looked at again
				t.Fatalf("look %d: %v", i, err)
			}
		}
	}
	if len(authorities) != 4 {
		t.Errorf("%d authorities in thirty years", len(authorities))
	}
}

func TestNamesAreWrittenInOneWay(t *testing.T) {
	got := ordered([]string{"b.example", " A.example ", "", "b.example", "::0001", "10.0.0.1"})
	if want := []string{"10.0.0.1", "::1", "a.example", "b.example"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzWhateverTheSecretHolds(f *testing.F) {
	data := after(f, nil, names, epoch)
	f.Add(data[authorityKey], data[authorityPrivateKey], data[servingKey], data[servingPrivateKey], int64(0))
	f.Add(data[servingKey], data[servingPrivateKey], data[authorityKey], data[authorityPrivateKey], int64(9*year))
	once, err := cert.ParseCertsPEM(data[authorityKey])
	if err != nil {
		f.Fatal(err)
	}
	twice, err := cert.EncodeCertificates(append(once, once...)...)
	if err != nil {
		f.Fatal(err)
	}
	key, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(twice, data[authorityPrivateKey], data[servingKey], key, int64(authorityFor-year))
	f.Fuzz(func(t *testing.T, authority, authorityPrivate, serving, servingPrivate []byte, after int64) {
		data := map[string][]byte{authorityKey: authority, authorityPrivateKey: authorityPrivate, servingKey: serving, servingPrivateKey: servingPrivate}
		now := epoch.Add(time.Duration(after))
		all, err := made(data, decide(read(data), names, now), names, now)
		if err != nil {
			t.Fatal(err)
		}
		h := read(all)
		if again := decide(h, names, now); !again.nothing() {
			t.Errorf("what was made is not left alone: authority %q, serving %q", again.authority, again.serving)
		}
		if err := verify(all[authorityKey], h.serving, now); err != nil {
			t.Error(err)
		}
	})
}
