package main

import (
	"maps"
	"os"
	"runtime"
	"strings"
	"testing"
)

// A browser opens for somebody in front of a display, and for nobody else.
func TestOpensBrowser(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the display is known by the environment on Linux only")
	}
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	display := map[string]string{"DISPLAY": ":0"}
	with := func(name string) map[string]string {
		env := maps.Clone(display)
		env[name] = "1"
		return env
	}
	for name, c := range map[string]struct {
		con  console
		want bool
	}{
		"a terminal and a display": {console{out: device, env: display}, true},
		"Wayland":                  {console{out: device, env: map[string]string{"WAYLAND_DISPLAY": "wayland-0"}}, true},
		"no display":               {console{out: device, env: nil}, false},
		"CI":                       {console{out: device, env: with("CI")}, false},
		"a remote shell":           {console{out: device, env: with("SSH_CONNECTION")}, false},
		"into a file":              {console{out: &strings.Builder{}, env: display}, false},
	} {
		if got := opensBrowser(c.con); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
