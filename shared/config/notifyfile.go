package config

import (
	"cmp"
	"fmt"
	"reflect"
	"time"

	"gopkg.in/yaml.v3"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// notifyFile is the shape of notify.yml. What is nil was left out.
type notifyFile struct {
	Templates map[string]yaml.Node `yaml:"templates"` // read one by one, so that one fault is that of one
	Rules     struct {
		Lead         *duration   `yaml:"lead"`
		BlindWindow  *duration   `yaml:"blind_window"`
		Grace        *duration   `yaml:"grace"`
		DigestSteps  *[]duration `yaml:"digest_steps"`
		DigestMax    *int        `yaml:"digest_max"`
		KeepForFirst *int        `yaml:"keep_for_first"`
		KeepLearning *bool       `yaml:"keep_learning"`

		FallbackToMessage *bool `yaml:"fallback_to_message"`

		Calls            *string    `yaml:"calls"`
		PushOnline       *string    `yaml:"push_online"`
		QuietHours       *string    `yaml:"quiet_hours"`
		Zone             *zone      `yaml:"zone"`
		TTL              *duration  `yaml:"ttl"`
		Preview          *string    `yaml:"preview"`
		Groups           groupsFile `yaml:"groups"`
		UnknownAfter     *duration  `yaml:"unknown_after"`
		Lang             *string    `yaml:"lang"`
		MiniProgramState *string    `yaml:"miniprogram_state"`
		Retry            struct {
			First    *duration `yaml:"first"`
			Factor   *float64  `yaml:"factor"`
			Max      *duration `yaml:"max"`
			Attempts *int      `yaml:"attempts"`
		} `yaml:"retry"`
		Ask struct {
			Below      *int      `yaml:"below"`
			Every      *duration `yaml:"every"`
			AgainAfter *duration `yaml:"again_after"`
			Stock      *int      `yaml:"stock"`
		} `yaml:"ask"`
	} `yaml:"rules"`
	Limits struct {
		SendsPerSecond   *int `yaml:"sends_per_second"`
		UserSendsPerHour *int `yaml:"user_sends_per_hour"`
		Workers          *int `yaml:"workers"`
	} `yaml:"limits"`
}

type templateFile struct {
	ID       string            `yaml:"id"`
	LongTerm bool              `yaml:"long_term"`
	Page     string            `yaml:"page"`
	Data     map[string]string `yaml:"data"`
}

// groupsFile has the keys of fact.GroupType.
type groupsFile struct {
	Private   *string `yaml:"Private"`
	Public    *string `yaml:"Public"`
	ChatRoom  *string `yaml:"ChatRoom"`
	Community *string `yaml:"Community"`
}

// specs returns the templates; faults are those found in them so far.
func (f *notifyFile) specs(faults map[string]error) map[fact.Kind]card.TemplateSpec {
	specs := make(map[fact.Kind]card.TemplateSpec, len(f.Templates))
	for name, n := range f.Templates {
		var t templateFile
		fault := faults[name]
		if err := n.Decode(&t); fault == nil && err != nil {
			fault = plainYAML(err)
		}
		specs[fact.Kind(name)] = card.TemplateSpec{
			ID: fact.TemplateID(t.ID), LongTerm: t.LongTerm, Page: t.Page, Data: t.Data,
			Fault: cmp.Or(fault, unknownKeys(&n, reflect.TypeFor[templateFile]()), checkKind(name, n.Line)),
		}
	}
	return specs
}

func checkKind(name string, line int) error {
	if fact.Kind(name).Legal() {
		return nil
	}
	return fmt.Errorf("line %d: %q cannot name a template: use up to 32 of a-z, 0-9 and _, a letter first", line, name)
}

func (f *notifyFile) rules() notify.Rules {
	r := notify.DefaultRules()
	set(&r.Lead, (*time.Duration)(f.Rules.Lead))
	set(&r.BlindWindow, (*time.Duration)(f.Rules.BlindWindow))
	set(&r.Grace, (*time.Duration)(f.Rules.Grace))
	if f.Rules.DigestSteps != nil {
		r.DigestSteps = nil
		for _, d := range *f.Rules.DigestSteps {
			r.DigestSteps = append(r.DigestSteps, time.Duration(d))
		}
	}
	set(&r.DigestMax, f.Rules.DigestMax)
	set(&r.KeepForFirst, f.Rules.KeepForFirst)
	set(&r.KeepLearning, f.Rules.KeepLearning)
	set(&r.FallbackToMessage, f.Rules.FallbackToMessage)
	set(&r.Calls, (*notify.Calls)(f.Rules.Calls))
	set(&r.PushOnline, (*notify.PushOnline)(f.Rules.PushOnline))
	set(&r.QuietHours, (*notify.QuietHours)(f.Rules.QuietHours))
	if f.Rules.Zone != nil {
		r.Zone = f.Rules.Zone.Location
	}
	set(&r.TTL, (*time.Duration)(f.Rules.TTL))
	set(&r.Preview, (*card.Preview)(f.Rules.Preview))
	for typ, rule := range map[fact.GroupType]*string{
		fact.GroupPrivate: f.Rules.Groups.Private, fact.GroupPublic: f.Rules.Groups.Public,
		fact.GroupChatRoom: f.Rules.Groups.ChatRoom, fact.GroupCommunity: f.Rules.Groups.Community,
	} {
		if rule != nil {
			r.Groups[typ] = fact.GroupRule(*rule)
		}
	}
	set(&r.UnknownAfter, (*time.Duration)(f.Rules.UnknownAfter))
	set(&r.Lang, f.Rules.Lang)
	set(&r.MiniProgramState, f.Rules.MiniProgramState)
	set(&r.Retry.First, (*time.Duration)(f.Rules.Retry.First))
	set(&r.Retry.Factor, f.Rules.Retry.Factor)
	set(&r.Retry.Max, (*time.Duration)(f.Rules.Retry.Max))
	set(&r.Retry.Attempts, f.Rules.Retry.Attempts)
	set(&r.Ask.Below, f.Rules.Ask.Below)
	set(&r.Ask.Every, (*time.Duration)(f.Rules.Ask.Every))
	set(&r.Ask.AgainAfter, (*time.Duration)(f.Rules.Ask.AgainAfter))
	set(&r.Ask.Stock, f.Rules.Ask.Stock)
	set(&r.SendsPerSecond, f.Limits.SendsPerSecond)
	set(&r.UserSendsPerHour, f.Limits.UserSendsPerHour)
	set(&r.Workers, f.Limits.Workers)
	return r
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// lineFault is a fault after which the decoder goes on to the next.
func lineFault(n *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", n.Line) + fmt.Sprintf(format, args...)}}
}

// duration reads what time.ParseDuration reads, such as 65s or 1h30m.
type duration time.Duration

func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return lineFault(n, "%q is not a duration such as 65s or 10m", n.Value)
	}
	*d = duration(v)
	return nil
}

// zone reads a name of the time zone database. The default needs no database, which the
// machines of the platform may not have.
type zone struct{ *time.Location }

func (z *zone) UnmarshalYAML(n *yaml.Node) error {
	z.Location = notify.DefaultRules().Zone
	if n.Value == z.Location.String() {
		return nil
	}
	l, err := time.LoadLocation(n.Value)
	if err != nil || n.Value == "" || n.Value == "Local" {
		return lineFault(n, "%q is no time zone that is known here: write UTC, Asia/Shanghai, or another name that the machine's time zone database has", n.Value)
	}
	z.Location = l
	return nil
}
