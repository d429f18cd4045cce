package sim

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"wxnotify/shared/card"
	"wxnotify/shared/config"
	"wxnotify/shared/notify"
)

// Rules are those rules that the page shows and changes; times are in seconds.
type Rules struct {
	Lead         float64      `json:"lead"`
	BlindWindow  float64      `json:"blindWindow"`
	Grace        float64      `json:"grace"`
	Digest       []float64    `json:"digest"`
	KeepForFirst int          `json:"keepForFirst"`
	Calls        notify.Calls `json:"calls"`
	Preview      card.Preview `json:"preview"`
}

func rulesOf(r notify.Rules) Rules {
	out := Rules{Lead: r.Lead.Seconds(), BlindWindow: r.BlindWindow.Seconds(), Grace: r.Grace.Seconds(),
		KeepForFirst: r.KeepForFirst, Calls: r.Calls, Preview: r.Preview}
	for _, d := range r.DigestSteps {
		out.Digest = append(out.Digest, d.Seconds())
	}
	return out
}

// Functions are the hosted functions, as far as a simulation has a hand in them.
type Functions interface {
	// Renew has every event from now on handled by a new instance, which reads the rules anew.
	Renew()
	// Stale returns how many instances of before are still busy.
	Stale() int
}

// Attach lets the rules be changed: fs are the functions that go by them.
func (s *Sim) Attach(fs Functions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions = fs
}

// setRules has the functions go by r. The error names the rule and the cure.
func (s *Sim) setRules(r *Rules) error {
	s.mu.Lock()
	functions := s.functions
	s.mu.Unlock()
	if functions == nil || r == nil {
		return refused("the rules cannot be changed here", "这里不能改规则")
	}
	file, err := r.into(notifyFile)
	if err != nil {
		return err
	}
	n, err := config.ParseNotify(file, s.getenv)
	if err != nil {
		return refused("%s", "%s", err.Error())
	}
	if err := os.WriteFile(s.file, file, 0o600); err != nil {
		return err
	}
	functions.Renew()
	s.mu.Lock()
	s.rules = n.Rules
	s.mu.Unlock()
	s.narrator.goBy(n.Rules)
	s.story.tell(s.now(), line{actor: us, text: say("goes by other rules: lead %s, blind_window %s, grace %s, preview %s",
		"换了规则：lead %s，blind_window %s，grace %s，preview %s", seconds(n.Rules.Lead), seconds(n.Rules.BlindWindow), seconds(n.Rules.Grace), string(n.Rules.Preview))})
	return nil
}

// into returns the notify.yml of before with these rules.
func (r *Rules) into(before []byte) ([]byte, error) {
	var doc map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(before)).Decode(&doc); err != nil {
		return nil, err
	}
	rules, ok := doc["rules"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("notify.yml has no rules")
	}
	text := func(s float64) string { return time.Duration(s * float64(time.Second)).String() }
	rules["lead"], rules["blind_window"], rules["grace"] = text(r.Lead), text(r.BlindWindow), text(r.Grace)
	steps := make([]string, len(r.Digest))
	for i, s := range r.Digest {
		steps[i] = text(s)
	}
	rules["digest_steps"], rules["keep_for_first"] = slices.Clone(steps), r.KeepForFirst
	rules["calls"], rules["preview"] = string(r.Calls), string(r.Preview)
	return yaml.Marshal(doc)
}
