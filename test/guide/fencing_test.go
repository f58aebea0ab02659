package guide_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver

	"github.com/kube-zen/zen-lead/test/guide"
)

const page = "docs/guides/fencing.md"

// blocks are those of the page that begin with one of these.
func blocks(t *testing.T, begin ...string) []string {
	t.Helper()
	all, err := guide.Blocks("../..", page)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(b string) bool {
		return !slices.ContainsFunc(begin, func(begin string) bool { return strings.HasPrefix(b, begin) })
	})
}

func TestTheGuideShowsTheExamples(t *testing.T) {
	examples := ""
	for _, name := range []string{"sql", "http"} {
		text, err := os.ReadFile("../../examples/fencing/" + name + "/main.go")
		if err != nil {
			t.Fatal(err)
		}
		examples += string(text)
	}
	shown := blocks(t, "// ", "func ")
	if len(shown) != 2 {
		t.Errorf("%s shows %d texts in Go, want one each of SQL and HTTP", page, len(shown))
	}
	for _, code := range shown {
		if !strings.Contains(examples, code) {
			t.Errorf("no example has\n%s", code)
		}
	}
}

// statements are those of the guide, by what they begin with.
func statements(t *testing.T, begin ...string) []string {
	t.Helper()
	var all []string
	for _, block := range blocks(t, begin...) {
		var code strings.Builder
		for line := range strings.Lines(block) {
			line, _, _ = strings.Cut(line, "--") // a comment
			code.WriteString(line)
		}
		for statement := range strings.SplitSeq(code.String(), ";") {
			if statement = strings.TrimSpace(statement); statement != "" {
				all = append(all, statement)
			}
		}
	}
	return all
}

func TestTheSQLOfTheGuide(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // BEGIN and what follows are of one connection
	exec := func(statement string, args ...any) int64 {
		t.Helper()
		result, err := db.ExecContext(t.Context(), statement, args...)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, statement := range append(statements(t, "CREATE "),
		"CREATE TABLE account (name TEXT PRIMARY KEY, balance BIGINT NOT NULL)", "INSERT INTO account VALUES ('savings', 0)",
		"CREATE TABLE report (name TEXT PRIMARY KEY, body BIGINT, fence BIGINT NOT NULL)", "INSERT INTO report VALUES ('daily', 0, 0)") {
		exec(statement)
	}
	transaction, row := statements(t, "BEGIN"), statements(t, "UPDATE report")
	if len(transaction) != 4 || len(row) != 1 {
		t.Fatalf("the guide has the transaction %q and the row %q", transaction, row)
	}
	for _, c := range []struct {
		term    int64
		refused bool
	}{{term: 412}, {term: 412}, {term: 415}, {term: 412, refused: true}, {term: 415}, {term: 416}} {
		exec(transaction[0])
		if refused := exec(transaction[1], c.term) == 0; refused != c.refused {
			t.Errorf("term %d: refused: %t, want %t", c.term, refused, c.refused)
		}
		if c.refused {
			exec("ROLLBACK")
		} else {
			exec(transaction[2], c.term, c.term*10)
			exec(transaction[3])
		}
		if refused := exec(row[0], c.term, c.term*10) == 0; refused != c.refused {
			t.Errorf("a row, term %d: refused: %t, want %t", c.term, refused, c.refused)
		}
	}
	for _, table := range []string{"SELECT balance FROM account", "SELECT body FROM report"} {
		var n int64
		if err := db.QueryRowContext(t.Context(), table).Scan(&n); err != nil || n != 4160 {
			t.Errorf("%s: %d, %v; want what the newest term wrote", table, n, err)
		}
	}
}
