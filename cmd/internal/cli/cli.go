// Package cli is what our programs have in common at a terminal: how they read their command
// line, how they end, and how they say how far they are.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit statuses.
const (
	ExitFailure = 1 // of what the program does, or of a promise
	ExitUsage   = 2
)

// A Status ends a program with itself, without a word.
type Status int

func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// Context returns one that ends when the program is told to. A second Ctrl-C ends the program at once.
func Context() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx
}

// Run reads args into grammar, a pointer to a struct of https://github.com/alecthomas/kong, and has
// do work by it. It says on errs what went wrong, and returns the exit status.
func Run(name, description string, grammar any, args []string, out, errs io.Writer, do func(*kong.Context) error, more ...kong.Option) int {
	helped := false
	parser, err := kong.New(grammar, append([]kong.Option{kong.Name(name), kong.Description(description), kong.Writers(out, errs),
		kong.Exit(func(int) { helped = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true})}, more...)...)
	if err != nil {
		panic(err) // the grammar is wrong
	}
	command, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\nTry %s --help.\n", name, err, name)
		return ExitUsage
	}
	err = do(command)
	if status, ok := errors.AsType[Status](err); ok {
		return int(status)
	}
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\n", name, err)
		return ExitFailure
	}
	return 0
}
