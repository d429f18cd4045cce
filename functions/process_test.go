package functions_test

import (
	"flag"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"

	"wxnotify/trust/instance"
)

func TestMain(m *testing.M) {
	flag.Parse()
	waitMore()
	os.Exit(instance.Main(m))
}

// waitMore has more tests run side by side than there are processors, unless -parallel
// says how many: these tests wait for processes more than they compute.
func waitMore() {
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set(strconv.Itoa(4 * runtime.GOMAXPROCS(0)))
	}
}

// sideBySide returns how many tests run at a time at most.
func sideBySide() int {
	n, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String())
	if err != nil {
		panic(err) // the flag is a number
	}
	return n
}

// start starts an instance of a function with settings.
func start(t testing.TB, function string, settings map[string]string) *instance.Process {
	t.Helper()
	stdout := io.Discard
	if testing.Verbose() {
		stdout = t.Output()
	}
	return instance.Start(t, function, settings, stdout, os.Stderr)
}
