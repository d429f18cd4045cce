// Package table writes tables of figures, for pages and for terminals.
package table

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Table has a heading and rows of cells; the first cell of each says what it is.
type Table struct {
	Head []string
	Rows [][]string
}

// New returns a table without rows.
func New(head ...string) Table { return Table{Head: head} }

// Add adds a row.
func (t *Table) Add(name string, cells ...string) {
	t.Rows = append(t.Rows, append([]string{name}, cells...))
}

// Markdown writes the table as Markdown, numbers to the right.
func (t Table) Markdown() string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.Head)
	line(append([]string{"---"}, slices.Repeat([]string{"---:"}, len(t.Head)-1)...))
	for _, r := range t.Rows {
		line(r)
	}
	return b.String()
}

// Text writes the table for a terminal.
func (t Table) Text() string {
	width := make([]int, len(t.Head))
	rows := slices.Concat([][]string{t.Head}, t.Rows)
	for _, r := range rows {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(plain(c)))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s", width[0], plain(r[0]))
		for i, c := range r[1:] {
			fmt.Fprintf(&b, "  %*s", width[i+1], plain(c))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// plain takes the bold type out of a cell.
func plain(s string) string { return strings.ReplaceAll(s, "**", "") }

// Number writes n with commas.
func Number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
