package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"wxnotify/cmd/wxnotify/internal/dotenv"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/config"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// Defaults of flags.
const (
	defaultEnvFile = ".env"
	defaultBuild   = "build"
	notifyFile     = "notify.yml" // in the working directory, unless NOTIFY_FILE names another
	notifyFileEnv  = "NOTIFY_FILE"
	defaultAddr    = "127.0.0.1:9000"
)

// envFlag says where settings are.
type envFlag struct {
	EnvFile string `default:".env" placeholder:"FILE" help:"Settings, as KEY=VALUE lines (${default}). The environment takes precedence."`
}

// projectFlags say what is hosted.
type projectFlags struct {
	Build  string `default:"build" placeholder:"DIR" help:"Folder of the built functions (${default})."`
	Config string `default:"serverless.yml" placeholder:"FILE" help:"What is deployed (${default})."`
	envFlag
}

// settings reads the env file and lays the environment over it. The default file may
// be missing.
func (p envFlag) settings(con console) (map[string]string, error) {
	file, err := dotenv.Load(p.EnvFile)
	if err != nil && (p.EnvFile != defaultEnvFile || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	for _, name := range file.Again {
		fmt.Fprintf(con.err, "%s: %s is set more than once: line %d holds\n", filepath.Base(p.EnvFile), name, file.Lines[name])
	}
	settings := map[string]string{}
	maps.Copy(settings, file.Values)
	maps.Copy(settings, con.env)
	return settings, nil
}

func (p projectFlags) project(settings map[string]string) (*serverless.Project, error) {
	return serverless.Load(p.Config, func(name string) (string, bool) {
		v, ok := settings[name]
		return v, ok
	})
}

// everywhere names the settings that say which world the functions live in. They hold
// for every function, whether serverless.yml gives them to it or not.
var everywhere = []string{storeURL, storePrefix, "WECHAT_API_BASE", "IM_API_BASE", "LOG_LEVEL"}

// overrides returns the settings that hold for every function. The functions run in the
// folder of their binaries, so a NOTIFY_FILE is made absolute; one that cannot be read is an
// error, because the functions would tell it to their log only.
func overrides(settings map[string]string) (map[string]string, error) {
	vars := map[string]string{storePrefix: store.DefaultPrefix} // that by which explain and dead look
	for _, name := range everywhere {
		if v := settings[name]; v != "" {
			vars[name] = v
		}
	}
	if file := settings[notifyFileEnv]; file != "" {
		path, err := filepath.Abs(file)
		if err == nil {
			_, err = os.ReadFile(path)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", notifyFileEnv, err)
		}
		vars[notifyFileEnv] = path
	}
	return vars, nil
}

// notifyRules reads notify.yml; without the file it has its defaults. What the file takes
// from settings, such as the ids of templates, may be missing there.
func notifyRules(settings map[string]string) (config.Notify, error) {
	file := cmp.Or(settings[notifyFileEnv], notifyFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && settings[notifyFileEnv] == "" {
		return config.Notify{Rules: notify.DefaultRules()}, nil
	}
	if err != nil {
		return config.Notify{}, err
	}
	n, err := config.ParseNotify(b, func(name string) string { return cmp.Or(settings[name], name) })
	if err != nil {
		return n, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}
