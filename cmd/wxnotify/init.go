package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"wxnotify/cmd/internal/demo"
	"wxnotify/cmd/wxnotify/internal/check"
	"wxnotify/shared/config"
)

// initCmd asks for the settings of a deployment, makes the keys, and writes both into a file.
type initCmd struct {
	EnvFile string            `default:".env" placeholder:"FILE" help:"File to write (${default})."`
	Example string            `default:".env.example" placeholder:"FILE" help:"What the file is made of (${default})."`
	Set     map[string]string `placeholder:"NAME=VALUE" help:"An answer, so that it is not asked for. May be repeated."`
	Force   bool              `help:"Write over a file that is there, without asking."`
	Sim     bool              `help:"Ask nothing: invented settings, for deploy --sim and dev."`
}

// A question asks for one setting.
type question struct {
	setting string
	text    string
	empty   bool // may stay empty
}

// questions are what nobody but the operator knows, in the order in which the consoles show it.
var questions = []question{
	{"WECHAT_APPID", "AppID of the mini program (mp.weixin.qq.com, 开发管理, 开发设置)", false},
	{"WECHAT_APPSECRET", "AppSecret (the same page)", false},
	{"TEMPLATE_MESSAGE", "Id of the template that says that somebody has written (订阅消息, 我的模板)", false},
	{"IM_SDKAPPID", "SDKAppID of the IM app (IM console, 应用管理)", false},
	{"IM_SECRET_KEY", "Its secret key (查看密钥)", false},
	{"STORE_URL", "Address of your Redis, host:port", false},
	{"VPC_ID", "VPC of your Redis; empty if it has a public address", true},
	{"VPC_SUBNET_ID", "Its subnet", true},
}

const askTries = 5 // for one answer

// made returns the settings that are made here: that two sides agree is all there is to them.
func made() map[string]string {
	return map[string]string{"USERID_KEY": key(), "ANNOUNCE_KEY": key(),
		"WECHAT_TOKEN": word(32), "WECHAT_ENCODING_AES_KEY": word(43), "IM_CALLBACK_TOKEN": word(32)}
}

func (c initCmd) Run(ctx context.Context, con console) error {
	example, err := os.ReadFile(c.Example)
	if err != nil {
		return fmt.Errorf("%w: start it in the folder of the project", err)
	}
	if c.Sim {
		return c.simulated(con, string(example))
	}
	in := &asker{bufio.NewReader(con.in), con.out}
	if err := c.mayWrite(in); err != nil {
		return err
	}
	values, err := c.answers(ctx, in)
	if err != nil {
		return err
	}
	if err := writeNew(c.EnvFile, filled(string(example), values)); err != nil {
		return err
	}
	fmt.Fprintf(con.out, `
%[1]s is written, and only you can read it. Keys and tokens in it were made here. Keep USERID_KEY: without it all users lose
their IM accounts. Next:

  make build && go run ./cmd/wxnotify check --env-file %[1]s
  make deploy        then paste into the consoles, once the URLs are there:
      mp.weixin.qq.com, 开发管理, 消息推送: WECHAT_TOKEN and WECHAT_ENCODING_AES_KEY of %[1]s
      IM console, 回调配置: the URL, verify, confirm; then 鉴权 with IM_CALLBACK_TOKEN of %[1]s
`, c.EnvFile)
	return nil
}

// simulated writes settings that open nothing, with keys of their own.
func (c initCmd) simulated(con console, example string) error {
	if _, err := os.Stat(c.EnvFile); !c.Force && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already, and is left as it is; name another file with --env-file", c.EnvFile)
	}
	values := demo.Settings()
	maps.Copy(values, made())
	maps.Copy(values, c.Set)
	maps.DeleteFunc(values, func(name, _ string) bool { return !strings.Contains(example, "\n"+name+"=") }) // such as DELIVER_FUNCTION
	if err := writeNew(c.EnvFile, filled(example, values)); err != nil {
		return err
	}
	fmt.Fprintf(con.out, `
%s is written, with invented settings that open no account. Next:

  go run ./cmd/wxnotify deploy --sim%s
`, c.EnvFile, c.named())
	return nil
}

