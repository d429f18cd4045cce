package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	operator "wxnotify/shared/console"
	"wxnotify/shared/outbound"
	"wxnotify/shared/store"
)

// consoleCmd serves the operator's console.
type consoleCmd struct {
	envFlag
	Addr string `default:"127.0.0.1:9010" placeholder:"HOST:PORT" help:"Loopback address to serve on (${default})."`
	Open bool   `default:"true" negatable:"" help:"Open the browser, if this is a terminal with a display."`
}

// Run serves until ctx ends.
func (c *consoleCmd) Run(ctx context.Context, con console) error {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil || !outbound.Loopback(host) {
		return fmt.Errorf("--addr=%s: use a loopback address such as 127.0.0.1:9010: the console is for this machine; from another one, make a tunnel to it", c.Addr)
	}
	settings, err := c.settings(con)
	if err != nil {
		return err
	}
	conf, err := notifyRules(settings)
	if err != nil {
		return err
	}
	st, err := openStore(con, settings)
	if err != nil {
		return err
	}
	defer st.Close()
	l, err := net.Listen("tcp", c.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: end what runs there, or choose another address with --addr", err)
	}
	if err != nil {
		return err
	}
	page := operator.New(operator.Config{Store: st, AppID: settings["WECHAT_APPID"], Conf: conf, Settings: shownSettings(settings), Now: con.now})
	server := &http.Server{Handler: page, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 16 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	at := "http://" + l.Addr().String() + "/"
	once := at + "#" + page.Ticket() // behind #, so it is in no request and no log
	fmt.Fprintf(con.out, "wxnotify: the console of %s is at\n  %s\nThis address signs in once, within five minutes. After that: %s\n  token %s\nCtrl-C ends it.\n",
		cmp.Or(settings[storePrefix], store.DefaultPrefix), once, at, page.Token())
	if c.Open && opensBrowser(con) {
		openBrowser(once)
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		ending, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		err = server.Shutdown(ending)
	}
	return err
}

// shownSettings are those of the environment that the console shows. Of secrets it says whether they are there.
func shownSettings(settings map[string]string) (out []operator.Setting) {
	add := func(name, value string) { out = append(out, operator.Setting{Name: name, Value: value}) }
	add(storeURL, withoutUser(settings[storeURL]))
	add(storePrefix, cmp.Or(settings[storePrefix], store.DefaultPrefix))
	add("STORE_SHARDS", cmp.Or(settings["STORE_SHARDS"], fmt.Sprint(store.DefaultShards)))
	for _, name := range []string{"WECHAT_APPID", "IM_SDKAPPID", "IM_ADMIN", "WECHAT_API_BASE", "IM_API_BASE", "SESSION_MODE", "LOG_LEVEL", notifyFileEnv} {
		add(name, settings[name])
	}
	for _, name := range []string{"WECHAT_APPSECRET", "WECHAT_TOKEN", "WECHAT_ENCODING_AES_KEY", "IM_SECRET_KEY", "IM_CALLBACK_TOKEN", "USERID_KEY", "SESSION_KEY", "ANNOUNCE_KEY"} {
		value := ""
		if settings[name] != "" {
			value = "(set)"
		}
		add(name, value)
	}
	return out
}

// withoutUser is a URL without user, password and what may be another secret in it.
func withoutUser(text string) string {
	if strings.HasPrefix(text, "ssm:") { // it names a secret
		return text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return "(set)"
	}
	return u.Scheme + "://" + u.Host + u.Path
}
