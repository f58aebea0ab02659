// Command store keeps one value, which the leader of a pool writes over HTTP, and refuses what comes from an older term:
// examples/fencing/http/README.md says what is seen then.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Fence passes on no request of a smaller term than the largest it has seen. That one is kept in a file, for the next start.
func Fence(file string, next http.Handler) http.Handler {
	var mu sync.Mutex // until next is done: what has passed is written before a newer term is let in
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		term, err := strconv.ParseInt(r.Header.Get("Zen-Lead-Term"), 10, 64)
		if err != nil || term <= 0 {
			http.Error(w, "header Zen-Lead-Term: must be a term, which is a positive number", http.StatusBadRequest)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)) // before the lock: a sender that stands still holds nobody up
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		mu.Lock()
		defer mu.Unlock()
		if newer, err := raise(file, term); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		} else if newer > term {
			http.Error(w, fmt.Sprintf("term %d is over: term %d was here", term, newer), http.StatusPreconditionFailed)
		} else {
			next.ServeHTTP(w, r)
		}
	})
}

// raise returns the largest term that was seen, this one among them. No file means none.
func raise(file string, term int64) (largest int64, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		if largest, err = strconv.ParseInt(string(text), 10, 64); err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if term <= largest {
		return largest, nil
	}
	return term, store(file, strconv.FormatInt(term, 10))
}

// store replaces a file, so that after a crash it has the old text or the new one.
func store(file, text string) error {
	f, err := os.Create(file + ".new")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func main() {
	address := flag.String("listen", "127.0.0.1:8090", "where to listen")
	dir := flag.String("dir", ".", "the folder of the files term and value")
	flag.Parse()
	value := filepath.Join(*dir, "value")
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.ServeFile(w, r, value)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = store(value, string(body))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	// The leader's reads pass the fence too: its first request raises it, so that what it has read stays as it is.
	http.Handle("/value", Fence(filepath.Join(*dir, "term"), handler))
	server := &http.Server{Addr: *address, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
