// Package check looks at a deployment before it is made: its settings, serverless.yml, notify.yml and
// what was built. It needs no network and no account. What can only be seen there is not its business.
package check

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"wxnotify/cmd/wxnotify/internal/dotenv"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// A Finding is one thing that is wrong, or may be.
type Finding struct {
	// Warning: it can be deployed all the same.
	Warning bool
	Where   string // a file, and what in it
	What    string
	Cure    string
}

func (f Finding) String() string {
	text := fmt.Sprintf("%s: %s: %s", f.level(), f.Where, f.What)
	if f.Cure != "" {
		text += ": " + f.Cure
	}
	return text
}

// MarshalJSON implements json.Marshaler: {"level":"error","where":...,"what":...,"cure":...}.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"level": f.level(), "where": f.Where, "what": f.What, "cure": f.Cure})
}

func (f Finding) level() string {
	if f.Warning {
		return "warning"
	}
	return "error"
}

// Input says what is looked at.
type Input struct {
	Env         string            // file of settings
	Environment map[string]string // wins over the file
	Config      string            // serverless.yml
	Stage       string            // empty: that of serverless.yml
	Notify      string            // notify.yml
	Build       string            // folder of what was built; empty: it is not looked at
}

// checker collects findings.
type checker struct {
	Input
	file     dotenv.File
	settings map[string]string
	found    []Finding
}

func (c *checker) add(f Finding) { c.found = append(c.found, f) }

// fault adds what must be mended.
func (c *checker) fault(where, what, cure string) {
	c.add(Finding{Where: where, What: what, Cure: cure})
}

// warn adds what should be looked at.
func (c *checker) warn(where, what, cure string) {
	c.add(Finding{Warning: true, Where: where, What: what, Cure: cure})
}

// Run returns what it finds, errors first, and the settings that it has looked at.
func Run(ctx context.Context, in Input) (found []Finding, settings map[string]string) {
	c := &checker{Input: in, settings: map[string]string{}}
	c.readSettings()
	c.checkSettings()
	if p := c.project(); p != nil {
		c.checkProject(p)
		c.checkFunctions(ctx, p)
		if c.Build != "" {
			c.checkBuild(p)
		}
	}
	c.checkNotify()
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		rank := map[bool]int{true: 1}
		return cmp.Compare(rank[a.Warning], rank[b.Warning])
	})
	return slices.CompactFunc(c.found, func(a, b Finding) bool { return a == b }), c.settings
}

// readSettings reads the file of settings, and lays the environment over it.
func (c *checker) readSettings() {
	name := filepath.Base(c.Env)
	file, err := dotenv.Load(c.Env)
	switch {
	case os.IsNotExist(err):
		c.warn(name, "is not there", "copy .env.example to it and fill it in, or export the settings")
	case err != nil:
		c.fault(name, err.Error(), "")
	}
	c.file = file
	for _, key := range file.Again {
		c.warn(c.at(key), "is set more than once", fmt.Sprintf("line %d holds; delete the others", file.Lines[key]))
	}
	for key, value := range file.Values {
		c.settings[key] = value
	}
	for key, value := range c.Environment {
		c.settings[key] = value
	}
}

// at says where a setting stands.
func (c *checker) at(setting string) string {
	if _, exported := c.Environment[setting]; exported {
		return setting + " of the environment"
	}
	name := filepath.Base(c.Env)
	if line := c.file.Lines[setting]; line > 0 {
		return fmt.Sprintf("%s line %d, %s", name, line, setting)
	}
	return name + ", " + setting
}

// project reads serverless.yml as it is deployed: a variable that is not set is left out.
func (c *checker) project() *serverless.Project {
	p, err := serverless.LoadStage(c.Config, c.Stage, func(name string) (string, bool) { return c.settings[name], true })
	if err != nil {
		c.fault(filepath.Base(c.Config), err.Error(), "")
		return nil
	}
	for _, f := range p.Functions {
		for key, value := range f.Environment {
			if value == "" {
				delete(f.Environment, key)
			}
		}
	}
	return p
}
