package main

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/wire"
	"wxnotify/simulator"
)

var build = wire.Deliver(wire.Seams{})

// From a spilled callback to a card on the phone, and what it costs.
func TestSpilledMessageBecomesACard(t *testing.T) {
	w := functest.New(t)
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	srv := httptest.NewServer(sim)
	defer srv.Close()
	if err := sim.WeChat.AddTemplate(simulator.Template{ID: functest.Template, Title: "New message", Content: "From:{{thing1.DATA}}\n"}); err != nil {
		t.Fatal(err)
	}
	c := sim.Config()
	for k, v := range map[string]string{
		"WECHAT_API_BASE": srv.URL, "WECHAT_APPID": c.WeChat.AppID, "WECHAT_APPSECRET": c.WeChat.AppSecret.Reveal(),
		"IM_API_BASE": srv.URL, "IM_SDKAPPID": "1400000001", "IM_SECRET_KEY": c.IM.SecretKey.Reveal(),
	} {
		w.Settings[k] = v
	}
	openID := sim.WeChat.NewUser()
	sim.IM.Import("user1", "Anna")
	sim.IM.Import("user2", "")
	if err := sim.WeChat.Subscribe(openID, functest.Template, 2); err != nil {
		t.Fatal(err)
	}
	if err := w.Store.Bind(t.Context(), "user2", notify.OpenID(openID)); err != nil {
		t.Fatal(err)
	}
	h := w.Build(build)

	for n, wantTokens := range []int{1, 1} {
		// He was there in between, so that each message is the first of an absence.
		if _, err := w.Store.Record(t.Context(), notify.DefaultRules(), []notify.Fact{{Presence: &notify.Presence{User: "user2", At: time.Now().Add(time.Duration(n) * time.Second)}}}); err != nil {
			t.Fatal(err)
		}
		sent := time.Now().UTC().Truncate(time.Second)
		facts := []notify.Fact{
			{Grant: &notify.Grant{ID: string(rune('a' + n)), OpenID: notify.OpenID(openID), Source: notify.GrantPopup, At: sent, Templates: []notify.TemplateID{functest.Template}}},
			{Message: &notify.Message{ID: notify.MessageID(rune('a' + n)), From: "user1", To: "user2", SentAt: sent, Seq: 1}},
		}
		begun := time.Now()
		if out := invoke(t, h, scf.DeliverEvent{Spill: &scf.Spill{Facts: facts, Since: sent}}, 30*time.Second); out != (deliver.Counts{}) {
			t.Errorf("the spill's own invocation did %+v", out)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("a spill held the instance for %v", took)
		}
		woken := w.Invoked()
		if len(woken) != n+1 || woken[n] != "{}" {
			t.Fatalf("invoked with %q, want a wake for each spill", woken)
		}
		out := invoke(t, h, scf.DeliverEvent{}, 30*time.Second)
		if out.Sent != 1 {
			t.Fatalf("the run did %+v\n%s", out, w.Log)
		}
		if cards := sim.WeChat.Cards(openID); len(cards) != n+1 || cards[n].Value("thing1") != "Anna" {
			t.Errorf("the phone shows %+v", cards)
		}
		if got := sim.Record.Count("/cgi-bin/stable_token"); got != wantTokens {
			t.Errorf("%d token calls after %d cards", got, n+1)
		}
		if got := sim.Record.Count("/cgi-bin/message/subscribe/send"); got != n+1 {
			t.Errorf("%d WeChat calls for %d cards", got, n+1)
		}
		if got := sim.Record.Count("/v4/openim/query_online_status"); got != n+1 {
			t.Errorf("%d presence calls for %d cards", got, n+1)
		}
	}
	w.MustKeepSecrets()
}

// A timer's event that waited for an instance does what is due, and does not hold the instance.
func TestLateTimerDoesNotWait(t *testing.T) {
	w := functest.New(t)
	if err := w.Store.Bind(t.Context(), "user2", "openid-2"); err != nil {
		t.Fatal(err)
	}
	h := w.Build(build)
	for name, c := range map[string]struct {
		made time.Time
		late bool
	}{"late": {time.Now().Add(-3 * time.Minute), true}, "in time": {time.Now(), false}} {
		t.Run(name, func(t *testing.T) {
			sent := time.Now().UTC().Truncate(time.Second)
			if _, err := w.Store.Record(t.Context(), notify.DefaultRules(), []notify.Fact{{Message: &notify.Message{ID: notify.MessageID(name), From: "user1", To: "user2", SentAt: sent}}}); err != nil {
				t.Fatal(err)
			}
			timer := map[string]any{"Type": "Timer", "TriggerName": "every-minute", "Time": c.made.UTC().Format(time.RFC3339), "Message": ""}
			begun := time.Now()
			invoke(t, h, timer, wholeRun)
			if waited := time.Since(begun) > 2*time.Second; waited == c.late {
				t.Errorf("it took %v", time.Since(begun))
			}
		})
	}
}

