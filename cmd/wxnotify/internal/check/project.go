package check

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/config"
	"wxnotify/shared/wire"
)

// shortestSecret is how long a secret is at least that is looked for in a file: a shorter one is a word there.
const shortestSecret = 6

// Limits of the platform. Source: https://cloud.tencent.com/document/product/583/11637
const (
	maxName        = 60
	maxEnvironment = 4 << 10
	maxMemory      = 3072
)

// Names of functions. Source: https://cloud.tencent.com/document/product/583/18586
var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*[A-Za-z0-9]$`)

// imBudget and wechatBudget are how long IM and WeChat wait for an answer: what an instance does after that
// is paid for and heard by nobody.
var budgets = map[string]time.Duration{"imcallback": 5 * time.Second, "wechatpush": 5 * time.Second}

func (c *checker) checkProject(p *serverless.Project) {
	source, _ := os.ReadFile(c.Config)
	for _, name := range secrets {
		if v := c.filled(name); len(v) >= shortestSecret && bytes.Contains(source, []byte(v)) {
			c.fault(filepath.Base(c.Config), "holds the value of "+name, "write ${env:"+name+"}: the file is in your repository")
		}
	}
	names := map[string]string{}
	for _, f := range p.Functions {
		where := filepath.Base(c.Config) + ", function " + f.Key
		if len(f.Name) > maxName || !nameForm.MatchString(f.Name) {
			c.fault(where, fmt.Sprintf("cannot be named %q", f.Name), fmt.Sprintf("up to %d letters, digits, - and _, a letter first", maxName))
		}
		if other := names[f.Name]; other != "" {
			c.fault(where, "has the name of "+other, "give each its own")
		}
		names[f.Name] = f.Key
		if m := f.MemoryMB; m != 64 && (m < 128 || m > maxMemory || m%128 != 0) {
			c.fault(where, fmt.Sprintf("memorySize is %d", m), "64, or 128 to 3072 in steps of 128")
		}
		if most := budgets[f.Key]; most > 0 && f.Timeout > most {
			c.warn(where, fmt.Sprintf("timeout is %v, and nobody waits for it longer than %v", f.Timeout, most), "set timeout: 5")
		}
		size := 0
		for key, value := range f.Environment {
			size += len(key) + len(value)
		}
		if size > maxEnvironment {
			c.fault(where, fmt.Sprintf("its variables have %d bytes", size), "SCF takes 4 KB: shorten them")
		}
		if !f.PublicAccess {
			c.fault(where, "publicAccess is off: it reaches neither WeChat nor IM", "set publicAccess: true")
		}
		if f.Role == "" {
			c.fault(where, "has no role: it cannot wake deliver", "set role: SCF_ExecuteRole")
		}
		c.checkURL(where, f)
	}
	if !slices.ContainsFunc(p.Functions, func(f serverless.Function) bool { return f.FixedIP }) {
		c.warn(filepath.Base(c.Config), "eip is off: requests come from changing addresses", "set eip: true, or leave the IP lists of WeChat and IM empty")
	}
	if !slices.ContainsFunc(p.Timers, func(t serverless.Timer) bool { return t.Function == "deliver" }) {
		c.fault(filepath.Base(c.Config), "no timer invokes deliver: what a wake misses is never sent", "add the timer of the original file, with enable: true")
	}
}

func (c *checker) checkURL(where string, f serverless.Function) {
	if f.URL == nil {
		if f.Key != "deliver" {
			c.fault(where, "has no function URL", "add its trigger of type http")
		}
		return
	}
	switch {
	case f.Key == "deliver":
		c.fault(where, "has a function URL: anybody could have it run", "take the trigger out")
	case !f.URL.Public:
		c.fault(where, "its URL leads nowhere", "set netConfig: { enableExtranet: true }")
	case f.URL.Auth != "NONE":
		c.fault(where, "its URL wants callers to sign as Tencent Cloud users do", "set authType: NONE: the function checks its callers itself")
	case f.URL.Qualifier != "$DEFAULT":
		c.fault(where, "its URL has no qualifier: the second deployment fails", "set qualifier: $DEFAULT")
	}
}

// checkFunctions builds each function from the variables that it is given, as it builds itself in the
// cloud, and tells what it says.
func (c *checker) checkFunctions(ctx context.Context, p *serverless.Project) {
	read, said := map[string]bool{"LOG_LEVEL": true}, map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(wire.Builds(wire.Seams{}))) {
		f := p.Function(key)
		if f == nil && slices.Contains(p.LeftOut, key) {
			continue
		}
		if f == nil {
			c.fault(filepath.Base(c.Config), "there is no function "+key, "add it as in the original file")
			continue
		}
		err := c.build(ctx, f, func(name string) { read[name] = true })
		if err == nil {
			continue
		}
		for line := range strings.Lines(err.Error()) {
			if line = strings.TrimSpace(line); strings.Contains(line, "NOTIFY_FILE") || strings.HasPrefix(line, "notify.yml") {
				continue // checkNotify says so
			}
			name := settingName.FindString(line)
			if thing := cmp.Or(name, line); !said[thing] {
				said[thing] = true
				c.tell(key, name, line)
			}
		}
	}
	c.checkNames(read)
}

// Builds reports whether a function of the project can be built from the variables that it is given.
func (in Input) Builds(ctx context.Context, f *serverless.Function) bool {
	return in.build(ctx, f, func(string) {}) == nil
}

// build builds a function of the project, and tells reads of each variable that it reads.
func (in Input) build(ctx context.Context, f *serverless.Function, reads func(name string)) error {
	build := wire.Builds(wire.Seams{})[f.Key]
	if build == nil {
		return fmt.Errorf("there is no function %s", f.Key)
	}
	_, err := build(ctx, func(name string) string {
		reads(name)
		if name == "NOTIFY_FILE" {
			return in.Notify
		}
		if slices.Contains(referable, name) && config.IsReference(f.Environment[name]) {
			return standIn(name)
		}
		return f.Environment[name]
	}, slog.New(slog.DiscardHandler))
	return err
}

var settingName = regexp.MustCompile(`\b[A-Z]+_[A-Z_]+\b`)

// tell adds what a function says, of a setting if it names one.
func (c *checker) tell(function, setting, line string) {
	_, what, named := strings.Cut(line, setting)
	what = strings.TrimPrefix(strings.TrimPrefix(what, ":"), " ")
	switch {
	case setting == "" || !named:
		c.fault(filepath.Base(c.Config)+", function "+function, line, "")
	case setting == "ANNOUNCE_KEY" && c.settings[setting] == "":
		c.warn(c.at(setting), "is empty: announce refuses everything", "openssl rand -hex 32 makes one, if your backend has something to announce")
	default:
		c.fault(c.at(setting), what, "")
	}
}

func (c *checker) checkNotify() {
	name := filepath.Base(c.Notify)
	b, err := os.ReadFile(c.Notify)
	if err != nil {
		c.fault(name, "cannot be read", "put the project's notify.yml there")
		return
	}
	n, err := config.ParseNotify(b, func(setting string) string { return c.settings[setting] })
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			c.fault(name, strings.TrimSpace(line), "")
		}
		return
	}
	for _, d := range n.Templates.Disabled() {
		c.fault(name, d.Error(), "")
	}
	for _, w := range n.Templates.Warnings() {
		c.warn(name, w, "")
	}
	if c.Build == "" {
		return
	}
	if built, err := os.ReadFile(filepath.Join(c.Build, "notify.yml")); err == nil && !bytes.Equal(built, b) {
		c.fault(filepath.Join(filepath.Base(c.Build), "notify.yml"), "is not the "+name+" that you see", "make build")
	}
}

// maxBinary bounds a binary so that its zip is well below what UpdateFunctionCode takes at once.
const maxBinary = 30 << 20

func (c *checker) checkBuild(p *serverless.Project) {
	folder := filepath.Base(c.Build)
	entries, err := os.ReadDir(c.Build)
	if err != nil {
		c.fault(folder, "is not there", "make build")
		return
	}
	wanted := map[string]bool{"notify.yml": true}
	for _, f := range p.Functions {
		wanted[f.Handler] = true
		where := filepath.Join(folder, f.Handler)
		info, err := os.Stat(filepath.Join(c.Build, f.Handler))
		switch {
		case err != nil:
			c.fault(where, "is not there", "make build")
			continue
		case info.Mode().Perm()&0o111 == 0:
			c.fault(where, "cannot be executed: SCF says 437 HandlerNotFound", "chmod 0755, or make build")
		case info.Size() > maxBinary:
			c.fault(where, fmt.Sprintf("has %d MB", info.Size()>>20), "make build leaves out what is not needed")
		}
		if why := notForSCF(filepath.Join(c.Build, f.Handler)); why != "" {
			c.fault(where, why, "make build")
		}
	}
	if _, err := os.Stat(filepath.Join(c.Build, "notify.yml")); err != nil {
		c.fault(filepath.Join(folder, "notify.yml"), "is not there", "make build")
	}
	for _, e := range entries {
		if !wanted[e.Name()] && !slices.Contains(p.LeftOut, e.Name()) {
			c.fault(filepath.Join(folder, e.Name()), "is uploaded with the functions, and none of them needs it", "delete it, or make clean build")
		}
	}
}

// notForSCF says why a file is no static program for linux/amd64; "" if it is one.
func notForSCF(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return "is no program for Linux"
	}
	defer f.Close()
	switch {
	case f.Machine != elf.EM_X86_64:
		return fmt.Sprintf("is a program for %s, and SCF runs x86-64", f.Machine)
	case slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }):
		return "needs shared libraries, which SCF may not have"
	}
	return ""
}
