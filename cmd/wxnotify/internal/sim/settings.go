package sim

import (
	"cmp"
	_ "embed"
	"errors"
	"maps"
	"os"

	"wxnotify/cmd/internal/demo"
	"wxnotify/shared/config"
	"wxnotify/shared/store"
	"wxnotify/simulator"
)

//go:embed notify.yml
var notifyFile []byte

// template is what the simulated WeChat has approved: the keywords of notify.yml.
var template = simulator.Template{
	Title:   "新消息提醒",
	Content: "发送人:{{thing1.DATA}}\n消息内容:{{thing2.DATA}}\n消息数量:{{number3.DATA}}\n发送时间:{{time4.DATA}}\n",
}

// Environment returns the settings of a simulation, all but STORE_URL. What callbacks and
// pushes are signed with is taken from settings where it is there, so that `trigger`,
// which reads the same settings, is believed; nothing else is, so that what opens a real
// account stays out.
func Environment(settings map[string]string) map[string]string {
	signing := make(map[string]string)
	for _, name := range demo.Signing() {
		signing[name] = settings[name]
	}
	demo.FillSigning(signing)
	env := demo.Settings()
	maps.Copy(env, signing)
	env["SESSION_MODE"] = "trusted"                                             // so that users are called user1, user2, user3
	env["STORE_PREFIX"] = cmp.Or(settings["STORE_PREFIX"], store.DefaultPrefix) // that by which explain and dead look
	if level := settings["LOG_LEVEL"]; level != "" {
		env["LOG_LEVEL"] = level
	}
	return env
}

// writeRules puts notify.yml where the functions find it.
func (s *Sim) writeRules() error {
	n, err := config.ParseNotify(notifyFile, s.getenv)
	if err != nil {
		return err
	}
	s.rules = n.Rules
	f, err := os.CreateTemp("", "wxnotify-sim-*.yml")
	if err != nil {
		return err
	}
	s.file, s.settings["NOTIFY_FILE"] = f.Name(), f.Name()
	_, err = f.Write(notifyFile)
	return errors.Join(err, f.Close())
}

func (s *Sim) getenv(name string) string { return s.settings[name] }
