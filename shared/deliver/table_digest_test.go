package deliver_test

import (
	"time"

	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

func digestRows() []row {
	return []row{
		{rule: "first card after lead, then 5m, 15m, 1h, 4h, 12h, and the last step repeats",
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; asked +20m3s; card 1 +20m3s; asked +1h20m3s; card 1 +1h20m3s; " +
				"asked +5h20m3s; card 1 +5h20m3s; asked +17h20m3s; card 1 +17h20m3s; asked +29h20m3s; card 1 +29h20m3s; a b c d e f g delivered; 1 left",
			play: func(s *stage) {
				s.has(8)
				for _, step := range []struct {
					name string
					then time.Duration
				}{{"a", time.Minute}, {"b", 6 * time.Minute}, {"c", 20 * time.Minute}, {"d", time.Hour}, {"e", 4 * time.Hour}, {"f", 12 * time.Hour}, {"g", 13 * time.Hour}} {
					s.say(step.name)
					s.run(step.then)
				}
			}},
		{rule: "later notices are merged", want: "asked +3s; card 1 +3s; asked +5m3s; card 3 +5m3s; a b c d delivered; 1 left", play: func(s *stage) {
			s.has(3)
			s.say("a")
			s.run(time.Minute)
			s.say("b", "c")
			s.run(time.Minute)
			s.say("d")
			s.run(time.Hour)
		}},
		{rule: "no more than 100 on one card", want: "asked +3s; card 100 +3s; asked +3s +5m3s; card 20 +5m3s; 1 left", play: func(s *stage) {
			s.onRedis()
			s.has(3)
			for i := range 120 {
				_, err := s.im.SendC2C([]string{"anna", "carol"}[i%2], tom, simulator.Text("hi"))
				s.must(err)
			}
			s.run(time.Hour)
		}},
		{rule: "only while more permits are left than keep_for_first", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(30 * time.Minute)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; asked +20m3s; kept +20m3s; a delivered; b waits; 1 left"},
		{rule: "what waits behind a kept permit: read", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(10 * time.Minute)
			s.im.Read(tom, "anna")
			s.run(time.Hour)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; a delivered; b read (read_report); 1 left"},
		{rule: "what waits behind a kept permit: came online", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(9 * time.Minute)
			s.in()
			s.run(time.Hour)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; asked +11m5s; a delivered; b came online (online); 1 left"},
		{rule: "what waits behind a kept permit: expired", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(30 * time.Hour)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; asked +20m3s; kept +20m3s; asked +1h20m3s; kept +1h20m3s; " +
			"asked +5h20m3s; kept +5h20m3s; asked +17h20m3s; kept +17h20m3s; asked +29h20m3s; a delivered; b expired; 1 left"},
		{rule: "a grant while it waits behind a kept permit lets the next step go", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(9 * time.Minute)
			s.has(2)
			s.run(time.Hour)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; asked +20m3s; card 1 +20m3s; a b delivered; 2 left"},
		{rule: "Login starts anew", want: "asked +3s; card 1 +3s; asked +1m13s; card 1 +1m13s; a b delivered; 0 left", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.in()
			s.run(5 * time.Second)
			s.im.Kill(tom)
			s.run(5 * time.Second)
			s.say("b")
			s.run(time.Hour)
		}},
		{rule: "reading any conversation starts anew", want: "asked +3s; card 1 +3s; asked +1m3s; card 1 +1m3s; a b delivered; 0 left", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.im.Read(tom, "anna")
			s.say("b")
			s.run(time.Hour)
		}},
		{rule: "before a digest one unread query drops what was read on a device that reports nothing",
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; a delivered; b read (unread_none); c delivered; 1 left", play: func(s *stage) {
				s.has(3)
				s.im.Switch(readReport, false)
				s.say("a")
				s.run(time.Minute)
				s.say("b")
				s.sayFrom("bert", "c")
				s.im.Read(tom, "anna")
				s.run(time.Hour)
			}},
		{rule: "all of it read there: no card", want: "asked +3s; card 1 +3s; asked +5m3s; a delivered; b read (unread_none); 2 left", play: func(s *stage) {
			s.has(3)
			s.im.Switch(readReport, false)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.im.Read(tom, "anna")
			s.run(time.Hour)
		}},
		{rule: "a digest has its own template, if there is one, and keeps nothing back", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindDigest)
			s.has(1)
			s.must(s.wx.Subscribe("o-tom", "digest", 1))
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(time.Hour)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; digest card 1 +5m3s; a b delivered; 0 left; 0 digest left"},
		{rule: "a digest whose own template has no permit goes out on that of messages, and keeps what digests keep", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindDigest)
			s.has(3)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(10 * time.Minute)
			s.say("c")
			s.run(10 * time.Minute)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; asked +20m3s; kept +20m3s; a b delivered; c waits; 1 left; 0 digest left"},
		{rule: "so does one for whose own template WeChat has no permit", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindDigest)
			s.has(3)
			s.accept(notify.Fact{Grant: &notify.Grant{ID: "drift", OpenID: "o-tom", Source: notify.GrantReport, At: s.clock.Now(), Templates: []notify.TemplateID{"digest"}}})
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(10 * time.Minute)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; digest card 1: 43101 +5m3s; asked +5m3s; card 1 +5m3s; a b delivered; 1 left; 0 digest left, drift 1"},
		{rule: "and a call", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindCall)
			s.has(1)
			s.ring("call", false)
			s.run(time.Minute)
		}, want: "asked +0s; card 1 +0s; call delivered; 0 left; 0 call left"},
		{rule: "a call in an absence in which they were told keeps what a digest keeps", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindCall)
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.ring("call", false)
			s.run(time.Minute)
		}, want: "asked +3s; card 1 +3s; asked +1m; kept +1m; a delivered; call ended (timed_out); 1 left; 0 call left"},
		{rule: "and a mention", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindMention)
			s.has(1)
			s.group(simulator.GroupWork, "a", tom)
			s.run(time.Minute)
		}, want: "asked +3s; card 1 +3s; a delivered; 0 left; 0 mention left"},
		{rule: "and a missed call", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindMissedCall)
			s.has(1)
			s.in()
			s.ring("call", false)
			s.run(40 * time.Second)
			s.im.Kill(tom)
			s.run(2 * time.Minute)
		}, want: "asked 6x +0s to +25s; asked +45s; card 1 +45s; call delivered; 0 left; 0 missed_call left"},
		{rule: "but not an announcement: its fields are its own", play: func(s *stage) {
			s.templates(notify.KindMessage, "order")
			s.has(1)
			s.named("order", "order")
			s.accept(notify.Fact{Message: &notify.Message{ID: "order", Kind: "order", To: tom, SentAt: s.clock.Now(), Announcement: &notify.Announcement{}}})
			s.run(time.Minute)
		}, want: "asked +0s; order no permit; 1 left; 0 order left"},
		{rule: "while WeChat refuses the template of messages it waits for it", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindCall)
			s.has(2)
			s.must(s.wx.BanTemplate("message", true))
			s.say("a")
			s.run(time.Minute)
			s.ring("call", false)
			s.run(time.Minute)
		}, want: "asked +3s; card 1: 43107 +3s; operator +3s; asked +1m; operator +1m; a waits; call ended (timed_out); 2 left; 0 call left; alert (template)"},
		{rule: "but not with fallback_to_message: false", play: func(s *stage) {
			s.rules(func(r *notify.Rules) { r.FallbackToMessage = false })
			s.templates(notify.KindMessage, notify.KindDigest)
			s.has(3)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(10 * time.Minute)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; a delivered; b no permit; 2 left; 0 digest left"},
		{rule: "keep_learning: before he has granted twice nobody knows what he needs, and more is kept", play: func(s *stage) {
			s.rules(func(r *notify.Rules) { r.KeepLearning = true })
			s.has(3)
			s.say("a")
			s.run(time.Minute)
			s.say("b")
			s.run(10 * time.Minute)
		}, want: "asked +3s; card 1 +3s; asked +5m3s; kept +5m3s; a delivered; b waits; 2 left"},
		{rule: "a call may be the first card of an absence", want: "asked +0s; card 1 +0s; asked +5m; card 1 +5m; call a delivered; 1 left", play: func(s *stage) {
			s.has(3)
			s.ring("call", false)
			s.run(time.Minute)
			s.say("a")
			s.run(time.Hour)
		}},
		{rule: "a call in an absence in which he was told waits for no step", want: "asked +3s; card 1 +3s; asked +1m; card 1 +1m; a call delivered; 1 left", play: func(s *stage) {
			s.has(3)
			s.say("a")
			s.run(time.Minute)
			s.ring("call", false)
			s.run(time.Hour)
		}},
		{rule: "but it leaves what a digest leaves (calls: keep)", want: "asked +3s; card 1 +3s; asked +1m; kept +1m; a delivered; call ended (timed_out); 1 left", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.ring("call", false)
			s.run(time.Hour)
		}},
		{rule: "a call that was kept back moves no step", want: "asked +3s; card 1 +3s; asked +1m; kept +1m; asked +5m3s; card 1 +5m3s; a delivered; call ended (timed_out); b delivered; 2 left", play: func(s *stage) {
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.ring("call", false)
			s.run(time.Minute)
			s.say("b")
			s.has(2)
			s.run(time.Hour)
		}},
		{rule: "or not (calls: always)", want: "asked +3s; card 1 +3s; asked +1m; card 1 +1m; a call delivered; 0 left", play: func(s *stage) {
			s.rules(func(r *notify.Rules) { r.Calls = notify.CallsAlways })
			s.has(2)
			s.say("a")
			s.run(time.Minute)
			s.ring("call", false)
			s.run(time.Hour)
		}},
	}
}

