package main

import (
	"fmt"
	"os"
	"strings"
)

// What is between these lines of a page is written by this program.
const (
	begins = "<!-- make trust writes from here -->\n"
	ends   = "<!-- to here -->\n"
)

// write puts a table into a page, in the place of the one there.
func write(file, table string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	page, err := inserted(string(b), table)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(page), 0o644)
}

func inserted(page, table string) (string, error) {
	head, rest, found := strings.Cut(page, begins)
	_, tail, closed := strings.Cut(rest, ends)
	if !found || !closed {
		return "", fmt.Errorf("the page has no lines %q and %q for the table to go between", strings.TrimSpace(begins), strings.TrimSpace(ends))
	}
	return head + begins + "\n" + table + "\n" + ends + tail, nil
}
