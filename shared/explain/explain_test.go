package explain_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/card"
	"wxnotify/shared/explain"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// explainZone is not Beijing's.
var explainZone = time.FixedZone("", 9*60*60)

// explainAt returns a time s seconds after noon in Beijing.
func explainAt(s int) time.Time {
	return time.Date(2031, 5, 1, 4, 0, 0, 0, time.UTC).Add(time.Duration(s) * time.Second)
}

// A timeline is written in short: seconds, then the step.
type timeline []notify.Step

func (t timeline) add(s int, step notify.Step) timeline {
	step.At = explainAt(s)
	return append(t, step)
}

func msgs(ids ...fact.Identity) []fact.Identity { return ids }

// deliveredTimeline is the usual way of m1 and m2, between steps about others.
func deliveredTimeline() timeline {
	return timeline{}.
		add(0, notify.Step{Kind: notify.StepLeft}).
		add(1, notify.Step{Kind: notify.StepAccepted, Messages: msgs("m1")}).
		add(2, notify.Step{Kind: notify.StepAccepted, Messages: msgs("m2")}).
		add(3, notify.Step{Kind: notify.StepAsked, Detail: "online"}).
		add(3, notify.Step{Kind: notify.StepPutOff, Reason: fact.ReasonWindow, Until: explainAt(65)}).
		add(4, notify.Step{Kind: notify.StepAccepted, Messages: msgs("m3")}).
		add(5, notify.Step{Kind: notify.StepFinal, State: fact.StateRecalled, Messages: msgs("m3")}).
		add(65, notify.Step{Kind: notify.StepAsked, Detail: "offline"}).
		add(65, notify.Step{Kind: notify.StepReserved, Card: "c1-u"}).
		add(66, notify.Step{Kind: notify.StepSent, Card: "c1-u"}).
		add(66, notify.Step{Kind: notify.StepSettled, Card: "c1-u", Detail: "spent"}).
		add(66, notify.Step{Kind: notify.StepFinal, State: fact.StateDelivered, Card: "c1-u", Messages: msgs("m1", "m2")}).
		add(90, notify.Step{Kind: notify.StepReturned})
}

