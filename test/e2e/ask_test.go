package e2e

import "testing"

func TestWhatAnswersTell(t *testing.T) {
	refused := isTold("Forbidden", "you may not")
	for name, c := range map[string]struct {
		check  func(string) error
		answer string
		good   bool
	}{
		"all in order":         {tells("a", "b"), "xaxbx", true},
		"out of order":         {tells("a", "b"), "xbxax", false},
		"one is missing":       {tells("a", "b"), "xax", false},
		"the refusal":          {refused, `{"error":{"reason":"Forbidden","message":"you may not"}}` + "\n", true},
		"another reason":       {refused, `{"error":{"reason":"Stale","message":"you may not"}}`, false},
		"another message":      {refused, `{"error":{"reason":"Forbidden","message":"you may"}}`, false},
		"no refusal":           {refused, `{"pool":"web"}`, false},
		"no JSON, or no body":  {refused, "", false},
		"more than one answer": {refused, `{"error":{"reason":"Forbidden","message":"you may not"}}{}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.check(c.answer); (err == nil) != c.good {
				t.Errorf("%q: %v", c.answer, err)
			}
		})
	}
}

func TestWhoIsConnected(t *testing.T) {
	const table = `  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:2382 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 0000000000000000FFFF00000301F40A:2382 0000000000000000FFFF00000502F40A:A1B2 01 00000000:00000000
   2: 0000000000000000FFFF00000301F40A:2382 0000000000000000FFFF00000602F40A:A1B2 06 00000000:00000000
   3: 0000000000000000FFFF00000301F40A:1F9A 0000000000000000FFFF00000702F40A:A1B2 01 00000000:00000000
`
	for address, want := range map[string]bool{
		"10.244.2.5": true,
		"10.244.2.6": false, // it has hung up
		"10.244.2.7": false, // at another port
		"10.244.2.8": false,
	} {
		from, err := hexAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := isConnected(table, from, grpcPort); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
	if _, err := hexAddress("::1"); err == nil {
		t.Error("no error for an address of IPv6")
	}
}
