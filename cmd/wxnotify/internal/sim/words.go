package sim

import (
	"cmp"
	"fmt"
	"strings"
)

// A Lang is a language that the story is told in.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// LangOf returns the language of a locale in the environment: Chinese if it begins with zh, else English.
// Source: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html (8.2)
func LangOf(env map[string]string) Lang {
	if strings.HasPrefix(cmp.Or(env["LC_ALL"], env["LC_MESSAGES"], env["LANG"]), "zh") {
		return Chinese
	}
	return English
}

// Words say one thing in both languages.
type Words struct {
	English string `json:"en"`
	Chinese string `json:"zh"`
}

// In returns what w says in a language.
func (w Words) In(lang Lang) string {
	if lang == Chinese {
		return w.Chinese
	}
	return w.English
}

// say formats both languages. Arguments that are Words themselves are said in the language of the format.
func say(english, chinese string, args ...any) Words {
	return Words{formatted(english, English, args), formatted(chinese, Chinese, args)}
}

func formatted(format string, lang Lang, args []any) string {
	if len(args) == 0 {
		return format
	}
	said := make([]any, len(args))
	for i, a := range args {
		if w, ok := a.(Words); ok {
			a = w.In(lang)
		}
		said[i] = a
	}
	return fmt.Sprintf(format, said...)
}

// same is what reads alike in both languages.
func same(s string) Words { return Words{s, s} }

// and appends more to w.
func (w Words) and(more Words) Words {
	return Words{w.English + more.English, w.Chinese + more.Chinese}
}

// actors are those who are no users, by what they are called in English.
var actors = map[string]Words{
	"somebody": say("somebody", "有人"),
	"WeChat":   say("WeChat", "微信"),
	"client":   say("client", "小程序"),
	"backend":  say("backend", "业务后台"),
}

// actorWords is how to call an actor.
func actorWords(actor string) Words {
	if w, ok := actors[actor]; ok {
		return w
	}
	return same(actor)
}
