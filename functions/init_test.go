package functions_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"wxnotify/internal/port"
)

// functionNames are all that is deployed.
var functionNames = []string{"deliver", "imcallback", "wechatpush", "session", "permits", "announce"}

// mostInit is what a package of ours may do before main: a cold start pays for each line.
const mostInit = 200 * time.Microsecond

// inits finds what GODEBUG=inittrace=1 prints of our packages, main among them.
// Source: https://pkg.go.dev/runtime#hdr-Environment_Variables
var inits = regexp.MustCompile(`(?m)^init (main|wxnotify/\S+) @[0-9.]+ ms, ([0-9.e+-]+) ms clock, `)

// What takes long is made when it is first used. The quickest of a few starts counts, because
// others may use the machine.
func TestNothingIsDoneBeforeMain(t *testing.T) {
	const starts = 7
	for _, function := range functionNames {
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
	cmd := exec.Command(filepath.Join(binaries, function))
	cmd.Env = []string{"_LAMBDA_SERVER_PORT=" + strconv.Itoa(port.Of(t)), "GODEBUG=inittrace=1"}
	started := &firstLine{seen: make(chan struct{})}
	var trace bytes.Buffer
	cmd.Stdout, cmd.Stderr = started, &trace
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-started.seen: // main runs
	case <-time.After(30 * time.Second):
		t.Errorf("%s does not start", function)
	}
	cmd.Process.Signal(syscall.SIGKILL)
	cmd.Wait()
	return trace.String()
}

// A firstLine tells when something is written.
type firstLine struct {
	seen chan struct{}
	done bool
}

func (f *firstLine) Write(p []byte) (int, error) {
	if !f.done {
		f.done = true
		close(f.seen)
	}
	return len(p), nil
}
