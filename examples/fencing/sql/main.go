// Command bank adds 1 to a balance, in one process of a pool at a time. Enter reads the balance, Enter again writes it. A process
// that is stopped between the two writes late: examples/fencing/sql/README.md says what is seen then.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	_ "modernc.org/sqlite"

	"github.com/kube-zen/zen-lead/core/lead"
)

// schema is understood by SQLite and by PostgreSQL, as all SQL here.
const schema = `
CREATE TABLE IF NOT EXISTS fence (name TEXT PRIMARY KEY, term BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, balance BIGINT NOT NULL);
INSERT INTO fence VALUES ('bank', 0) ON CONFLICT DO NOTHING;
INSERT INTO account VALUES ('savings', 0) ON CONFLICT DO NOTHING;
`

// ErrFenced: a leader of a newer term was here. Whoever gets it stops.
var ErrFenced = errors.New("fenced")

// fenced runs a transaction in a term. Its first statement compares the term with the fence and raises the fence, in one step.
func fenced(ctx context.Context, db *sql.DB, term int64, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // of what was not committed
	result, err := tx.ExecContext(ctx, "UPDATE fence SET term = $1 WHERE name = 'bank' AND term <= $1", term)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil {
		return err
	} else if n == 0 {
		var newer int64
		if err := tx.QueryRowContext(ctx, "SELECT term FROM fence WHERE name = 'bank'").Scan(&newer); err != nil {
			return err
		}
		return fmt.Errorf("%w: term %d after %d", ErrFenced, term, newer)
	}
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func main() {
	pool := flag.String("pool", "bank", "the pool, a LeaderPolicy of mode participant")
	file := flag.String("db", "/tmp/bank.db", "the database")
	unfenced := flag.Bool("unfenced", false, "write without asking the fence, and see what is lost")
	flag.Parse()
	db, err := sql.Open("sqlite", "file:"+*file+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec(schema); err != nil {
		log.Fatal(err)
	}
	b := bank{db: db, unfenced: *unfenced, enter: make(chan struct{})}
	go b.listen()
	// Each write carries its term, so a process that overslept need not exit. It would without OnOverrun, as soon as it goes on:
	// a write that it had begun could still be first, and here it always is.
	err = lead.Run(context.Background(), *pool, b.work, lead.OnOverrun(func(lead.Term) {}))
	if err != nil {
		log.Fatal(err)
	}
}

type bank struct {
	db       *sql.DB
	unfenced bool
	// enter is sent to for each line of the standard input, and closed at its end.
	enter chan struct{}
}

func (b *bank) listen() {
	defer close(b.enter)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		b.enter <- struct{}{}
	}
}

func (b *bank) work(ctx context.Context, term lead.Term) error {
	// Before the first read: what a leader of an older term still writes is either seen by that read, or refused.
	if err := b.write(ctx, term.Number, func(*sql.Tx) error { return nil }); err != nil {
		return err
	}
	fmt.Printf("term %d: leads\n", term.Number)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case _, more := <-b.enter:
			if !more {
				return nil // the lead is released
			}
		}
		if err := b.deposit(ctx, term); err != nil {
			fmt.Println(err)
			return err
		}
	}
}

// deposit adds 1 as a program does that computes something between its read and its write.
func (b *bank) deposit(ctx context.Context, term lead.Term) error {
	var balance int64
	if err := b.db.QueryRowContext(ctx, "SELECT balance FROM account WHERE name = 'savings'").Scan(&balance); err != nil {
		return err
	}
	if err := term.Err(); err != nil { // good to know, and no protection: the pause comes after any look at a clock
		return err
	}
	fmt.Printf("term %d: read %d\n", term.Number, balance)
	<-b.enter
	balance++
	ctx = context.WithoutCancel(ctx) // what was begun is finished: its outcome is known then
	err := b.write(ctx, term.Number, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE account SET balance = $1 WHERE name = 'savings'", balance)
		return err
	})
	if err == nil {
		fmt.Printf("term %d: wrote %d\n", term.Number, balance)
	}
	return err
}

// write is fenced, or the same without the fence.
func (b *bank) write(ctx context.Context, term int64, do func(*sql.Tx) error) error {
	if !b.unfenced {
		return fenced(ctx, b.db, term, do)
	}
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // of what was not committed
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}
