package security_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"wxnotify/trust/instance"
)

func TestMain(m *testing.M) { os.Exit(instance.Main(m)) }

// A process is one running instance of a function.
type process struct {
	*instance.Process
	t    *testing.T
	out  *os.File // what it printed on both of its streams: there, when the answer is
	read int64    // how much of out was taken
}

// printed returns what was printed since it was called last.
func (p *process) printed() string {
	p.t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(p.out, p.read, 1<<30))
	if err != nil {
		p.t.Fatal(err)
	}
	p.read += int64(len(b))
	return string(b)
}

// start starts an instance with settings.
func start(t *testing.T, name string, settings map[string]string) *process {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return &process{Process: instance.Start(t, name, settings, out, out), t: t, out: out}
}

// invoke runs one event with so much time, and returns what the platform would log of it:
// the return value, or the error.
func (p *process) invoke(event string, d time.Duration) string {
	p.t.Helper()
	answer, err := p.Invoke(event, d)
	if errors.Is(err, instance.ErrEnded) {
		p.t.Fatalf("%s: %v\n%s", p.Function, err, p.printed())
	}
	if err != nil {
		return err.Error()
	}
	return string(answer)
}