func silenceRows() []row {
	quiet := func(s *stage) { s.rules(func(r *notify.Rules) { r.QuietHours = "19:00-21:30" }) }
	prefer := func(s *stage, p notify.Preferences) { s.must(s.store.SetPreferences(s.t.Context(), tom, p)) }
	says := func(preview notify.Preview, want string) func(s *stage) {
		return func(s *stage) {
			s.rules(func(r *notify.Rules) { r.Preview = preview })
			s.has(1)
			s.say("a")
			s.run(time.Minute)
			if len(s.cards) == 1 {
				if got := s.cards[0].Data["thing1"] + " | " + s.cards[0].Data["thing2"]; got != want {
					s.t.Errorf("the card says %q, want %q", got, want)
				}
			}
		}
	}
	const one = "asked +3s; card 1 +3s; a delivered; 0 left"
	return []row{
		{rule: "quiet hours defer into the digest", want: "asked +3s; quiet_hours +3s; asked +1h0m3s; quiet_hours +1h0m3s; asked +1h30m; card 2 +1h30m; a b delivered; 0 left", play: func(s *stage) {
			quiet(s)
			s.has(1)
			s.say("a")
			s.run(time.Hour)
			s.say("b")
			s.run(time.Hour)
		}},
		{rule: "quiet hours: calls excepted", want: "asked +0s; card 1 +0s; call delivered; 0 left", play: func(s *stage) {
			quiet(s)
			s.has(1)
			s.ring("call", false)
			s.run(time.Minute)
		}},
		{rule: "the user's own quiet hours", want: "asked +3s; quiet_hours +3s; asked +1h; card 1 +1h; a delivered; 0 left", play: func(s *stage) {
			prefer(s, notify.Preferences{QuietHours: "18:00-21:00"})
			s.has(1)
			s.say("a")
			s.run(2 * time.Hour)
		}},
		{rule: "the user ends quiet hours early", want: "asked +3s; quiet_hours +3s; asked +10m; card 1 +10m; a delivered; 0 left", play: func(s *stage) {
			prefer(s, notify.Preferences{QuietHours: "18:00-07:00"})
			s.has(1)
			s.say("a")
			s.run(10 * time.Minute)
			prefer(s, notify.Preferences{})
			s.run(time.Minute)
		}},
		{rule: "quiet hours longer than the time to live: expired", want: "asked +3s; quiet_hours +3s; asked +1h30m; a expired; 1 left", play: func(s *stage) {
			quiet(s)
			s.rules(func(r *notify.Rules) { r.TTL = time.Hour })
			s.has(1)
			s.say("a")
			s.run(2 * time.Hour)
		}},
		{rule: "time to live: 24 h from MsgTime", want: "a expired; 1 left", play: func(s *stage) {
			s.has(1)
			s.sim.Faults.Next("callback:"+afterC2C, 1, simulator.Delay(24*time.Hour))
			s.say("a")
			s.run(25 * time.Hour)
		}},
		{rule: "time to live: short of it", want: "asked +23h59m33s; card 1 +23h59m33s; a delivered; 0 left", play: func(s *stage) {
			s.has(1)
			s.sim.Faults.Next("callback:"+afterC2C, 1, simulator.Delay(24*time.Hour-30*time.Second))
			s.say("a")
			s.run(25 * time.Hour)
		}},
		{rule: "time to live: over while IM is silent", want: "asked 13x +3s to +1m3s; a expired; 1 left", play: func(s *stage) {
			s.rules(func(r *notify.Rules) { r.TTL = time.Minute })
			s.has(1)
			s.silent = true
			s.say("a")
			s.run(5 * time.Minute)
		}},
		{rule: "preview: none", want: one, play: says(notify.PreviewNone, "好友 | 您有新消息")},
		{rule: "preview: sender", want: one, play: says(notify.PreviewSender, "Anna | 给您发来一条新消息")},
		{rule: "preview: text", want: one, play: says(notify.PreviewText, "Anna | hi")},
		{rule: "a name that cannot be looked up: a neutral word", want: one, play: func(s *stage) {
			s.sim.Faults.Always("/v4/profile/portrait_get", simulator.Code(40006))
			says(notify.PreviewSender, "好友 | 给您发来一条新消息")(s)
		}},
		{rule: "the user has switched notices off", want: "a call muted (muted_all); 1 left", play: func(s *stage) {
			prefer(s, notify.Preferences{Muted: true})
			s.has(1)
			s.say("a")
			s.ring("call", false)
			s.run(time.Minute)
		}},
		{rule: "switched off while it waits", want: "a muted (muted_all); 1 left", play: func(s *stage) {
			s.has(1)
			s.say("a")
			prefer(s, notify.Preferences{Muted: true})
			s.run(time.Minute)
		}},
		{rule: "the user has muted a conversation", want: "asked +3s; card 1 +3s; a muted (muted_peer); b delivered; 0 left", play: func(s *stage) {
			prefer(s, notify.Preferences{MutedPeers: []string{"anna"}})
			s.has(1)
			s.say("a")
			s.sayFrom("bert", "b")
			s.run(time.Minute)
		}},
		{rule: "the user has muted a group", want: "a muted (muted_peer); 1 left", play: func(s *stage) {
			prefer(s, notify.Preferences{MutedPeers: []string{"g1"}})
			s.has(1)
			s.group(simulator.GroupWork, "a", tom)
			s.run(time.Minute)
		}},
	}
}
