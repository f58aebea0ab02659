package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// browser is Chromium without a window, spoken to by its DevTools protocol through two pipes.
//
// Source: https://chromedevtools.github.io/devtools-protocol
type browser struct {
	in      *os.File
	out     *bufio.Reader
	session string
	last    int
	close   func()
}

// newBrowser starts one in the outsider's network, which trusts the certificate of that hash, with a page.
func (o *outsider) newBrowser(ctx context.Context, trusted, page string) (_ *browser, err error) {
	ctx, cancel := context.WithCancel(ctx)
	b := &browser{}
	command, err := o.command(ctx, "exec chromium --headless --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe"+
		" --user-data-dir="+filepath.Join(o.dir, "profile")+" --ignore-certificate-errors-spki-list="+trusted+" 2>chromium.log")
	if err != nil {
		cancel()
		return nil, err
	}
	theirIn, ourIn, err := os.Pipe()
	if err != nil {
		cancel()
		return nil, err
	}
	ourOut, theirOut, err := os.Pipe()
	if err != nil {
		cancel()
		return nil, err
	}
	command.ExtraFiles = []*os.File{theirIn, theirOut}
	err = command.Start()
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		cancel()
		return nil, err
	}
	b.in, b.out = ourIn, bufio.NewReader(ourOut)
	b.close = func() {
		cancel()
		_ = command.Wait() // it was killed
		ourIn.Close()
		ourOut.Close()
	}
	if err := b.open(page); err != nil {
		b.close()
		log, _ := os.ReadFile(filepath.Join(o.dir, "chromium.log"))
		return nil, fmt.Errorf("chromium: %w: %s", err, log)
	}
	return b, nil
}

// open opens a page.
func (b *browser) open(page string) error {
	var target struct{ TargetID string }
	if err := b.call("Target.createTarget", map[string]any{"url": page}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	if err := b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return err
	}
	b.session = attached.SessionID
	return nil
}

// call calls a method and reads its result; what the browser tells by itself is passed over.
func (b *browser) call(method string, params, result any) error {
	b.last++
	message := map[string]any{"id": b.last, "method": method, "params": params}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		return err
	}
	for {
		text, err := b.out.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &answer); err != nil {
			return err
		}
		switch {
		case answer.ID != b.last:
		case answer.Error != nil:
			return fmt.Errorf("%s: %s", method, answer.Error.Message)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(answer.Result, result)
		}
	}
}

// evaluate returns what an expression is in the page, as text.
func (b *browser) evaluate(expression string) (string, error) {
	var answer struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	if err := b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer); err != nil {
		return "", err
	}
	if answer.ExceptionDetails != nil {
		return "", fmt.Errorf("%s: %s", expression, answer.ExceptionDetails.Text)
	}
	return fmt.Sprint(answer.Result.Value), nil
}

// write types text into a field of the page, in the place of what is there.
func (b *browser) write(field, text string) error {
	if _, err := b.evaluate(fmt.Sprintf("document.querySelector(%q).select()", field)); err != nil {
		return err
	}
	return b.call("Input.insertText", map[string]any{"text": text}, nil)
}

// text is what an element of the page shows.
func (b *browser) text(element string) (string, error) {
	text, err := b.evaluate(fmt.Sprintf("document.querySelector(%q)?.innerText", element))
	return strings.TrimSpace(text), err
}
