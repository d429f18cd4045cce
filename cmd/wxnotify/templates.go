package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"wxnotify/cmd/wxnotify/internal/templates"
	"wxnotify/shared/config"
	"wxnotify/shared/wechat"
)

// templatesCmd lists the account's templates, and writes one into notify.yml.
type templatesCmd struct {
	Use    string `placeholder:"ID" help:"Write this template into notify.yml."`
	As     string `default:"message" placeholder:"KIND" help:"For what: message, mention, call, missed_call, digest, or a kind of announcement (${default})."`
	Notify string `default:"notify.yml" placeholder:"FILE" help:"File to write into (${default})."`
	envFlag
}

func (c templatesCmd) Run(ctx context.Context, con console) error {
	settings, err := c.settings(con)
	if err != nil {
		return err
	}
	list, err := templatesOf(ctx, con, settings)
	if err != nil {
		return err
	}
	if c.Use != "" {
		return c.write(con, settings, list)
	}
	for _, t := range list {
		kind := "one-time"
		if t.Type == wechat.LongTerm {
			kind = "long-term"
		}
		fmt.Fprintf(con.out, "%s  %s, %s\n", t.ID, t.Title, kind)
		for _, v := range templates.Map(t) {
			text := v.Text
			if text == "" {
				text = "nothing would do"
			}
			fmt.Fprintf(con.out, "  %-20s %s  %s\n", v.Keyword, text, v.Label)
		}
	}
	fmt.Fprintf(con.out, "%d templates; --use ID writes one into %s, with what stands beside its keywords\n", len(list), c.Notify)
	return nil
}

// templatesOf asks WeChat, whose daily quota for that is small.
func templatesOf(ctx context.Context, con console, settings map[string]string) ([]wechat.Template, error) {
	env := config.From(func(name string) string { return settings[name] })
	client, err := wechat.NewClient(wechat.ClientConfig{Now: con.now, AppID: env.String("WECHAT_APPID", ""),
		AppSecret: env.OptionalSecret("WECHAT_APPSECRET"), BaseURL: env.URL("WECHAT_API_BASE", "")})
	env.Fail(err)
	if err := env.Err(); err != nil {
		return nil, err
	}
	list, err := client.GetTemplates(ctx)
	if err == nil && len(list) == 0 {
		err = errors.New("the account has no template: take one from the library at mp.weixin.qq.com, 订阅消息")
	}
	return list, err
}

func (c templatesCmd) write(con console, settings map[string]string, list []wechat.Template) error {
	for _, t := range list {
		if string(t.ID) != c.Use {
			continue
		}
		values := templates.Map(t)
		if err := templates.Missing(values); err != nil {
			return fmt.Errorf("%s (%s): %w", t.ID, t.Title, err)
		}
		before, err := os.ReadFile(c.Notify)
		if err != nil {
			return err
		}
		after, variable, err := templates.Write(before, c.As, t, values)
		var conf config.Notify
		if err == nil {
			conf, err = config.ParseNotify(after, func(name string) string { return cmp.Or(settings[name], name) })
		}
		for _, d := range conf.Templates.Disabled() {
			if string(d.Kind) == c.As {
				err = d
			}
		}
		if err != nil {
			return fmt.Errorf("%s is left as it is: %w", c.Notify, err)
		}
		if err := os.WriteFile(c.Notify, after, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s: templates.%s is %s, %s\n", c.Notify, c.As, t.ID, t.Title)
		if variable != "" && settings[variable] != c.Use {
			fmt.Fprintf(con.out, "Set %s=%s in %s\n", variable, t.ID, c.EnvFile)
		}
		return nil
	}
	var ids []string
	for _, t := range list {
		ids = append(ids, string(t.ID))
	}
	return fmt.Errorf("the account has no template %s; it has %s", c.Use, strings.Join(ids, ", "))
}