func TestExplainMessage(t *testing.T) {
	waits := timeline{}.add(0, notify.Step{Kind: notify.StepAccepted, Messages: msgs("m1")})
	putOff := func(why fact.Reason, until time.Time) timeline {
		return waits.add(1, notify.Step{Kind: notify.StepPutOff, Reason: why, Until: until})
	}
	sent := func(detail string) timeline {
		return waits.add(1, notify.Step{Kind: notify.StepReserved, Card: "c1-u"}).add(2, notify.Step{Kind: notify.StepSent, Card: "c1-u", Detail: detail})
	}
	unknown := sent("unknown").add(3, notify.Step{Kind: notify.StepSettled, Card: "c1-u", Detail: "held"})
	final := func(t timeline, s int, state fact.State, why fact.Reason) timeline {
		return t.add(s, notify.Step{Kind: notify.StepFinal, Card: "c1-u", State: state, Reason: why, Messages: msgs("m1")})
	}
	for _, c := range []struct {
		name  string
		steps timeline
		state fact.State
		why   fact.Reason
		zh    string
		en    string
		n     int // steps
	}{
		{"delivered", deliveredTimeline(), fact.StateDelivered, "",
			"提醒已于 5月1日 13:01:06 发送给您，可以在微信的“服务通知”里查看。",
			`We notified you on 1 May at 13:01:06; you will find it under "Service Notifications" in WeChat.`, 8},
		{"accepted", waits, "", "",
			"这条消息已收到，稍后会确认您是否在线，再决定是否提醒您。",
			"This message has come in; we will check whether you are online, and then decide whether to notify you.", 1},
		{"waits for the blind window", putOff(fact.ReasonWindow, explainAt(65)), "", "",
			"还没有提醒您：仍显示在线，需要再确认一次，将于 5月1日 13:01:05 再试。",
			"You have not been notified yet: still shown as online, which has to be checked again; we will try again on 1 May at 13:01:05.", 2},
		{"waits for tomorrow", putOff(fact.ReasonQuotaDay, explainAt(12*60*60+4*60)), "", "",
			"还没有提醒您：微信当天的发送额度已用完，将于 5月2日 01:04:00 再试。",
			"You have not been notified yet: WeChat's quota for the day is used up; we will try again on 2 May at 01:04:00.", 2},
		{"waits for a day that is named", putOff(fact.ReasonKept, time.Date(2031, 11, 25, 0, 4, 0, 0, explainZone)), "", "",
			"还没有提醒您：剩余的授权次数留给以后离开时使用，将于 11月25日 00:04:00 再试。",
			"You have not been notified yet: the permits left are kept for later absences; we will try again on 25 November at 00:04:00.", 2},
		{"waits, nobody knows how long", putOff(fact.ReasonNeverSent, time.Time{}), "", "",
			"还没有提醒您：上一次准备的提醒没有发出，稍后会再试。",
			"You have not been notified yet: the notification in preparation was never sent; we will try again soon.", 2},
		{"being sent", sent(""), "", "", "正在给您发送微信提醒，请稍等。", "A WeChat notification is being sent to you right now.", 3},
		{"unknown so far", unknown, "", "",
			"提醒已发给微信，暂时还没有收到结果，正在等待微信的回报。",
			"The notification was handed to WeChat, and we are waiting for WeChat to report what became of it.", 4},
		{"unknown, then reported", final(unknown, 9, fact.StateDelivered, fact.ReasonReported), fact.StateDelivered, fact.ReasonReported,
			"微信确认提醒已于 5月1日 13:00:09 前送达，可以在微信的“服务通知”里查看。",
			`WeChat confirms that the notification reached you before 1 May at 13:00:09; you will find it under "Service Notifications" in WeChat.`, 5},
		{"corrected", final(final(sent(""), 3, fact.StateDelivered, ""), 8, fact.StateRefused, fact.ReasonReported), fact.StateRefused, fact.ReasonReported,
			"微信回报这条提醒没有展示给您；请检查是否允许小程序发送通知。",
			"WeChat reports that this notification was not shown to you; please check that the mini program may send notifications.", 5},
		{"corrected, and the correction names the card alone", deliveredTimeline().add(120, notify.Step{Kind: notify.StepFinal, Card: "c1-u", State: fact.StateRefused, Reason: fact.ReasonReported}),
			fact.StateRefused, fact.ReasonReported,
			"微信回报这条提醒没有展示给您；请检查是否允许小程序发送通知。",
			"WeChat reports that this notification was not shown to you; please check that the mini program may send notifications.", 9},
		{"expired while kept back", final(putOff(fact.ReasonKept, explainAt(4*60*60)), 86400, fact.StateExpired, ""), fact.StateExpired, "",
			"这条消息已超过提醒时限，所以没有再发微信提醒（剩余的授权次数留给以后离开时使用）。",
			"This message became too old to be announced, so no WeChat notification was sent (the permits left are kept for later absences).", 3},
		{"dead, then replayed", final(waits, 5, fact.StateDead, fact.ReasonAttempts).
			add(9, notify.Step{Kind: notify.StepAccepted, Reason: fact.ReasonReplayed, Messages: msgs("m1")}), "", "",
			"这条消息已收到，稍后会确认您是否在线，再决定是否提醒您。",
			"This message has come in; we will check whether you are online, and then decide whether to notify you.", 3},
		{"ended with all that waited", waits.add(4, notify.Step{Kind: notify.StepFinal, State: fact.StateErased}), fact.StateErased, "",
			"您要求清除全部数据，等待中的提醒也一并取消了。", "You asked us to erase your data, and what was waiting for you was cancelled with it.", 2},
		{"a state of a newer version", final(waits, 4, "teleported", ""), "teleported", "",
			"这条消息的提醒已经结束（teleported）。", "Nothing more will be sent for this message (teleported).", 2},
		{"never heard of", deliveredTimeline()[:1], "", "",
			"没有找到这条消息的提醒记录：可能已过保存期（最长 7 天）或被更新的记录替换，当时您还没有登录过小程序，或者查的不是这个环境。",
			"We have no record of this message: it is kept for 7 days at most and newer records may have taken its place, you had not logged in to the mini program then, or this is not the right environment.", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for lang, want := range map[string]string{"zh": c.zh, "en": c.en} {
				e := explain.Explain(c.steps, explain.Subject{User: "u", Message: "m1"}, lang, explainZone)
				if e.Sentence != want || e.State != c.state || e.Reason != c.why || len(e.Steps) != c.n {
					t.Errorf("got %q, %q, %d steps: %s\nwant %q, %q, %d steps: %s", e.State, e.Reason, len(e.Steps), e.Sentence, c.state, c.why, c.n, want)
				}
			}
		})
	}
}

