package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	lookEvery = 50 * time.Millisecond
	patience  = 30 * time.Second
)

// Await makes a request that can be told from all others by a text in its line of the log, and waits for that line: the
// API server writes a line only after it has answered, and those of earlier requests come before.
func Await(ctx context.Context, path, text string, request func(context.Context) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	if err := request(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("a request does not show up in it"))
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var grown bytes.Buffer
	for {
		if _, err := grown.ReadFrom(f); err != nil {
			return fmt.Errorf("audit log: %w", err)
		}
		if bytes.Contains(grown.Bytes(), []byte(text)) {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("audit log: %w", context.Cause(ctx))
		}
	}
}