func TestStoreAwayIsNoFailure(t *testing.T) {
	w := functest.New(t)
	h := w.Build(build)
	w.Redis.Close()
	invoke(t, h, map[string]any{"Type": "Timer", "TriggerName": "every-minute", "Time": "2026-11-22T02:00:00Z", "Message": ""}, 30*time.Second)

	facts := []notify.Fact{{Read: &notify.Read{Reader: "a", Peer: "b", UpTo: time.Unix(1, 0).UTC()}}}
	since := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	invoke(t, h, scf.DeliverEvent{Spill: &scf.Spill{Facts: facts, Since: since}}, 25*time.Second+time.Second)
	got := w.Invoked()
	var again scf.DeliverEvent
	if len(got) != 1 || json.Unmarshal([]byte(got[0]), &again) != nil || !again.Spill.Since.Equal(since) || len(again.Spill.Facts) != 1 {
		t.Errorf("spilled again: %q", got)
	}
}

// A deployment whose settings do not fit what its store was filled with sends nothing, and the log
// says what to correct.
func TestSettingsThatDoNotFitTheStore(t *testing.T) {
	for setting, c := range map[string]struct{ value, says string }{
		"STORE_SHARDS": {"8", "STORE_SHARDS is 8, and the store was filled with 16: set it to 16"},
		"WECHAT_APPID": {"wx2", "WECHAT_APPID is wx2, and the store is that of wx0123456789abcdef"},
		"IM_SDKAPPID":  {"1400000002", "IM_SDKAPPID is 1400000002, and the store is that of 1400123456"},
	} {
		t.Run(setting, func(t *testing.T) {
			w := functest.New(t)
			timer := map[string]any{"Type": "Timer", "TriggerName": "every-minute", "Time": "2026-11-22T02:00:00Z", "Message": ""}
			invoke(t, w.Build(build), timer, wholeRun)
			if strings.Contains(w.Log.String(), `"level":"ERROR"`) {
				t.Errorf("the first run: %s", w.Log)
			}
			w.Settings[setting] = c.value
			invoke(t, w.Build(build), timer, wholeRun)
			if log := w.Log.String(); !strings.Contains(log, c.says) || !strings.Contains(log, `"alert":"store"`) {
				t.Errorf("the log does not say %q:\n%s", c.says, log)
			}
		})
	}
}

// wholeRun is enough for a card.
const wholeRun = 30 * time.Second

func TestNamesEverySetting(t *testing.T) {
	functest.New(t).MustNameSettings(build, "WECHAT_APPID", "WECHAT_APPSECRET", "IM_SDKAPPID", "IM_SECRET_KEY", "STORE_URL", "NOTIFY_FILE")
}

func invoke(t *testing.T, h scf.Handler, event any, d time.Duration) deliver.Counts {
	t.Helper()
	b, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	out, err := h.Invoke(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	var c deliver.Counts
	if err := json.Unmarshal(out, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever notify.yml holds, what was spilled is recorded; nothing is sent, nor asked.
func TestBrokenNotifyFile(t *testing.T) {
	for name, text := range functest.BrokenNotify {
		t.Run(name, func(t *testing.T) {
			w := functest.New(t)
			w.WriteNotify(text)
			if err := w.Store.Bind(t.Context(), "user2", "openid-2"); err != nil {
				t.Fatal(err)
			}
			sent := time.Now().UTC().Truncate(time.Second)
			facts := []notify.Fact{{Message: &notify.Message{ID: "m", From: "user1", To: "user2", SentAt: sent, Seq: 1}}}
			h := w.Build(build)
			out := invoke(t, h, scf.DeliverEvent{Spill: &scf.Spill{Facts: facts, Since: sent}}, 30*time.Second)
			steps, err := w.Store.Timeline(t.Context(), "user2")
			if err != nil || len(steps) != 1 || out != (deliver.Counts{}) || w.Upstream() != 0 {
				t.Errorf("the run did %+v and asked %d times; the timeline is %+v, %v", out, w.Upstream(), steps, err)
			}
			if out = invoke(t, h, scf.DeliverEvent{}, 30*time.Second); out != (deliver.Counts{}) || w.Upstream() != 0 {
				t.Errorf("the timer's run did %+v and asked %d times", out, w.Upstream())
			}
			if !strings.Contains(w.Log.String(), `"alert":"misconfigured"`) {
				t.Errorf("no alert:\n%s", w.Log)
			}
		})
	}
}