// Only what concerns a message is told of it: not what happened before it came or after
// it ended, nor other messages and their cards.
func TestExplainPicksSteps(t *testing.T) {
	steps := deliveredTimeline().
		add(10, notify.Step{Kind: notify.StepReserved, Card: "c0-u"}).
		add(11, notify.Step{Kind: notify.StepPutOff, Card: "c0-u", Messages: msgs("call"), Reason: fact.ReasonBackoff})
	texts := func(id fact.Identity, lang string) (out []string) {
		e := explain.Explain(steps, explain.Subject{User: "u", Message: id}, lang, explainZone)
		for _, s := range e.Steps {
			out = append(out, s.At.Format(time.TimeOnly)+" "+s.Text)
		}
		return out
	}
	for _, c := range []struct {
		id   fact.Identity
		lang string
		want []string
	}{
		{"m2", "zh_CN", []string{
			"13:00:02 收到消息，等待处理。",
			"13:00:03 查询 IM：用户在线。",
			"13:00:03 暂不提醒，5月1日 13:01:05 再看：仍显示在线，需要再确认一次。",
			"13:01:05 查询 IM：用户不在线。",
			"13:01:05 预留一次授权次数，准备发送。",
			"13:01:06 微信已接收提醒。",
			"13:01:06 扣除一次授权次数。",
			"13:01:06 结束：已提醒。",
		}},
		{"m3", "en_US", []string{
			"13:00:04 A message came in and waits.",
			"13:00:05 The end: recalled.",
		}},
	} {
		if d := cmp.Diff(c.want, texts(c.id, c.lang)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.id, d)
		}
	}
}

func TestExplainCard(t *testing.T) {
	put := timeline{}.add(1, notify.Step{Kind: notify.StepReserved, Card: "c2-u"}).
		add(2, notify.Step{Kind: notify.StepSent, Card: "c2-u", Detail: "quota"}).
		add(3, notify.Step{Kind: notify.StepSettled, Card: "c2-u", Detail: "refunded"}).
		add(3, notify.Step{Kind: notify.StepPutOff, Card: "c2-u", Reason: fact.ReasonQuotaDay, Until: explainAt(12*60*60 + 60)})
	for _, c := range []struct {
		name  string
		steps timeline
		card  card.ID
		state fact.State
		zh    string
		en    string
		n     int
	}{
		{"of two messages", deliveredTimeline(), "c1-u", fact.StateDelivered,
			"这次提醒共包含 2 条消息：提醒已于 5月1日 13:01:06 发送给您，可以在微信的“服务通知”里查看。",
			`This notification was for 2 messages: We notified you on 1 May at 13:01:06; you will find it under "Service Notifications" in WeChat.`, 4},
		{"not sent", put, "c2-u", "",
			"这次提醒没有发出（微信当天的发送额度已用完），其中的消息会重新等待提醒。",
			"This notification was not sent (WeChat's quota for the day is used up), and its messages wait for another one.", 4},
		{"on its way", put[:1], "c2-u", "", "正在给您发送微信提醒，请稍等。", "A WeChat notification is being sent to you right now.", 1},
		{"unknown", put[:1].add(2, notify.Step{Kind: notify.StepSent, Card: "c2-u", Detail: "unknown"}), "c2-u", "",
			"提醒已发给微信，暂时还没有收到结果，正在等待微信的回报。",
			"The notification was handed to WeChat, and we are waiting for WeChat to report what became of it.", 2},
		{"never heard of", put, "c9-u", "",
			"没有找到这次提醒的记录：可能已过保存期（最长 7 天）或被更新的记录替换，或者查的不是这个环境。",
			"We have no record of this notification: it is kept for 7 days at most and newer records may have taken its place, or this is not the right environment.", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for lang, want := range map[string]string{"zh": c.zh, "en": c.en} {
				e := explain.Explain(c.steps, explain.Subject{User: "u", Card: c.card}, lang, explainZone)
				if e.Sentence != want || e.State != c.state || len(e.Steps) != c.n {
					t.Errorf("got %q, %d steps: %s\nwant %q, %d steps: %s", e.State, len(e.Steps), e.Sentence, c.state, c.n, want)
				}
			}
		})
	}
}

