package cloud

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// A runner runs what was deployed.
type runner struct {
	host *host.Host
	dir  string
	keys map[string]string // of functions with a URL, by their names and by their handlers
}

func (r *runner) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // what waits for a store may wait longer
	defer cancel()
	_ = r.host.Close(ctx)
	_ = os.RemoveAll(r.dir)
}

// serveURL answers as the function does that has the URL.
func (c *Cloud) serveURL(w http.ResponseWriter, r *http.Request, id, rest string) {
	c.mu.Lock()
	if c.runner != nil && c.stale {
		c.runner.close()
		c.runner = nil
	}
	if c.runner == nil {
		c.stale = false
		run, err := c.run()
		if err != nil {
			c.mu.Unlock()
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		c.runner = run
	}
	run := c.runner
	c.mu.Unlock()
	key, there := run.keys[id]
	if !there {
		http.NotFound(w, r)
		return
	}
	to, err := url.Parse(run.host.URL())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(to)
		p.Out.URL.Path, p.Out.URL.RawPath = "/"+key+"/"+rest, ""
		p.Out.Header.Del("X-Forwarded-For") // the host takes it for somebody elsewhere
	}}
	proxy.ServeHTTP(w, r)
}

// run starts the functions from what was uploaded.
func (c *Cloud) run() (*runner, error) {
	dir, err := os.MkdirTemp("", "wxnotify-cloud-")
	if err != nil {
		return nil, err
	}
	p := &serverless.Project{Name: "cloud", Stage: "cloud", App: "cloud", Region: "ap-guangzhou"}
	r := &runner{dir: dir, keys: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(c.functions)) {
		f := c.functions[name]
		if err := unzip(f.Zip, dir); err != nil {
			return nil, err
		}
		fn := serverless.Function{Key: text(f.Config, "Handler"), Name: name, Namespace: "default", Handler: text(f.Config, "Handler"), Environment: f.Variables()}
		if p.Function(fn.Key) != nil { // of another stage
			fn.Key = name
		}
		var seconds int
		_ = json.Unmarshal(f.Config["Timeout"], &seconds)
		_ = json.Unmarshal(f.Config["MemorySize"], &fn.MemoryMB)
		fn.Timeout = time.Duration(seconds) * time.Second
		for _, t := range f.Triggers {
			switch t.Type {
			case "http":
				fn.URL = &serverless.URL{Qualifier: t.Qualifier, Auth: "NONE", Public: true}
				r.keys[name], r.keys[fn.Key] = fn.Key, fn.Key
			case "timer":
				var desc struct {
					Cron string `json:"cron"`
				}
				_ = json.Unmarshal([]byte(t.TriggerDesc), &desc)
				p.Timers = append(p.Timers, serverless.Timer{Function: fn.Key, Name: t.TriggerName, Cron: desc.Cron, Argument: t.CustomArgument})
			}
		}
		p.Functions = append(p.Functions, fn)
	}
	cfg := host.Config{Project: p, Build: dir, API: c}
	if c.cfg.Host != nil {
		c.cfg.Host(&cfg)
	}
	r.host, err = host.Start(cfg)
	return r, err
}

func unzip(content []byte, dir string) error {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	for _, file := range z.File {
		if !filepath.IsLocal(file.Name) {
			return fmt.Errorf("%s is not inside of the zip", file.Name)
		}
		name := filepath.Join(dir, file.Name)
		if file.Mode()&0o111 != 0 {
			name += host.Executable
		}
		in, err := file.Open()
		if err != nil {
			return err
		}
		out, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, file.Mode())
		if err == nil {
			_, err = io.Copy(out, in)
			if e := out.Close(); err == nil {
				err = e
			}
		}
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
