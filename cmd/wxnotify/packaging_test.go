package main

import (
	"bufio"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"wxnotify/cmd/wxnotify/internal/server"
	"wxnotify/internal/testkit"
)

// understood reads a command line of the program, without running it.
func understood(t *testing.T, args ...string) (c commands) {
	t.Helper()
	parser, err := kong.New(&c)
	testkit.Must(t, err)
	if _, err := parser.Parse(args); err != nil {
		t.Errorf("wxnotify %q: %v", args, err)
	}
	return c
}

// instructions are those of a Dockerfile, by their names.
func instructions(t *testing.T, path string) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(path)
	testkit.Must(t, err)
	found := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			found[name] = append(found[name], rest)
		}
	}
	return found
}

// words reads the list form of an instruction.
func words(t *testing.T, text string) (list []string) {
	t.Helper()
	testkit.Must(t, json.Unmarshal([]byte(text[strings.IndexByte(text, '['):]), &list))
	return list
}

// What the image is built by works here: the binary needs nothing of a system, as there is none in the image, and
// knows the commands that the image starts.
func TestDockerfile(t *testing.T) {
	d := instructions(t, "../../deploy/docker/Dockerfile")
	i := slices.IndexFunc(d["RUN"], func(run string) bool { return strings.Contains(run, "go build") })
	out := t.TempDir()
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(d["RUN"][i], "/out/", out+"/"))
	cmd.Dir = "../.."
	if says, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, says)
	}
	binary := filepath.Join(out, "wxnotify")
	if runtime.GOOS == "linux" {
		f, err := elf.Open(binary)
		testkit.Must(t, err)
		defer f.Close()
		if libraries, err := f.ImportedLibraries(); len(libraries) > 0 || f.Section(".interp") != nil {
			t.Errorf("it is linked with %q, %v", libraries, err)
		}
	}
	if says, err := exec.Command(binary, "serve", "--help").CombinedOutput(); err != nil || !strings.Contains(string(says), "--state") {
		t.Errorf("%v: %s", err, says)
	}

	entry := words(t, d["ENTRYPOINT"][0])
	if c := understood(t, entry[1:]...); entry[0] != "/wxnotify" || c.Serve.State != d["VOLUME"][0] {
		t.Errorf("the image starts %q and keeps %q", entry, d["VOLUME"])
	}
	if health := words(t, d["HEALTHCHECK"][0]); !understood(t, health[1:]...).Serve.Health {
		t.Errorf("health is asked by %q", health)
	}
	if len(d["FROM"]) != 2 || d["FROM"][1] != "scratch" || !strings.HasPrefix(d["USER"][0], "65532") {
		t.Errorf("%q as %q", d["FROM"], d["USER"])
	}
	toolchain := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindSubmatch(content(t, "../../go.mod"))
	if !strings.HasPrefix(d["FROM"][0], "golang:"+string(toolchain[1])+" ") {
		t.Errorf("it is built by %s, and go.mod says %s", d["FROM"][0], toolchain[1])
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	testkit.Must(t, err)
	return b
}

// The settings that compose.yml makes exist, Redis keeps what it is told, and what must outlive a container does.
func TestCompose(t *testing.T) {
	var c struct {
		Services map[string]struct {
			Build       struct{ Context, Dockerfile string }
			Command     []string
			EnvFile     string `yaml:"env_file"`
			Environment map[string]string
			Volumes     []string
			Grace       string `yaml:"stop_grace_period"`
		}
		Volumes map[string]any
	}
	testkit.Must(t, yaml.Unmarshal(content(t, "../../deploy/docker/compose.yml"), &c))
	app, redis := c.Services["wxnotify"], c.Services["redis"]
	context := filepath.Join("../../deploy/docker", app.Build.Context)
	if _, err := os.Stat(filepath.Join(context, app.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	if example := content(t, filepath.Join("../../deploy/docker", app.EnvFile+".example")); !strings.Contains(string(example), "STORE_URL=") {
		t.Error("the settings are not those of .env.example")
	} else {
		for name := range app.Environment {
			if !strings.Contains(string(example), "\n"+name+"=") {
				t.Errorf("there is no setting %s", name)
			}
		}
	}
	if c := understood(t, append([]string{"serve"}, app.Command...)...); !c.Serve.TrustProxy {
		t.Error("callers would all have the address of the proxy")
	}
	if app.Environment["STORE_URL"] != "redis://redis:6379/0" || c.Services["redis"].Command == nil {
		t.Errorf("the store is %q", app.Environment)
	}
	if got := strings.Join(redis.Command, " "); !strings.Contains(got, "--appendonly yes --appendfsync always --maxmemory-policy noeviction") {
		t.Errorf("Redis is started by %q", got)
	}
	kept := instructions(t, "../../deploy/docker/Dockerfile")
	for _, want := range []string{"state:" + kept["VOLUME"][0], "../../notify.yml:" + strings.Fields(kept["COPY"][len(kept["COPY"])-1])[2] + ":ro"} {
		if !slices.Contains(app.Volumes, want) {
			t.Errorf("%q is not among %q", want, app.Volumes)
		}
	}
	for _, v := range slices.Concat(app.Volumes, redis.Volumes) {
		name, _, _ := strings.Cut(v, ":")
		if _, made := c.Volumes[name]; !made && !strings.HasPrefix(name, ".") {
			t.Errorf("volume %s is not made", name)
		}
	}
	if d, err := time.ParseDuration(app.Grace); err != nil || d <= server.StopTakes {
		t.Errorf("a stop takes %v, and is given %v", server.StopTakes, d)
	}
}

// systemd starts what there is, waits until it has stopped, and keeps its folder.
func TestUnit(t *testing.T) {
	section, keys := "", map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(string(content(t, "../../deploy/systemd/wxnotify.service")))); lines.Scan(); {
		line := lines.Text()
		switch name, value, ok := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		case ok && regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(name):
			keys[section+"."+name] = value
		default:
			t.Errorf("it is no unit: %q", line)
		}
	}
	start := strings.Fields(keys["Service.ExecStart"])
	if c := understood(t, start[1:]...); c.Serve.State != "/var/lib/"+keys["Service.StateDirectory"] {
		t.Errorf("%q keeps its state elsewhere than in %q", start, keys["Service.StateDirectory"])
	}
	if d, err := time.ParseDuration(keys["Service.TimeoutStopSec"] + "s"); err != nil || d <= server.StopTakes {
		t.Errorf("a stop takes %v, and is given %v", server.StopTakes, d)
	}
	for key, want := range map[string]string{"Service.Restart": "always", "Service.DynamicUser": "yes", "Service.ProtectSystem": "strict",
		"Service.EnvironmentFile": "/etc/wxnotify/env", "Install.WantedBy": "multi-user.target"} {
		if keys[key] != want {
			t.Errorf("%s is %q, want %q", key, keys[key], want)
		}
	}
	if path, err := exec.LookPath("systemd-analyze"); err == nil { // knows each key, and its values
		unit := filepath.Join(t.TempDir(), "wxnotify.service")
		text := strings.ReplaceAll(string(content(t, "../../deploy/systemd/wxnotify.service")), start[0], os.Args[0])
		testkit.Must(t, os.WriteFile(unit, []byte(text), 0o600))
		if says, err := exec.Command(path, "verify", unit).CombinedOutput(); err != nil || strings.Contains(string(says), "wxnotify.service:") {
			t.Errorf("%v: %s", err, says)
		}
	}
}
