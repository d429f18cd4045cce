package logview_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wxnotify/cmd/wxnotify/internal/logview"
)

const at = `"time":"2031-05-01T02:00:01.5Z"`

// now is the clock of these tests, which do not run at ten past two.
func now() time.Time { return time.Date(2031, 5, 1, 2, 10, 0, 0, time.Local) }

// clock is the time of at as the machine's zone shows it.
var clock = time.Date(2031, 5, 1, 2, 0, 1, 0, time.UTC).Local().Format("15:04:05")

func TestLine(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"message", `{` + at + `,"level":"INFO","msg":"accepted"}`, "imcallback info  accepted"},
		{"attributes in their order", `{` + at + `,"level":"WARN","msg":"m","z":"a","b":2,"c":true,"d":null}`, "imcallback warn  m z=a b=2 c=true d=null"},
		{"quoting", `{` + at + `,"level":"ERROR","msg":"two words","a":"x y","b":"","c":"k=v","d":"\""}`, `imcallback error two words a="x y" b="" c="k=v" d="\""`},
		{"nested values", `{` + at + `,"level":"DEBUG","msg":"m","a":{"b":[1, "x"]}}`, `imcallback debug m a={"b":[1, "x"]}`},
		{"text that is not Latin", `{` + at + `,"level":"INFO","msg":"茶","a":"茶 叶"}`, `imcallback info  茶 a="茶 叶"`},
		{"its own name is said once", `{` + at + `,"level":"INFO","msg":"m","function":"imcallback","a":"imcallback"}`, "imcallback info  m a=imcallback"},
		{"another's name", `{` + at + `,"level":"INFO","msg":"m","function":"deliver"}`, "imcallback info  m function=deliver"},
		{"another level", `{` + at + `,"level":"ERROR+2","msg":"m"}`, "imcallback error+2 m"},
		{"escape codes", `{` + at + `,"level":"INFO","msg":"a\u001b[2Jb","k\u0007":"c\u001b]0;x","d":"\u202ee\nf"}`, `imcallback info  a\x1b[2Jb k\a=c\x1b]0;x d=\u202ee\nf`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			logview.New(&out, false, now).Line("imcallback", []byte(c.line))
			if want := clock + " " + c.want + "\n"; out.String() != want {
				t.Errorf("got  %q\nwant %q", out.String(), want)
			}
		})
	}
}

func TestLinesThatAreNotJSON(t *testing.T) {
	for in, want := range map[string]string{
		"plain text":          "deliver    | plain text",
		"\x1b[31mred\x1b[0m":  `deliver    | \x1b[31mred\x1b[0m`,
		`{"msg":"cut`:         `deliver    | {"msg":"cut`,
		`{"msg":"a"} trailer`: `deliver    | {"msg":"a"} trailer`,
		`["a"]`:               `deliver    | ["a"]`,
		"a\tb\xff":            "deliver    | a\tb\ufffd",
	} {
		var out bytes.Buffer
		logview.New(&out, false, now).Line("deliver", []byte(in))
		shown, text, _ := strings.Cut(strings.TrimSuffix(out.String(), "\n"), " ")
		if text != want {
			t.Errorf("%q: got %q, want %q", in, text, want)
		}
		if shown != "02:10:00" {
			t.Errorf("%q: shown at %s", in, shown)
		}
	}
}

func TestColour(t *testing.T) {
	line := []byte(`{` + at + `,"level":"ERROR","msg":"m","k":"v"}`)
	var out bytes.Buffer
	logview.New(&out, true, now).Line("f", line)
	for _, s := range []string{"\x1b[1;31merror\x1b[0m", "\x1b[36mf         \x1b[0m", "\x1b[2mk=\x1b[0mv", " m "} {
		if !strings.Contains(out.String(), s) {
			t.Errorf("%q is not in %q", s, out.String())
		}
	}
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	log := logview.New(&out, false, now).Logger("host", slog.LevelInfo)
	log.Debug("hidden")
	log.With("function", "f").Warn("shown", "n", 1)
	if got := out.String(); !strings.HasSuffix(got, " host       warn  shown function=f n=1\n") || strings.Contains(got, "hidden") {
		t.Errorf("got %q", got)
	}
}

func TestQuiet(t *testing.T) {
	var out bytes.Buffer
	v := logview.NewQuiet(&out, false, now)
	for level, shown := range map[string]bool{"DEBUG": false, "INFO": false, "INFO+2": false, "WARN": true, "ERROR+1": true, "": true, "Notice": true} {
		out.Reset()
		v.Line("f", []byte(`{"level":"`+level+`","msg":"m"}`))
		if got := out.Len() > 0; got != shown {
			t.Errorf("level %q: shown %v, want %v", level, got, shown)
		}
	}
	out.Reset()
	v.Line("f", []byte("panic: no JSON"))
	if !strings.Contains(out.String(), "panic: no JSON") {
		t.Errorf("a plain line is shown as %q", out.String())
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"time":"2031-05-01T02:00:01Z","level":"INFO","msg":"m","a":{"b":[1]}}`))
	f.Add([]byte("plain\x1b[2J"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var out bytes.Buffer
		logview.New(&out, false, now).Line("f", line)
		got := out.String()
		if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") {
			t.Errorf("%q became %q, want one line", line, got)
		}
		if strings.ContainsAny(got, "\x00\x07\x1b\r\u009b\u202e") || !utf8.ValidString(got) {
			t.Errorf("%q became %q, which steers the terminal", line, got)
		}
	})
}
