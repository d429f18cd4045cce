package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"wxnotify/cmd/internal/demo"
	"wxnotify/cmd/internal/trigger"
	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/shared/config"
)

// triggerTimeout is how long a receiver may take: longer than IM and WeChat wait, so
// that a slow one is seen to be slow.
const triggerTimeout = 30 * time.Second

type triggerCmd struct {
	envFlag
	To    string   `placeholder:"URL" help:"Where to send it; default: the function that receives such requests, at --addr."`
	Addr  string   `default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Where wxnotify local serves (${default})."`
	Times int      `default:"1" placeholder:"N" help:"Send the very same request so many times (${default})."`
	Name  string   `arg:"" optional:"" help:"What happens, such as im.message. Without it all names are listed, with their arguments."`
	Args  []string `arg:"" optional:"" name:"key=value" help:"Its arguments."`
}

// Run prints what was sent and what was answered. A refusal is an error.
func (c *triggerCmd) Run(ctx context.Context, con console) error {
	if c.Name == "" {
		_, err := io.WriteString(con.out, trigger.Names())
		return err
	}
	if c.Times < 1 {
		return fmt.Errorf("--times=%d: use 1 or more", c.Times)
	}
	settings, err := c.settings(con)
	if err != nil {
		return err
	}
	invented := demo.FillSigning(settings)
	sign, err := signingSettings(config.From(func(name string) string { return settings[name] }))
	if err != nil {
		return err
	}
	r, err := trigger.New(c.Name, c.Args, sign, con.now())
	if err != nil {
		return err
	}
	used := slices.DeleteFunc(r.Uses, func(name string) bool { return !slices.Contains(invented, name) })
	if len(used) > 0 {
		fmt.Fprintf(con.err, "wxnotify: demo settings are used for %s; .env sets your own\n", strings.Join(used, ", "))
	}
	if c.To == "" {
		c.To = "http://" + c.Addr + "/" + r.Function
	}
	return c.send(ctx, con.out, r)
}

// signingSettings picks what callbacks, pushes and announcements are signed with.
func signingSettings(env *config.Env) (trigger.Settings, error) {
	s := trigger.Settings{
		SDKAppID:      env.String("IM_SDKAPPID", ""),
		CallbackToken: env.OptionalSecret("IM_CALLBACK_TOKEN"),
		AppID:         env.String("WECHAT_APPID", ""),
		PushToken:     env.OptionalSecret("WECHAT_TOKEN"),
		AESKey:        env.OptionalSecret("WECHAT_ENCODING_AES_KEY"),
		Template:      env.String("TEMPLATE_MESSAGE", ""),
		AnnounceKey:   env.OptionalSecret("ANNOUNCE_KEY"),
	}
	return s, env.Err()
}

func (c *triggerCmd) send(ctx context.Context, out io.Writer, r trigger.Request) error {
	client := &http.Client{
		Timeout:       triggerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for i := range c.Times {
		status, answer, err := r.Send(ctx, client, c.To)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return fmt.Errorf("%w: nobody listens there; start wxnotify local first, or name another address with --addr or --to", err)
		case err != nil:
			return err
		}
		if i == 0 {
			fmt.Fprintf(out, "sent    %s\n", r.Note)
		}
		fmt.Fprintf(out, "answer  %d %s\n", status, oneLine(answer))
		switch {
		case status >= http.StatusBadRequest:
			return fmt.Errorf("refused with status %d %s", status, http.StatusText(status))
		case r.Answer != "" && answer != r.Answer:
			return fmt.Errorf("the answer must be %s, and nothing else", r.Answer)
		}
	}
	return nil
}

// maxAnswer is how much of an answer is shown.
const maxAnswer = 500

// oneLine shows an answer without what could steer the terminal.
func oneLine(answer string) string {
	answer = strings.TrimSpace(answer)
	if len(answer) > maxAnswer {
		answer = answer[:maxAnswer] + "..."
	}
	return term.Visible(answer)
}
