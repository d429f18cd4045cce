package sim

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/notify"
)

var noon = time.Date(2031, 5, 1, 12, 0, 0, 0, time.Local)

func TestStoryIsInOrder(t *testing.T) {
	var out bytes.Buffer
	var heard []string
	s := newStory(&out, false, English, func() time.Time { return noon }, func(e Entry) { heard = append(heard, e.Text.Chinese) })
	at := func(ms, us int) time.Time {
		return noon.Add(time.Duration(ms)*time.Millisecond + time.Duration(us)*time.Microsecond)
	}
	// A timeline has whole milliseconds: what wxnotify does in one follows what others
	// do in it.
	s.tell(at(2, 0), line{actor: us, text: same("third")})
	s.tell(at(2, 700), line{actor: "user1", text: same("second")})
	s.tell(at(1, 0), line{actor: "IM", text: same("first"), note: "imcallback, 3 ms"})
	s.tell(at(2, 0), line{actor: us, text: same("fourth"), mood: good, note: "delivered"})
	s.tell(at(9, 0), line{actor: us, text: same("sixth"), mood: bad})
	s.print(at(2, 0))
	if got := out.String(); got != "12:00:00  IM        first [imcallback, 3 ms]\n" {
		t.Errorf("before 2 ms: %q", got)
	}
	s.add(at(5, 0), true, "fifth\n")
	s.print(time.Time{})
	want := `12:00:00  IM        first [imcallback, 3 ms]
12:00:00  user1     second
12:00:00  wxnotify  third
12:00:00  wxnotify  ✓ fourth [delivered]
fifth
12:00:00  wxnotify  ✗ sixth
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := strings.Join(heard, " "); got != "first second third fourth sixth" {
		t.Errorf("the page hears %s", got)
	}
}

func TestStoryInChinese(t *testing.T) {
	lang := LangOf(map[string]string{"LC_ALL": "", "LANG": "zh_CN.UTF-8"})
	if en := LangOf(map[string]string{"LC_ALL": "en_GB", "LANG": "zh_CN.UTF-8"}); lang != Chinese || en != English {
		t.Fatalf("%s, %s", lang, en)
	}
	var out bytes.Buffer
	s := newStory(&out, false, lang, func() time.Time { return noon }, func(Entry) {})
	s.tell(noon, line{actor: "WeChat", text: say("reports %s", "回报：%s", aMessage)})
	s.print(time.Time{})
	if got := out.String(); got != "12:00:00  微信      回报：一条消息\n" {
		t.Errorf("got %q", got)
	}
}

func TestStoryPaints(t *testing.T) {
	var out bytes.Buffer
	s := newStory(&out, true, English, func() time.Time { return noon }, func(Entry) {})
	s.tell(noon, line{actor: "user1", text: same("a\x1b[2Jb\nc")})
	s.tell(noon, line{actor: us, text: same("told"), mood: good, note: "delivered"})
	s.print(time.Time{})
	want := "\x1b[2m12:00:00\x1b[0m  \x1b[36muser1   \x1b[0m  a\\x1b[2Jb\\nc\n" +
		"\x1b[2m12:00:00\x1b[0m  \x1b[1mwxnotify\x1b[0m  \x1b[32m✓ told\x1b[0m \x1b[2m[delivered]\x1b[0m\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestStoryMuted(t *testing.T) {
	var out bytes.Buffer
	s := newStory(&out, false, English, func() time.Time { return noon }, func(Entry) {})
	s.Write([]byte("before\n"))
	s.mute()
	s.Write([]byte("after\n"))
	s.tell(noon, line{actor: us, text: same("told")})
	s.print(time.Time{})
	if got := out.String(); !strings.HasPrefix(got, "before\n") || strings.Contains(got, "after") || !strings.Contains(got, "told") {
		t.Errorf("got %q", got)
	}
}

// A timeline may say the same twice, and it forgets its oldest steps.
func TestFreshSteps(t *testing.T) {
	step := func(ms int, detail string) notify.Step {
		return notify.Step{At: noon.Add(time.Duration(ms) * time.Millisecond), Kind: notify.StepAsked, Detail: detail}
	}
	a, b, c, d := step(1, "a"), step(2, "b"), step(2, "b"), step(3, "d")
	var s seen
	for i, look := range []struct{ all, fresh []notify.Step }{
		{nil, nil},
		{[]notify.Step{a, b}, []notify.Step{a, b}},
		{[]notify.Step{a, b}, nil},
		{[]notify.Step{a, b, c, d}, []notify.Step{c, d}},
		{[]notify.Step{c, d}, nil},
		{[]notify.Step{c, d, d}, []notify.Step{d}},
		{nil, nil}, // erased
		{[]notify.Step{a}, []notify.Step{a}},
	} {
		got := s.fresh(look.all)
		if len(got) != len(look.fresh) {
			t.Fatalf("look %d: %v, want %v", i, got, look.fresh)
		}
		for j := range got {
			if got[j].Detail != look.fresh[j].Detail {
				t.Errorf("look %d: %v, want %v", i, got, look.fresh)
			}
		}
	}
}
