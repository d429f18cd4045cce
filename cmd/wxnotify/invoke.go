package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"wxnotify/cmd/internal/demo"
	"wxnotify/cmd/wxnotify/internal/eventfile"
	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/logview"
	"wxnotify/shared/secret"
)

type invokeCmd struct {
	projectFlags
	Function string `arg:"" help:"A key of inputs.functions in serverless.yml."`
	Event    string `placeholder:"FILE" help:"File with the event, - for standard input; default: the empty object. In it, $${now}, $${im.sign}, $${wechat.signature} and $${usersig:USER} are filled in."`
}

// Run prints the function's response to standard output and all else to standard
// error. Asynchronous events that the function sends are accepted and not run.
func (c *invokeCmd) Run(ctx context.Context, con console) error {
	settings, err := c.settings(con)
	if err != nil {
		return err
	}
	useDemo(con.err, settings)
	_, stopStore, err := ensureStore(settings)
	if err != nil {
		return err
	}
	defer stopStore()
	project, err := c.project(settings)
	if err != nil {
		return err
	}
	if project.Function(c.Function) == nil {
		return fmt.Errorf("there is no function %q; functions are %s", c.Function, strings.Join(project.Keys(), ", "))
	}
	override, err := overrides(settings)
	if err != nil {
		return err
	}
	event, err := c.event(con, settings)
	if err != nil {
		return err
	}
	view := logview.New(con.err, con.colour(con.err), con.now)
	h, err := host.Start(host.Config{
		Project:  project,
		Build:    c.Build,
		Override: override,
		Sink:     view.Line,
		Log:      view.Logger("wxnotify", slog.LevelInfo),
		SyncOnly: true,
	})
	if err != nil {
		return err
	}
	// An event runs to its end whatever ctx says, so Ctrl-C takes the host away from it.
	defer context.AfterFunc(ctx, func() { closeHost(h) })()
	result, err := h.Invoke(ctx, c.Function, event)
	// Closing first brings the last log lines out before the response.
	if err := errors.Join(err, closeHost(h)); err != nil {
		return err
	}
	return printResponse(con.out, result.Payload)
}

// useDemo fills in the settings that are missing, unless a store is named: invented
// keys must not leave their mark in it. w is told which.
func useDemo(w io.Writer, settings map[string]string) {
	if settings[storeURL] != "" {
		return
	}
	if filled := demo.Fill(settings); len(filled) > 0 {
		fmt.Fprintf(w, "wxnotify: demo settings are used for %s, and a store that is gone at the end; .env sets your own\n",
			strings.Join(filled, ", "))
	}
}

// event reads the event and fills in what must be fresh.
func (c *invokeCmd) event(con console, settings map[string]string) ([]byte, error) {
	var (
		raw []byte
		err error
	)
	switch c.Event {
	case "":
		raw = []byte("{}")
	case "-":
		raw, err = io.ReadAll(con.in)
	default:
		raw, err = os.ReadFile(c.Event)
	}
	if err != nil {
		return nil, err
	}
	return eventfile.Fill(raw, eventfile.Settings{
		Now:             con.now(),
		IMCallbackToken: secret.New(settings["IM_CALLBACK_TOKEN"]),
		IMSDKAppID:      settings["IM_SDKAPPID"],
		IMSecretKey:     secret.New(settings["IM_SECRET_KEY"]),
		WeChatToken:     secret.New(settings["WECHAT_TOKEN"]),
		AnnounceKey:     secret.New(settings["ANNOUNCE_KEY"]),
		Template:        settings["TEMPLATE_MESSAGE"],
	})
}

// printResponse indents JSON for a terminal and leaves it alone for a program.
func printResponse(w io.Writer, payload []byte) error {
	var out bytes.Buffer
	if !isTerminal(w) || json.Indent(&out, payload, "", "  ") != nil {
		out.Reset()
		out.Write(payload)
	}
	out.WriteByte('\n')
	_, err := out.WriteTo(w)
	return err
}
