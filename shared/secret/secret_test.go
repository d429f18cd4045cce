package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"wxnotify/internal/testkit"
	"wxnotify/shared/secret"
)

func TestNeverPrints(t *testing.T) {
	const value = "app-secret-5bd2850f"
	type outer struct {
		Name   string
		hidden secret.String
		Shown  secret.String
	}
	s := secret.New(value)
	o := outer{Name: "x", hidden: s, Shown: s}

	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", o)
		fmt.Fprintf(&out, verb+"\n", &o)
		fmt.Fprintf(&out, verb+"\n", []secret.String{s})
		fmt.Fprintf(&out, verb+"\n", map[string]secret.String{"k": s})
	}
	js, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(js)
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("m", "secret", s, "outer", o, "err", fmt.Errorf("wrap: %v", s))
	}
	out.Write(log.Bytes())

	if got := out.String(); strings.Contains(got, value) || strings.Contains(got, fmt.Sprintf("%x", value)) {
		t.Errorf("the value shows in:\n%s", got)
	}
	if !strings.Contains(out.String(), "[secret]") {
		t.Error("the mask shows nowhere")
	}
}

func TestReveal(t *testing.T) {
	if got := secret.New("v").Reveal(); got != "v" {
		t.Errorf("Reveal() = %q, want %q", got, "v")
	}
	var zero secret.String
	if zero.Reveal() != "" || !zero.Empty() || !secret.New("").Empty() || secret.New("x").Empty() {
		t.Error("Empty does not follow Reveal")
	}
}

// A secret with a source reads as that does, and prints no more than others.
func TestFrom(t *testing.T) {
	r := &testkit.Rotation{Old: "value-of-old", New: "value-of-new"}
	s := secret.From(r)
	holder := struct{ hidden secret.String }{s}
	if text := fmt.Sprintf("%v %+v %#v %s %q", s, holder, holder, holder, holder); strings.Contains(text, "value-of") || s.Reveal() != "value-of-old" {
		t.Error(text)
	}
	if !s.Renew(t.Context(), "value-of-old") || s.Reveal() != "value-of-new" || s.Renew(t.Context(), "value-of-new") {
		t.Error("it does not follow its source")
	}
	var zero secret.String
	if zero.Renew(t.Context(), "") || secret.New("v").Renew(t.Context(), "v") {
		t.Error("there is another value of what has no source")
	}
}
