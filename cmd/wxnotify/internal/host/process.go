package host

import (
	"os/exec"
	"sync"
	"time"
)

// drain is how long output is read after the process itself has gone.
const drain = time.Second

// command says what to start.
type command struct {
	path string // absolute
	dir  string
	env  []string
	out  *lineWriter // stdout and stderr
}

// process is a running binary in a process group of its own.
type process struct {
	cmd  *exec.Cmd
	out  *lineWriter
	done chan struct{} // closed when the process has gone and its output is read

	mu   sync.Mutex
	gone bool // no signal may be sent any more: the number may belong to another group
}

func startProcess(c command) (*process, error) {
	cmd := exec.Command(c.path)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdout, cmd.Stderr = c.out, c.out
	cmd.WaitDelay = drain
	cmd.SysProcAttr = processAttributes()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, out: c.out, done: make(chan struct{})}
	go p.wait()
	return p, nil
}

func (p *process) wait() {
	// The state is read from ProcessState; that output was cut off is no news.
	_ = p.cmd.Wait()
	p.kill() // whatever the function started and left behind
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	p.out.Flush()
	close(p.done)
}

// alive reports whether the process still runs.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// freeze stops the whole group, thaw lets it go on, kill ends it even when frozen.
// None of them does anything to a group that has gone.
func (p *process) freeze() { p.signal(signalStop) }
func (p *process) thaw()   { p.signal(signalContinue) }
func (p *process) kill()   { p.signal(signalKill) }

func (p *process) signal(s groupSignal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		signalGroup(p.cmd.Process.Pid, s)
	}
}

// exitText says how the process ended; valid after done.
func (p *process) exitText() string { return p.cmd.ProcessState.String() }
