package functions_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"wxnotify/internal/port"
	"wxnotify/trust/instance"
)

// mostInit is what a package of ours may do before main: a cold start pays for each line.
const mostInit = 200 * time.Microsecond

// inits finds what GODEBUG=inittrace=1 prints of our packages, main among them.
// Source: https://pkg.go.dev/runtime#hdr-Environment_Variables
var inits = regexp.MustCompile(`(?m)^init (main|wxnotify/\S+) @[0-9.]+ ms, ([0-9.e+-]+) ms clock, `)

// What takes long is made when it is first used. The quickest of a few starts counts, because
// others may use the machine.
func TestNothingIsDoneBeforeMain(t *testing.T) {
	const starts = 7
	for _, function := range instance.Functions {
		least := map[string]time.Duration{}
		for range starts {
			for _, m := range inits.FindAllStringSubmatch(initTrace(t, function), -1) {
				ms, err := strconv.ParseFloat(m[2], 64)
				if err != nil {
					t.Fatal(err)
				}
				took := time.Duration(ms * float64(time.Millisecond))
				if before, seen := least[m[1]]; !seen || took < before {
					least[m[1]] = took
				}
			}
		}
		if _, seen := least["wxnotify/shared/store"]; !seen {
			t.Errorf("%s: the store is not among %v", function, least)
		}
		for pkg, took := range least {
			if took > mostInit {
				t.Errorf("%s: init of %s takes %v, want %v at most", function, pkg, took, mostInit)
			}
		}
		t.Logf("%s: %v", function, least)
	}
}

// initTrace starts a function and returns what it prints about its packages: main comes last.
func initTrace(t *testing.T, function string) string {
	t.Helper()
	cmd := exec.Command(instance.Binary(t, function))
	cmd.Env = []string{"_LAMBDA_SERVER_PORT=" + strconv.Itoa(port.Of(t)), "GODEBUG=inittrace=1"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // main logs that it has no settings yet
		t.Errorf("%s does not start: %v", function, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	return trace.String()
}
