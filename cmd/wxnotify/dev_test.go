package main

import (
	"path/filepath"
	"strings"
	"testing"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// What is built for this machine is what the host wants to find.
func TestBuildHere(t *testing.T) {
	folder := t.TempDir()
	if err := buildHere(t.Context(), folder, t.Output()); err == nil || !strings.Contains(err.Error(), "start it in the folder of the project") {
		t.Errorf("elsewhere: %v", err)
	}
	t.Chdir(filepath.Join("..", ".."))
	project, err := serverless.Load("serverless.yml", func(string) (string, bool) { return "", true })
	if err == nil {
		err = buildHere(t.Context(), folder, t.Output())
	}
	if err == nil {
		err = host.CheckBuild(project, folder)
	}
	if err != nil {
		t.Error(err)
	}
}