func TestExplainUser(t *testing.T) {
	waits := deliveredTimeline().
		add(100, notify.Step{Kind: notify.StepAccepted, Messages: msgs("m4")}).
		add(101, notify.Step{Kind: notify.StepPutOff, Reason: fact.ReasonDigest, Until: explainAt(366)})
	for _, c := range []struct {
		name    string
		steps   timeline
		unbound bool
		state   fact.State
		zh, en  string
	}{
		{"ends, and one that waits", waits, false, "",
			"记录中有 4 条消息：2 条已提醒，1 条已撤回，1 条等待中（离开后已提醒过一次，后面的消息合并提醒）。",
			"Messages on record: 4 (2 notified, 1 recalled, 1 waiting (one notification of this absence has gone out, and later messages are put together))."},
		{"erased", waits.add(102, notify.Step{Kind: notify.StepFinal, State: fact.StateErased}), false, "",
			"记录中有 4 条消息：2 条已提醒，1 条已撤回，1 条数据已清除。", "Messages on record: 4 (2 notified, 1 recalled, 1 erased)."},
		{"corrected", deliveredTimeline().add(120, notify.Step{Kind: notify.StepFinal, Card: "c1-u", State: fact.StateRefused, Reason: fact.ReasonReported}), false, "",
			"记录中有 3 条消息：2 条微信拒收，1 条已撤回。", "Messages on record: 3 (2 refused by WeChat, 1 recalled)."},
		{"no message", deliveredTimeline()[:1], false, "", "记录中没有需要提醒您的消息。", "On record is no message that you would have to be notified of."},
		{"nothing", nil, false, "",
			"没有找到您的提醒记录：可能最近 7 天没有需要提醒您的消息，您还没有登录过小程序，或者查的不是这个环境。",
			"We have no record of notifications for you: nothing came in during the last 7 days, you have never logged in to the mini program, or this is not the right environment."},
		{"not bound", nil, true, fact.StateNotBound,
			"您目前没有在微信里登录小程序（还没有登录过，或者数据已按您的要求清除），所以无法通过微信提醒您；登录一次即可。",
			"You are not logged in to the mini program in WeChat (not yet, or not since your data was erased as you asked), so we cannot notify you there; logging in once is enough."},
	} {
		t.Run(c.name, func(t *testing.T) {
			for lang, want := range map[string]string{"zh": c.zh, "en": c.en} {
				e := explain.Explain(c.steps, explain.Subject{User: "u", Unbound: c.unbound}, lang, explainZone)
				if e.Sentence != want || e.State != c.state || len(e.Steps) != len(c.steps) {
					t.Errorf("got %q, %d steps: %s\nwant %q: %s", e.State, len(e.Steps), e.Sentence, c.state, want)
				}
			}
		})
	}
	// Whoever was erased and logs in no more has a past all the same, while it is kept.
	if e := explain.Explain(waits, explain.Subject{User: "u", Unbound: true}, "zh", nil); e.State != "" || !strings.Contains(e.Sentence, "4 条消息") {
		t.Errorf("unbound with a past: %q, %s", e.State, e.Sentence)
	}
}

