package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

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
