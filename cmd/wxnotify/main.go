// Command wxnotify runs and tries the functions on this machine.
package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"wxnotify/cmd/internal/cli"
	"wxnotify/shared/version"
)

func main() {
	os.Exit(run(cli.Context(), os.Args[1:], console{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: environment(os.Environ()), now: time.Now,
	}))
}

// commands is the command line.
type commands struct {
	Version kong.VersionFlag `help:"Print the version of this program, and end."`

	Dev       devCmd       `cmd:"" help:"Build the functions for this machine and start everything, with a simulated WeChat and IM: what make run does, where there is no make."`
	Local     localCmd     `cmd:"" help:"Serve the built functions on this machine as SCF would: same runtime, timeouts, timers and asynchronous calls. Ctrl-C ends it."`
	Serve     serveCmd     `cmd:"" help:"Serve in production on one machine, without SCF: needs a Redis, and settings in the environment or a file."`
	Invoke    invokeCmd    `cmd:"" help:"Send one event to a built function and print its response."`
	Trigger   triggerCmd   `cmd:"" help:"Send a callback or push as IM or WeChat would, correctly signed. Without a name: list them."`
	Explain   explainCmd   `cmd:"" help:"Say what became of a message, of a card, or of all messages to a user, and why."`
	Console   consoleCmd   `cmd:"" help:"Serve the operator's console on this machine: how it stands, what became of a message, permits, queues, dead letters, charts. Ctrl-C ends it."`
	Dead      deadCmd      `cmd:"" help:"Cards that were given up: list them, show one, or have them sent again."`
	Init      initCmd      `cmd:"" help:"Ask for the settings of a deployment, make its keys, and write .env."`
	Templates templatesCmd `cmd:"" help:"List the templates of the WeChat account, or write one into notify.yml."`
	Check     checkCmd     `cmd:"" help:"Look at a deployment before it is made: settings, serverless.yml, notify.yml, what was built. Needs no network."`
	Doctor    doctorCmd    `cmd:"" help:"Look at a deployment where it lives: the store, WeChat, IM, the functions and their URLs. Changes nothing, sends nothing."`
	Deploy    deployCmd    `cmd:"" help:"Deploy what serverless.yml says to Tencent Cloud: what differs from what is there. Run again, it goes on where it was broken off."`
	Remove    removeCmd    `cmd:"" help:"Delete the functions of a stage from Tencent Cloud, after a question."`
	Quota     quotaCmd     `cmd:"" help:"Set the concurrency quotas of deployed functions, as make deploy does where there are none."`
}

// run is main with its surroundings as arguments. It returns the exit status.
func run(ctx context.Context, args []string, con console) int {
	var c commands
	return cli.Run("wxnotify", "The local program of wxnotify.", &c, args, con.out, con.err,
		func(command *kong.Context) error { return command.Run() },
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(con), kong.Vars{"version": version.String()})
}

// console is what a command has of the outside.
type console struct {
	in       io.Reader
	out, err io.Writer
	env      map[string]string
	now      func() time.Time
	pause    func(ctx context.Context, d time.Duration) error // between looks at the cloud; nil: by the machine's clock
}

// colour reports whether w takes ANSI colours. See https://no-color.org.
func (c console) colour(w io.Writer) bool {
	return isTerminal(w) && c.env["NO_COLOR"] == "" && c.env["TERM"] != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// environment turns os.Environ's list into a map.
func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, kv := range list {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return env
}
