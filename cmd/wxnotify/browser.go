package main

import (
	"os/exec"
	"runtime"
)

// opensBrowser reports whether a person sits in front of a display of this machine, who would see a
// browser open: the output is a terminal, nothing says that this is CI or a remote shell.
func opensBrowser(con console) bool {
	env := con.env
	if !isTerminal(con.out) || env["CI"] != "" || env["SSH_CONNECTION"] != "" {
		return false
	}
	return runtime.GOOS == "windows" || runtime.GOOS == "darwin" || env["DISPLAY"] != "" || env["WAYLAND_DISPLAY"] != ""
}

// browsers are what opens a URL, by system.
var browsers = map[string][]string{
	"windows": {"rundll32", "url.dll,FileProtocolHandler"},
	"darwin":  {"open"},
	"linux":   {"xdg-open"},
}

// openBrowser opens a URL if it can; the terminal tells the URL in any case.
func openBrowser(url string) {
	command := browsers[runtime.GOOS]
	if command == nil {
		command = browsers["linux"]
	}
	cmd := exec.Command(command[0], append(command[1:len(command):len(command)], url)...)
	if cmd.Start() == nil {
		go cmd.Wait() // so that it is no zombie
	}
}