// named is how the file is named to another command.
func (c initCmd) named() string {
	if c.EnvFile == defaultEnvFile {
		return ""
	}
	return " --env-file " + c.EnvFile
}

// mayWrite asks before a file is written over.
func (c initCmd) mayWrite(in *asker) error {
	if _, err := os.Stat(c.EnvFile); c.Force || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	answer, err := in.line(c.EnvFile + " is there already. Write over it? Keys in it will be gone [y/N] ")
	if err != nil || !strings.EqualFold(answer, "y") {
		return fmt.Errorf("%s is left as it is; name another file with --env-file", c.EnvFile)
	}
	return nil
}

// answers returns all settings that are to be filled in.
func (c initCmd) answers(ctx context.Context, in *asker) (map[string]string, error) {
	values := made()
	for name, value := range c.Set {
		if what, cure := check.Form(name, value); what != "" {
			return nil, fmt.Errorf("--set %s: %s: %s", name, what, cure)
		}
		values[name] = value
	}
	for _, q := range questions {
		if _, given := values[q.setting]; given || q.setting == "VPC_SUBNET_ID" && values["VPC_ID"] == "" {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		value, err := in.ask(q)
		if err == nil && q.setting == "STORE_URL" {
			value, err = in.store(value)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: give it with --set %s=VALUE", q.setting, err, q.setting)
		}
		values[q.setting] = value
	}
	return values, nil
}

// An asker asks at a terminal.
type asker struct {
	in  *bufio.Reader
	out io.Writer
}

// line returns one answer.
func (a *asker) line(prompt string) (string, error) {
	fmt.Fprint(a.out, prompt)
	text, err := a.in.ReadString('\n')
	if text = strings.TrimSpace(text); text != "" {
		return text, nil
	}
	return "", err
}

// ask repeats a question until the answer has the form of the setting.
func (a *asker) ask(q question) (string, error) {
	for range askTries {
		value, err := a.line(q.text + ": ")
		if err != nil {
			return "", errors.New("no answer")
		}
		what, cure := check.Form(q.setting, value)
		switch {
		case value == "" && q.empty:
			return "", nil
		case value == "":
			what, cure = "must be there", ""
		case what == "":
			return value, nil
		}
		fmt.Fprintf(a.out, "  that %s; %s\n", what, cure)
	}
	return "", errors.New("no answer that would do")
}

// store makes the URL of an address, and asks for the password, if it is none yet.
func (a *asker) store(address string) (string, error) {
	if strings.Contains(address, "://") || config.IsReference(address) {
		return address, nil
	}
	password, err := a.line("Its password (Tencent's Redis: instance-id:password); empty if it has none: ")
	if err != nil {
		return "", errors.New("no answer")
	}
	u := url.URL{Scheme: "redis", Host: address, Path: "/0"}
	if password != "" {
		u.User = url.UserPassword("", password)
	}
	return u.String(), nil
}

// key returns what `openssl rand -hex 32` would.
func key() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// word returns n letters and digits, 52 at most, that nobody can guess.
func word(n int) string { return (rand.Text() + rand.Text())[:n] }

var settingLine = regexp.MustCompile(`(?m)^([A-Z_]+)=.*$`)

// filled returns the example with values. What it does not have is added at its end.
func filled(example string, values map[string]string) string {
	left := maps.Clone(values)
	text := settingLine.ReplaceAllStringFunc(example, func(line string) string {
		name, _, _ := strings.Cut(line, "=")
		value, given := left[name]
		if !given {
			return line
		}
		delete(left, name)
		return name + "=" + quoted(value)
	})
	for _, name := range slices.Sorted(maps.Keys(left)) {
		text += name + "=" + quoted(left[name]) + "\n"
	}
	return text
}

// quoted returns a value as the file takes it.
func quoted(value string) string {
	if !strings.ContainsAny(value, " \t#'\"\\$`") {
		return value
	}
	if !strings.Contains(value, "'") {
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// writeNew writes a file that only its owner can read, whole or not at all.
func writeNew(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".env-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
