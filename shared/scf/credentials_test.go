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
	c, err := scf.Credentials(roleEnv().get)
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != "AKIDexample" || c.Key.Reveal() != "sesame-key" || c.Token.Reveal() != "sesame-token" || c.Region != "ap-guangzhou" {
		t.Error("not what the environment holds")
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, &c); strings.Contains(text, "sesame") {
		t.Errorf("prints its secrets: %s", text)
	}
}

func TestCredentialsOfAPermanentKey(t *testing.T) {
	e := roleEnv()
	delete(e, "TENCENTCLOUD_SESSIONTOKEN")
	if c, err := scf.Credentials(e.get); err != nil || !c.Token.Empty() {
		t.Errorf("got %+v, err %v", c, err)
	}
}

func TestNoCredentials(t *testing.T) {
	_, err := scf.Credentials(env{"TENCENTCLOUD_REGION": "ap-guangzhou"}.get)
	if !errors.Is(err, scf.ErrNoCredentials) {
		t.Fatalf("got %v", err)
	}
	for name, missing := range map[string]bool{"TENCENTCLOUD_SECRETID": true, "TENCENTCLOUD_SECRETKEY": true, "TENCENTCLOUD_REGION": false} {
		if strings.Contains(err.Error(), name) != missing {
			t.Errorf("%v: %s named is %v, want %v", err, name, !missing, missing)
		}
	}
}