// Every kind of step, with all that it may say.
func TestExplainSteps(t *testing.T) {
	for _, c := range []struct {
		step   notify.Step
		zh, en string
	}{
		{notify.Step{Kind: notify.StepAccepted, Messages: msgs("a", "b")}, "收到消息，等待处理（2 条消息）。", "A message came in and waits (2 messages)."},
		{notify.Step{Kind: notify.StepAccepted, Reason: fact.ReasonReplayed}, "收到消息，等待处理（由运维人员重新发起）。", "A message came in and waits (an operator had it announced again)."},
		{notify.Step{Kind: notify.StepAsked, Detail: "push_online"}, "查询 IM：用户不在线，但手机 App 可收到推送。", "IM was asked: the user is offline, and the phone app can be reached by push."},
		{notify.Step{Kind: notify.StepAsked, Detail: "offline"}, "查询 IM：用户不在线。", "IM was asked: the user is offline."},
		{notify.Step{Kind: notify.StepAsked, Detail: "asleep"}, "查询 IM（asleep）。", "IM was asked (asleep)."},
		{notify.Step{Kind: notify.StepPutOff}, "暂不提醒：时机未到。", "Not yet: it is not time."},
		{notify.Step{Kind: notify.StepPutOff, Reason: "moonlight"}, "暂不提醒：moonlight。", "Not yet: moonlight."},
		{notify.Step{Kind: notify.StepPutOff, Reason: fact.ReasonKept, Until: explainAt(24*60*60 - 1), Left: 2, Keep: 3},
			"暂不提醒，5月2日 12:59:59 再看：剩余的授权次数留给以后离开时使用（剩余 2 次，保留 3 次）。",
			"Not before 2 May at 12:59:59: the permits left are kept for later absences (left: 2, kept: 3)."},
		{notify.Step{Kind: notify.StepPutOff, Reason: fact.ReasonBusy, Until: explainAt(0)},
			"暂不提醒，5月1日 13:00:00 再看：另一条提醒正在发送。", "Not before 1 May at 13:00:00: another notification is on its way."},
		{notify.Step{Kind: notify.StepSent, Detail: "refused"}, "微信拒绝：用户没有可用的授权次数。", "WeChat refused: the user has no permit left."},
		{notify.Step{Kind: notify.StepSent, Detail: "43999"}, "微信没有接收提醒（43999）。", "WeChat did not take the notification (43999)."},
		{notify.Step{Kind: notify.StepSettled, Detail: "zeroed"}, "授权次数清零：以微信的记录为准。", "The permits are crossed out: WeChat knows of none."},
		{notify.Step{Kind: notify.StepFinal, State: fact.StateRead, Reason: fact.ReasonOwnReply}, "结束：已读（已在会话里回复）。", "The end: read (a reply was written in the conversation)."},
		{notify.Step{Kind: notify.StepFinal, State: fact.StateFailedIM, Detail: "80001"}, "结束：聊天发送失败（80001）。", "The end: failed in chat (80001)."},
		{notify.Step{Kind: "dreamt", Detail: "of sheep"}, "dreamt（of sheep）。", "dreamt (of sheep)."},
	} {
		c.step.At = explainAt(0)
		for lang, want := range map[string]string{"zh": c.zh, "en": c.en} {
			e := explain.Explain([]notify.Step{c.step}, explain.Subject{User: "u"}, lang, explainZone)
			if got := e.Steps[0].Text; got != want {
				t.Errorf("%+v: got %q, want %q", c.step, got, want)
			}
		}
	}
}

// What a console reads stays as it is.
func TestExplanationJSON(t *testing.T) {
	got, err := json.MarshalIndent(explain.Explain(deliveredTimeline()[5:7], explain.Subject{User: "u", Message: "m3"}, "en", explainZone), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "user": "u",
  "message": "m3",
  "state": "recalled",
  "reason": "",
  "sentence": "The sender took this message back, so no WeChat notification was sent.",
  "steps": [
    {
      "at": "2031-05-01T13:00:04+09:00",
      "kind": "accepted",
      "text": "A message came in and waits.",
      "messages": [
        "m3"
      ]
    },
    {
      "at": "2031-05-01T13:00:05+09:00",
      "kind": "final",
      "text": "The end: recalled.",
      "messages": [
        "m3"
      ]
    }
  ]
}`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	none, err := json.Marshal(explain.Explain(nil, explain.Subject{User: "u", Card: "c-u"}, "en", nil))
	if err != nil || !strings.Contains(string(none), `"steps":[]`) || !strings.Contains(string(none), `"card":"c-u"`) {
		t.Errorf("nothing known: %s, %v", none, err)
	}
}

// Whatever a timeline holds, there is a sentence, and none of it is left to be filled in.
func FuzzExplain(f *testing.F) {
	seed, err := json.Marshal(deliveredTimeline())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, "m1", "en")
	f.Add([]byte(`[{"t":0,"k":"put off","r":"kept","d":"until 99:99:99"},{"t":-1,"k":"final"}]`), "", "zh")
	f.Fuzz(func(t *testing.T, timeline []byte, id, lang string) {
		var steps []notify.Step
		if json.Unmarshal(timeline, &steps) != nil {
			return
		}
		for _, about := range []explain.Subject{{User: "u"}, {User: "u", Message: fact.Identity(id)}, {User: "u", Card: card.ID(id)}} {
			e := explain.Explain(steps, about, lang, nil)
			if e.Sentence == "" || e.Steps == nil {
				t.Errorf("%+v: %+v", about, e)
			}
			if !strings.Contains(string(timeline), "{a}") && strings.Contains(e.Sentence, "{a}") {
				t.Errorf("%+v: %s", about, e.Sentence)
			}
			for _, s := range e.Steps {
				if s.Text == "" {
					t.Errorf("%+v: a step without words", about)
				}
			}
		}
	})
}
