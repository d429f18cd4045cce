package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/stopwatch"
)

// Functions do the same whether a secret stands in a setting, or in the Secrets Manager.
func TestSecretsByReference(t *testing.T) {
	f := newFixture(t)
	want := f.ask()
	f.referred = true
	if d := cmp.Diff(want, f.ask()); d != "" {
		t.Errorf("(-plain +by reference):\n%s\n%s", d, &f.log)
	}
}

// While the Secrets Manager does not answer, a receiver does within its budget, and no log shows a secret.
func TestSecretsThatDoNotCome(t *testing.T) {
	f := newFixture(t)
	user, _ := f.user()
	f.referred, f.ssmAway = true, true
	watch := stopwatch.Start()
	if res := f.callback(user); res.short() != "200 OK" || watch.Elapsed() > time.Second {
		t.Errorf("after %v IM is answered %+v", watch.Elapsed(), res)
	}
	if _, err := f.build("session", f.getenv); err == nil || !strings.Contains(err.Error(), "WECHAT_APPSECRET: SSM does not answer") {
		t.Errorf("%v", err)
	}
	for _, name := range secretSettings {
		if strings.Contains(f.log.String(), f.settings[name]) {
			t.Errorf("the log shows %s", name)
		}
	}
}
