package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"wxnotify/cmd/internal/trigger"
	"wxnotify/cmd/wxnotify/internal/deploy"
	"wxnotify/shared/config"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
)

// deployCmd deploys to Tencent Cloud.
type deployCmd struct {
	Plan bool `help:"Say what would be changed, and change nothing."`
	Sim  bool `help:"Deploy to a simulated cloud, with a simulated WeChat and IM, and show what happens there. Needs no account and no settings."`
	stageFlags
}

func (c deployCmd) Run(ctx context.Context, con console) error {
	if c.Sim {
		return c.simulate(ctx, con)
	}
	c.ofStage()
	settings, found := c.check(ctx, con)
	if n := faults(found); n > 0 {
		return fmt.Errorf("%d to mend; nothing was deployed", n)
	}
	d, err := c.deployer(con, settings)
	if err != nil {
		return err
	}
	if err := c.make(ctx, con, d); err != nil || c.Plan {
		return errors.Join(err, c.strangers(ctx, con, d))
	}
	if err := c.reached(ctx, con, d, settings); err != nil {
		return err
	}
	return c.strangers(ctx, con, d)
}

// make makes what is planned.
func (c deployCmd) make(ctx context.Context, con console, d *deploy.Deployer) error {
	steps, err := d.Plan(ctx)
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		fmt.Fprintln(con.out, "all is as it is wanted")
	}
	for _, s := range steps {
		fmt.Fprintln(con.out, "to do:", s.Text())
	}
	if c.Plan {
		return nil
	}
	return d.Apply(ctx, steps)
}

// reached sends each receiver what IM or WeChat would, rightly signed, and says where its URL belongs.
func (c deployCmd) reached(ctx context.Context, con console, d *deploy.Deployer, settings map[string]string) error {
	urls, err := d.URLs(ctx)
	if err != nil {
		return err
	}
	ownURLs(urls, settings)
	client := &http.Client{Timeout: triggerTimeout}
	sign, err := signingSettings(config.From(func(name string) string { return settings[name] }).Fetching(accountSecrets(ctx, con, settings, d.Project.Region)))
	if err != nil {
		return fmt.Errorf("deployed, but its URLs were not tried: %w", err)
	}
	var silent []string
	for _, probe := range []struct{ function, name string }{{"imcallback", "im.state user=wxnotify-probe"}, {"wechatpush", "wechat.verify"}} {
		words := strings.Fields(probe.name)
		r, err := trigger.New(words[0], words[1:], sign, con.now())
		if err != nil {
			return err
		}
		status, answer, err := r.Send(ctx, client, urls[probe.function])
		if err != nil || status != http.StatusOK || r.Answer != "" && answer != r.Answer {
			silent = append(silent, fmt.Sprintf("%s answers %d %s (%v)", probe.function, status, oneLine(answer), err))
		}
	}
	fmt.Fprintf(con.out, `
mp.weixin.qq.com, 开发管理, 消息推送 (Message push)
  URL    %s
  Token and EncodingAESKey as in %s; mode 安全模式 (secure); format JSON
IM console, 回调配置 (Callback configuration)
  URL    %s
  校验 (Verify), 确定 (Confirm); then 鉴权 (Authentication) on, its Token as IM_CALLBACK_TOKEN in %s
`, urls["wechatpush"], c.EnvFile, urls["imcallback"], c.EnvFile)
	delete(urls, "wechatpush")
	delete(urls, "imcallback")
	printURLs(con, urls)
	if len(silent) > 0 {
		return fmt.Errorf("deployed, but %s: look at its log in the SCF console", strings.Join(silent, "; "))
	}
	return nil
}

// ownURLs puts URLs of the operator's own, such as those of a custom domain, in place of those of the functions.
func ownURLs(urls, settings map[string]string) {
	for function, setting := range map[string]string{"imcallback": "IM_CALLBACK_URL", "wechatpush": "WECHAT_PUSH_URL"} {
		if v := settings[setting]; v != "" {
			urls[function] = v
		}
	}
}

// accountSecrets reads secrets that settings refer to, as the account that deploys.
func accountSecrets(ctx context.Context, con console, settings map[string]string, region string) func(config.Reference) (secret.String, error) {
	as := map[string]string{"TENCENTCLOUD_SECRETID": settings["TENCENT_SECRET_ID"], "TENCENTCLOUD_SECRETKEY": settings["TENCENT_SECRET_KEY"],
		"TENCENTCLOUD_SESSIONTOKEN": settings["TENCENT_TOKEN"], "TENCENTCLOUD_REGION": region}
	secrets, err := scf.NewSecrets(scf.SecretsConfig{APIBase: settings["TENCENT_API_BASE"], Getenv: func(name string) string { return as[name] },
		Now: con.now, Log: slog.New(slog.DiscardHandler)})
	return func(r config.Reference) (secret.String, error) {
		if err != nil {
			return secret.String{}, err
		}
		ctx, cancel := context.WithTimeout(ctx, triggerTimeout)
		defer cancel()
		return secrets.Get(ctx, r.Name, r.Version)
	}
}

func printURLs(con console, urls map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(urls)) {
		fmt.Fprintf(con.out, "%-10s %s\n", key, urls[key])
	}
}

func (c deployCmd) strangers(ctx context.Context, con console, d *deploy.Deployer) error {
	names, err := d.Strangers(ctx)
	for _, name := range names {
		fmt.Fprintf(con.out, "%s is not in %s any more, and stays: delete it in the SCF console\n", name, c.Config)
	}
	return err
}
