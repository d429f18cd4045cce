package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"wxnotify/cmd/wxnotify/internal/server"
)

// healthTimeout is how long the server has to say that it is up.
const healthTimeout = 3 * time.Second

// serveCmd is the single server.
type serveCmd struct {
	envFlag
	Listen     string `default:":8080" placeholder:"[HOST]:PORT" help:"Address to serve on (${default})."`
	Cert       string `placeholder:"FILE" help:"TLS certificate with its chain, PEM; read again when it changes. Without one: plain HTTP, for behind a proxy."`
	Key        string `placeholder:"FILE" help:"Its private key, PEM."`
	TrustProxy bool   `help:"Take callers' addresses from the last entry of X-Forwarded-For. Only where a proxy that writes it is the one way in."`
	State      string `default:"state" placeholder:"DIR" help:"Folder for what comes in while the store is away (${default})."`
	Metrics    string `placeholder:"HOST:PORT" help:"Tell Prometheus at /metrics of this address, which should be one that it alone reaches."`
	Health     bool   `help:"Ask the server that runs at --listen whether it is up, and end: status 0 if it is."`
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, con console) error {
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("--cert and --key belong together: give both, or none behind a proxy")
	}
	if c.Health {
		return c.healthy(ctx)
	}
	settings, err := c.settings(con)
	if err != nil {
		return err
	}
	level, err := logLevel(settings["LOG_LEVEL"])
	if err != nil {
		return err
	}
	settings[notifyFileEnv] = cmp.Or(settings[notifyFileEnv], notifyFile)
	if c.Metrics != "" {
		stop, err := serveMetrics(con, settings, c.Metrics)
		if err != nil {
			return err
		}
		defer stop()
	}
	s, err := server.Start(server.Config{Listen: c.Listen, CertFile: c.Cert, KeyFile: c.Key, TrustProxy: c.TrustProxy, State: c.State,
		Getenv: func(name string) string { return settings[name] }, Out: con.out, Level: level})
	if err != nil {
		return fmt.Errorf("it does not start:\n%w", err)
	}
	return s.Run(ctx)
}

// logLevel reads LOG_LEVEL.
func logLevel(text string) (level slog.Level, err error) {
	if text != "" && level.UnmarshalText([]byte(text)) != nil {
		return level, errors.New("LOG_LEVEL is not one of debug, info, warn, error")
	}
	return level, nil
}

// healthy asks the server on this machine. Its certificate names another host, so it is not looked at.
func (c *serveCmd) healthy(ctx context.Context) error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if c.Cert != "" {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the server is not up: %w", err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not up: status %d", res.StatusCode)
	}
	return nil
}
