package scf_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"wxnotify/shared/scf"
)

// env is an environment under a test's control.
type env map[string]string

func (e env) get(name string) string { return e[name] }

func roleEnv() env {
	return env{
		"TENCENTCLOUD_SECRETID": "AKIDexample", "TENCENTCLOUD_SECRETKEY": "sesame-key",
		"TENCENTCLOUD_SESSIONTOKEN": "sesame-token", "TENCENTCLOUD_REGION": "ap-guangzhou",
	}
}

func TestCredentials(t *testing.T) {
	e := roleEnv()
	c, err := scf.Credentials(e.get)
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != "AKIDexample" || c.Key.Reveal() != "sesame-key" || c.Token.Reveal() != "sesame-token" || c.Region != "ap-guangzhou" {
		t.Error("not what the environment holds")
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, &c); strings.Contains(text, "sesame") {
		t.Errorf("prints its secrets: %s", text)
	}
	delete(e, "TENCENTCLOUD_SESSIONTOKEN")
	if c, err := scf.Credentials(e.get); err != nil || !c.Token.Empty() {
		t.Errorf("a permanent key: got %+v, err %v", c, err)
	}
	_, err = scf.Credentials(env{"TENCENTCLOUD_REGION": "ap-guangzhou"}.get)
	if want := "not set: TENCENTCLOUD_SECRETID, TENCENTCLOUD_SECRETKEY)"; !errors.Is(err, scf.ErrNoCredentials) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("without keys: %v, want %q", err, want)
	}
}
