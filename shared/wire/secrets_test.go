package wire_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/internal/testkit"
	"wxnotify/shared/secret"
	"wxnotify/shared/stopwatch"
	kit "wxnotify/trust/fixture"
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

// An instance goes on with a secret that was changed where it is kept, once what it knows is five minutes old.
func TestSecretsThatChange(t *testing.T) {
	f := newFixture(t)
	f.referred = true
	h, err := f.build("imcallback", f.getenv)
	f.t.Must(err)
	for _, step := range []struct {
		token string
		ahead time.Duration
		taken bool
	}{{"token-1", 0, false}, {f.settings["IM_CALLBACK_TOKEN"], 0, true}, {"token-2", 4 * time.Minute, false}, {"token-2", 5 * time.Minute, true}} {
		user, _ := f.user()
		if step.ahead > 0 {
			f.settings["IM_CALLBACK_TOKEN"] = step.token
		}
		f.ahead = step.ahead
		query, body := kit.Callback(f.sim.Config().IM.SDKAppID, secret.New(step.token), string(user), 1, "lunch?", f.now().Add(f.ahead))
		_, err := h.Invoke(t.Context(), testkit.HTTPEvent(http.MethodPost, query, nil, body))
		f.t.Must(err)
		if got := f.accepted(user) == 1; got != step.taken {
			t.Errorf("signed with %s, %v later: recorded %t, want %t\n%s", step.token, step.ahead, got, step.taken, &f.log)
		}
	}
}
