package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ran = `{"Action":"start","Package":"wxnotify/trust/model"}
{"Action":"attr","Package":"wxnotify/trust/model","Test":"TestA","Key":"trust.histories","Value":"1200"}
{"Action":"attr","Package":"wxnotify/trust/model","Test":"TestA","Key":"other","Value":"5"}
{"Action":"attr","Package":"wxnotify/trust/model","Test":"TestA/x","Key":"trust.histories","Value":"34"}
{"Action":"output","Package":"wxnotify/trust/model","Test":"TestA","Output":"quiet\n"}
{"Action":"pass","Package":"wxnotify/trust/model","Test":"TestA"}
{"Action":"pass","Package":"wxnotify/trust/model","Elapsed":2.5}
{"Action":"attr","Package":"wxnotify/functions","Test":"TestB","Key":"trust.crash-points","Value":"7"}
`

const ranBadly = `{"Action":"output","Package":"wxnotify/functions","Test":"TestB","Output":"TestB says why\n"}
{"Action":"attr","Package":"wxnotify/functions","Test":"TestB","Key":"trust.doubled","Value":"1"}
{"Action":"fail","Package":"wxnotify/functions","Test":"TestB"}
{"Action":"skip","Package":"wxnotify/functions","Test":"TestC"}
{"Action":"fail","Package":"wxnotify/functions","Elapsed":1}
{"Action":"build-output","ImportPath":"wxnotify/trust/race_test [wxnotify/trust/race.test]","Output":"does not compile\n"}
{"Action":"build-fail","ImportPath":"wxnotify/trust/race_test [wxnotify/trust/race.test]"}
{"Action":"fail","Package":"wxnotify/trust/race","Elapsed":0}
{"Action":"skip","Package":"wxnotify/trust","Elapsed":0}
`

func TestFollow(t *testing.T) {
	var out bytes.Buffer
	suites, err := follow(strings.NewReader(ran+ranBadly), &out)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"functions TestB", "functions TestC", "trust/race package"}
	if diff := cmp.Diff(want, failures(suites)); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"TestB says why", "does not compile", "pass  trust/model", "1,234 histories", "fail  functions"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%q is not in\n%s", text, out.String())
		}
	}
	if strings.Contains(out.String(), "quiet") {
		t.Error("a test that passed is heard")
	}
	if got, want := lastLine(suites), "trust: histories 1234, crash points 7, faults 0, fuzzed 0, violated 0, lost 0, doubled 1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	table := `| Tests | how many | tried | violated | lost | doubled |
| --- | ---: | --- | ---: | ---: | ---: |
| functions | 2 | 7 crash points | 0 | 0 | 1 |
| trust/model | 1 | 1,234 histories | 0 | 0 | 0 |
| trust/race | 0 |  | 0 | 0 | 0 |
| **all** | 3 | 1,234 histories, 7 crash points | 0 | 0 | 1 |
`
	if diff := cmp.Diff(table, tableOf(suites)); diff != "" {
		t.Error(diff)
	}
	if _, err := follow(strings.NewReader("ok wxnotify\n"), &out); err == nil {
		t.Error("a line that is no event was taken")
	}
}

func TestInserted(t *testing.T) {
	page, err := inserted("Before\n"+begins+"old\n"+ends+"After\n", "| new |\n")
	if want := "Before\n" + begins + "\n| new |\n\n" + ends + "After\n"; err != nil || page != want {
		t.Errorf("%q %v", page, err)
	}
	for _, page := range []string{"nothing", begins, ends + begins} {
		if _, err := inserted(page, "x"); err == nil {
			t.Errorf("%q has no place for a table", page)
		}
	}
}

// The page in Chinese has the table of the page in English.
func TestPageInBothLanguages(t *testing.T) {
	table := func(file string) string {
		b, err := os.ReadFile("../../docs/" + file)
		_, rest, began := strings.Cut(string(b), begins)
		table, _, ended := strings.Cut(rest, ends)
		if err != nil || !began || !ended || strings.Count(table, "\n") < 10 {
			t.Fatalf("%s: no table: %v", file, err)
		}
		return table
	}
	chinese := chinese.Replace(table("reliability.md"))
	if diff := cmp.Diff(chinese, table("reliability.zh-CN.md")); diff != "" {
		t.Errorf("(-made of the English one, +is):\n%s", diff)
	}
	if word := regexp.MustCompile(`\| [A-Z][a-z]+|\d [a-z]+`).FindString(chinese); word != "" {
		t.Errorf("%q has no word in Chinese", word)
	}
}
