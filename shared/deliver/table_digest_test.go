package deliver_test

import (
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

func digestRows() []row {
	return []row{
		{rule: "first card after lead, then 5m, 15m, 1h, 4h, 12h, and the last step repeats", has: 8,
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; asked +20m3s; card 1 +20m3s; asked +1h20m3s; card 1 +1h20m3s; " +
				"asked +5h20m3s; card 1 +5h20m3s; asked +17h20m3s; card 1 +17h20m3s; asked +29h20m3s; card 1 +29h20m3s; a b c d e f g delivered; 1 left",
			do: func(s *system) {
				for i, then := range []time.Duration{time.Minute, 6 * time.Minute, 20 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 13 * time.Hour} {
					s.say(string("abcdefg"[i]))
					s.run(then)
				}
			}},
		{rule: "later notices are merged", has: 3, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; card 3 +5m3s; a b c d delivered; 1 left", do: func(s *system) {
				s.told("a")
				s.say("b", "c")
				s.run(time.Minute)
				s.say("d")
			}},
		{rule: "no more than 100 on one card, nor than 80 of one sender waiting: of what is too much one is noted", has: none,
			want: "asked +3s; card 100 +3s; asked +3s +5m3s; card 60 +5m3s; 1 left",
			do: func(s *system) {
				s.onRedis()
				s.has(3)
				for i := range 166 {
					_, err := s.im.SendC2C([]string{"anna", "carol"}[i%2], tom, simulator.Text("hi"))
					s.t.Must(err)
				}
				s.run(time.Hour)
				counts, err := s.store.Counts(s.t.Context())
				s.t.Must(err)
				if noted := strings.Count(s.timeline(), "crowded"); counts[fact.StateNotCounted] != 6 || noted != 1 {
					s.t.Errorf("messages ended %v; %d too many are noted", counts, noted)
				}
			}},
		{rule: "only while more permits are left than keep_for_first", has: 2, then: 30 * time.Minute,
			want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; asked +20m3s; kept +20m3s; a delivered; b waits; 1 left",
			do: func(s *system) {
				s.told("a")
				s.say("b")
			}},
		{rule: "what waits behind a kept permit: read", has: 2, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; a delivered; b read (read_report); 1 left", do: func(s *system) {
				s.told("a")
				s.say("b")
				s.run(10 * time.Minute)
				s.im.Read(tom, "anna")
			}},
		{rule: "what waits behind a kept permit: came online", has: 2, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; asked +11m5s; a delivered; b came online (online); 1 left",
			do: func(s *system) {
				s.told("a")
				s.say("b")
				s.run(9 * time.Minute)
				s.in()
			}},
		{rule: "what waits behind a kept permit: expired", has: 2, then: 30 * time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; asked +20m3s; kept +20m3s; asked +1h20m3s; kept +1h20m3s; " +
				"asked +5h20m3s; kept +5h20m3s; asked +17h20m3s; kept +17h20m3s; asked +29h20m3s; a delivered; b expired; 1 left",
			do: func(s *system) {
				s.told("a")
				s.say("b")
			}},
		{rule: "a grant while it waits behind a kept permit lets the next step go", has: 2, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; asked +20m3s; card 1 +20m3s; a b delivered; 2 left", do: func(s *system) {
				s.told("a")
				s.say("b")
				s.run(9 * time.Minute)
				s.has(2)
			}},
		{rule: "Login starts anew", has: 2, then: time.Hour, want: "asked +3s; card 1 +3s; asked +1m13s; card 1 +1m13s; a b delivered; 0 left",
			do: func(s *system) {
				s.told("a")
				s.in()
				s.run(5 * time.Second)
				s.im.Kill(tom)
				s.run(5 * time.Second)
				s.say("b")
			}},
		{rule: "reading any conversation starts anew", has: 2, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +1m3s; card 1 +1m3s; a b delivered; 0 left", do: func(s *system) {
				s.told("a")
				s.im.Read(tom, "anna")
				s.say("b")
			}},
		{rule: "before a digest one unread query drops what was read on a device that reports nothing", has: 3, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; a delivered; b read (unread_none); c delivered; 1 left",
			do: func(s *system) {
				s.im.Switch(readReport, false)
				s.told("a")
				s.say("b")
				s.sayFrom("bert", "c")
				s.im.Read(tom, "anna")
			}},
		{rule: "all of it read there: no card", has: 3, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; a delivered; b read (unread_none); 2 left", do: func(s *system) {
				s.im.Switch(readReport, false)
				s.told("a")
				s.say("b")
				s.im.Read(tom, "anna")
			}},
		{rule: "what IM cannot say may be unread", has: 3, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; a b delivered; 1 left", do: func(s *system) {
				s.im.Switch(readReport, false)
				s.told("a")
				s.sim.Faults.Always(pathUnread, simulator.Code(60003))
				s.say("b")
				s.im.Read(tom, "anna")
			}},
		{rule: "IM does not count what was said in a group", has: 3, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; a delivered; b read (unread_none); c delivered; 1 left", do: func(s *system) {
				s.im.Switch(readReport, false)
				s.told("a")
				s.say("b")
				s.group(simulator.GroupWork, "c", tom)
				s.im.Read(tom, "anna")
			}},
		{rule: "nor, by itself, what was said by somebody who is erased: unread, while anything is", has: 3, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; a b delivered; 1 left", do: func(s *system) {
				s.bind("anna")
				s.told("a")
				s.say("b")
				s.t.Must(s.store.EraseUser(s.t.Context(), "anna"))
				s.run(time.Hour)
				if c := s.cards[1]; c.Data["thing1"] != "好友" || c.Page != "p" {
					s.t.Errorf("the card names %q, and opens %q", c.Data["thing1"], c.Page)
				}
			}},
		{rule: "the oldest go first, by MsgTime and then MsgSeq; what does not fit waits for the next step", has: 3, then: 10 * time.Second,
			want: "asked +3s; card 3 +3s; asked +3s; 4.1 waits; 2.9 1.5 2.8 delivered; 3.1 waits; 2 left", do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.DigestMax = 3 })
				for _, m := range []struct {
					name   string
					second int
					seq    uint32
				}{{"4.1", 4, 1}, {"2.9", 2, 9}, {"1.5", 1, 5}, {"2.8", 2, 8}, {"3.1", 3, 1}} {
					s.accept(fact.Fact{Message: &fact.Message{ID: fact.MessageID(m.name), From: "anna", To: tom, Seq: m.seq,
						SentAt: s.begin.Add(time.Duration(m.second-10) * time.Second)}})
					s.named(fact.MessageID(m.name), m.name)
				}
			}},
		{rule: "announcements go one to a card, at once, and leave what came in meanwhile to its step", has: 9, then: 10 * time.Minute,
			want: "asked +3s; card 1 +3s; asked +1m; card 1 +1m; asked +1m; card 1 +1m; asked +1m +5m3s; card 1 +5m3s; a order1 order2 b delivered; 5 left",
			do: func(s *system) {
				s.told("a")
				for _, id := range []fact.MessageID{"order1", "order2"} {
					s.named(id, string(id))
					s.accept(fact.Fact{Message: &fact.Message{ID: id, Kind: "order", To: tom, SentAt: s.clock.Now(), Announcement: &fact.Announcement{}}})
				}
				s.whenAsked(func() { s.say("b") })
			}},
		{rule: "a digest has its own template, if there is one, and keeps nothing back", then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; digest card 1 +5m3s; a b delivered; 0 left; 0 digest left", do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindDigest)
				s.t.Must(s.wx.Subscribe("o-tom", "digest", 1))
				s.told("a")
				s.say("b")
			}},
		{rule: "a digest whose own template has no permit goes out on that of messages, and keeps what digests keep", has: 3, then: 10 * time.Minute,
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; asked +20m3s; kept +20m3s; a b delivered; c waits; 1 left; 0 digest left",
			do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindDigest)
				s.told("a")
				s.say("b")
				s.run(10 * time.Minute)
				s.say("c")
			}},
		{rule: "so does one for whose own template WeChat has no permit", has: 3, then: 10 * time.Minute,
			want: "asked +3s; card 1 +3s; asked +5m3s; digest card 1: 43101 +5m3s; asked +5m3s; card 1 +5m3s; a b delivered; 1 left; 0 digest left, drift 1",
			do:   digestWithDrift},
		{rule: "also if the run that heard so ended before it wrote that down", has: 3,
			want: "asked +3s; card 1 +3s; asked +5m3s; digest card 1: 43101 +5m3s; asked +8m; card 1 +8m; a b delivered; 1 left; 0 digest left, drift 1; alert (store)",
			do: func(s *system) {
				digestWithDrift(s)
				fault, _ := once("finish", 1, loses)
				s.intercept(fault)
				s.run(7 * time.Minute)
			}},
		{rule: "and a call", want: "asked +0s; card 1 +0s; call delivered; 0 left; 0 call left", do: func(s *system) {
			s.templates(fact.KindMessage, fact.KindCall)
			s.ring("call", false)
		}},
		{rule: "a call in an absence in which they were told keeps what a digest keeps", has: 2,
			want: "asked +3s; card 1 +3s; asked +1m; kept +1m; a delivered; call ended (timed_out); 1 left; 0 call left", do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindCall)
				s.told("a")
				s.ring("call", false)
			}},
		{rule: "and a mention", want: "asked +3s; card 1 +3s; a delivered; 0 left; 0 mention left", do: func(s *system) {
			s.templates(fact.KindMessage, fact.KindMention)
			s.group(simulator.GroupWork, "a", tom)
		}},
		{rule: "and a missed call", then: 2 * time.Minute,
			want: "asked 6x +0s to +25s; asked +45s; card 1 +45s; call delivered; 0 left; 0 missed_call left", do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindMissedCall)
				s.in()
				s.ring("call", false)
				s.run(40 * time.Second)
				s.im.Kill(tom)
			}},
		{rule: "but not an announcement: its fields are its own", want: "asked +0s; order no permit; 1 left; 0 order left", do: func(s *system) {
			s.templates(fact.KindMessage, "order")
			s.named("order", "order")
			s.accept(fact.Fact{Message: &fact.Message{ID: "order", Kind: "order", To: tom, SentAt: s.clock.Now(), Announcement: &fact.Announcement{}}})
		}},
		{rule: "while WeChat refuses the template of messages it waits for it", has: 2,
			want: "asked +3s; card 1: 43107 +3s; operator +3s; asked +1m; operator +1m; a waits; call ended (timed_out); 2 left; 0 call left; alert (template)",
			do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindCall)
				s.t.Must(s.wx.BanTemplate("message", true))
				s.told("a")
				s.ring("call", false)
			}},
		{rule: "but not with fallback_to_message: false", has: 3, then: 10 * time.Minute,
			want: "asked +3s; card 1 +3s; asked +5m3s; a delivered; b no permit; 2 left; 0 digest left", do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.FallbackToMessage = false })
				s.templates(fact.KindMessage, fact.KindDigest)
				s.told("a")
				s.say("b")
			}},
		{rule: "keep_learning: before two grants nobody knows what is needed, and more is kept", has: 3, then: 10 * time.Minute,
			want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; a delivered; b waits; 2 left", do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.KeepLearning = true })
				s.told("a")
				s.say("b")
			}},
		{rule: "a call may be the first card of an absence", has: 3, then: time.Hour,
			want: "asked +0s; card 1 +0s; asked +5m; card 1 +5m; call a delivered; 1 left", do: func(s *system) {
				s.ring("call", false)
				s.run(time.Minute)
				s.say("a")
			}},
		{rule: "a call in an absence in which they were told waits for no step", has: 3, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +1m; card 1 +1m; a call delivered; 1 left", do: func(s *system) {
				s.told("a")
				s.ring("call", false)
			}},
		{rule: "but it leaves what a digest leaves (calls: keep)", has: 2, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +1m; kept +1m; a delivered; call ended (timed_out); 1 left", do: func(s *system) {
				s.told("a")
				s.ring("call", false)
			}},
		{rule: "a call that was kept back moves no step", has: 2, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +1m; kept +1m; asked +5m3s; card 1 +5m3s; a delivered; call ended (timed_out); b delivered; 2 left",
			do: func(s *system) {
				s.told("a")
				s.ring("call", false)
				s.run(time.Minute)
				s.say("b")
				s.has(2)
			}},
		{rule: "or not (calls: always)", has: 2, then: time.Hour, want: "asked +3s; card 1 +3s; asked +1m; card 1 +1m; a call delivered; 0 left",
			do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.Calls = notify.CallsAlways })
				s.told("a")
				s.ring("call", false)
			}},
	}
}

func silenceRows() []row {
	quiet := func(s *system) { s.rules(func(r *notify.Rules) { r.QuietHours = "19:00-21:30" }) }
	prefer := func(s *system, p notify.Preferences) { s.t.Must(s.store.SetPreferences(s.t.Context(), tom, p)) }
	says := func(preview card.Preview, want string) func(s *system) {
		return func(s *system) {
			s.rules(func(r *notify.Rules) { r.Preview = preview })
			s.told("a")
			if len(s.cards) == 1 {
				if got := s.cards[0].Data["thing1"] + " | " + s.cards[0].Data["thing2"]; got != want {
					s.t.Errorf("the card says %q, want %q", got, want)
				}
			}
		}
	}
	const one = "asked +3s; card 1 +3s; a delivered; 0 left"
	return []row{
		{rule: "quiet hours defer into the digest", then: time.Hour,
			want: "asked +3s; quiet_hours +3s; asked +1h0m3s; quiet_hours +1h0m3s; asked +1h30m; card 2 +1h30m; a b delivered; 0 left",
			do: func(s *system) {
				quiet(s)
				s.say("a")
				s.run(time.Hour)
				s.say("b")
			}},
		{rule: "quiet hours: calls excepted", want: "asked +0s; card 1 +0s; call delivered; 0 left", do: func(s *system) {
			quiet(s)
			s.ring("call", false)
		}},
		{rule: "the user's own quiet hours", then: 2 * time.Hour, want: "asked +3s; quiet_hours +3s; asked +1h; card 1 +1h; a delivered; 0 left",
			do: func(s *system) {
				prefer(s, notify.Preferences{QuietHours: "18:00-21:00"})
				s.say("a")
			}},
		{rule: "quiet hours that make no sense are none", want: one, do: func(s *system) {
			prefer(s, notify.Preferences{QuietHours: "25:00-07:00"})
			s.say("a")
		}},
		{rule: "the user ends quiet hours early", want: "asked +3s; quiet_hours +3s; asked +10m; card 1 +10m; a delivered; 0 left",
			do: func(s *system) {
				prefer(s, notify.Preferences{QuietHours: "18:00-07:00"})
				s.say("a")
				s.run(10 * time.Minute)
				prefer(s, notify.Preferences{})
			}},
		{rule: "quiet hours longer than the time to live: expired", then: 2 * time.Hour,
			want: "asked +3s; quiet_hours +3s; asked +1h30m; a expired; 1 left", do: func(s *system) {
				quiet(s)
				s.rules(func(r *notify.Rules) { r.TTL = time.Hour })
				s.say("a")
			}},
		{rule: "time to live: 24 h from MsgTime", then: 25 * time.Hour, want: "a expired; 1 left", do: func(s *system) {
			s.sim.Faults.Next("callback:"+afterC2C, 1, simulator.Delay(24*time.Hour))
			s.say("a")
		}},
		{rule: "time to live: short of it", then: 25 * time.Hour, want: "asked +23h59m33s; card 1 +23h59m33s; a delivered; 0 left",
			do: func(s *system) {
				s.sim.Faults.Next("callback:"+afterC2C, 1, simulator.Delay(24*time.Hour-30*time.Second))
				s.say("a")
			}},
		{rule: "time to live: over while IM is silent", then: 5 * time.Minute,
			want: "asked 13x +3s to +1m3s; a expired; 1 left", do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.TTL = time.Minute })
				s.silent = true
				s.say("a")
			}},
		{rule: "preview: none", want: one, do: says(card.PreviewNone, "好友 | 您有新消息")},
		{rule: "preview: sender", want: one, do: says(card.PreviewSender, "Anna | 给您发来一条新消息")},
		{rule: "preview: text", want: one, do: says(card.PreviewText, "Anna | hi")},
		{rule: "a name that cannot be looked up: a neutral word", want: one, do: func(s *system) {
			s.sim.Faults.Always("/v4/profile/portrait_get", simulator.Code(40006))
			says(card.PreviewSender, "好友 | 给您发来一条新消息")(s)
		}},
		{rule: "the user has switched notices off", want: "a call muted (muted_all); 1 left", do: func(s *system) {
			prefer(s, notify.Preferences{Muted: true})
			s.say("a")
			s.ring("call", false)
		}},
		{rule: "switched off while it waits", want: "a muted (muted_all); 1 left", do: func(s *system) {
			s.say("a")
			prefer(s, notify.Preferences{Muted: true})
		}},
		{rule: "the user has muted a conversation", want: "asked +3s; card 1 +3s; a muted (muted_peer); b delivered; 0 left", do: func(s *system) {
			prefer(s, notify.Preferences{MutedPeers: []string{"anna"}})
			s.say("a")
			s.sayFrom("bert", "b")
		}},
		{rule: "the user has muted a group", want: "a muted (muted_peer); 1 left", do: func(s *system) {
			prefer(s, notify.Preferences{MutedPeers: []string{"g1"}})
			s.group(simulator.GroupWork, "a", tom)
		}},
	}
}

// digestWithDrift has a digest be due, on a template of which only our ledger has a permit.
func digestWithDrift(s *system) {
	s.templates(fact.KindMessage, fact.KindDigest)
	s.accept(fact.Fact{Grant: &fact.Grant{ID: "drift", OpenID: "o-tom", Source: fact.GrantReport, At: s.clock.Now(),
		Templates: []fact.TemplateID{"digest"}}})
	s.told("a")
	s.say("b")
}
