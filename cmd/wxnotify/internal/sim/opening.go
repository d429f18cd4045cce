package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/shared/notify"
	"wxnotify/shared/stopwatch"
)

// firstCard is how long the first card may take.
const firstCard = 20 * time.Second

// Commands are command lines that the reader of the story can continue.
type Commands struct {
	Trigger string
	Explain string
	Page    string // where the play page is; empty: nowhere
}

// Play plays a short exchange through the functions at base, and then says what can be
// tried with commands. It returns when the exchange is over, or with ctx's error.
func (s *Sim) Play(ctx context.Context, base string, commands Commands) error {
	s.story.add(s.now(), false, s.introduction(base, commands.Page)) // what comes next may be in the same millisecond
	if err := errors.Join(s.world.IM.SetCallbackURL(base+"/imcallback"), s.world.WeChat.SetPushURL(base+"/wechatpush")); err != nil {
		return err
	}
	if err := s.exchange(ctx, base); err != nil {
		return fmt.Errorf("opening exchange: %w", err)
	}
	s.mu.Lock()
	s.base = base
	s.mu.Unlock()
	late := time.NewTimer(firstCard)
	defer late.Stop()
	var over time.Time
	select {
	case over = <-s.told:
	case <-late.C:
		over = s.now()
		s.story.tell(over, line{actor: us, mood: bad, text: say("the first card is late; --verbose shows what the functions say", "第一条提醒迟迟没有发出；加 --verbose 可以看到函数的日志")})
	case <-ctx.Done():
		return ctx.Err()
	}
	s.story.add(over, true, s.suggestions(ctx, commands))
	return nil
}

// exchange is three people meeting: two of them leave, and one of those is written to.
func (s *Sim) exchange(ctx context.Context, base string) error {
	s.quiet.Store(true)
	for _, p := range s.people {
		if err := s.enter(ctx, base, p); err != nil {
			return err
		}
	}
	s.quiet.Store(false)
	for _, p := range s.people {
		if !p.stays {
			s.world.IM.Kill(string(p.user))
		}
	}
	if err := s.world.Drain(ctx); err != nil {
		return err
	}
	for i, text := range []Words{say("Are you there?", "在吗？"), say("See you at 7!", "晚上七点老地方见！")} {
		if i > 0 && !stopwatch.Sleep(ctx, 150*time.Millisecond) {
			return ctx.Err()
		}
		if err := s.write(s.people[0], Act{Peer: string(s.people[1].user), Text: text.In(s.story.lang)}); err != nil {
			return err
		}
	}
	return nil
}

// introduction says where one is, and the two things that one has to know.
func (s *Sim) introduction(base, page string) string {
	paint := s.story.colours.Paint
	usual := notify.DefaultRules()
	in := func(w Words) string { return w.In(s.story.lang) }
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", paint(term.Bold, in(say("wxnotify with a simulated WeChat and Tencent IM", "wxnotify，带模拟的微信和即时通信 IM"))))
	if page != "" {
		fmt.Fprintf(&b, "%s %s\n", in(say("Play with it in the browser:", "在浏览器里体验：")), paint(term.Bold, page))
	}
	fmt.Fprint(&b, in(say(`The functions run as they would on SCF, at %s.
All data is invented, and nothing leaves this machine. Ctrl-C ends it.

A user who taps "Allow" in the mini program gives one %s. For it WeChat
lets us put one %s on that user's phone, once. So cards go only to users who
are away, and one card tells of all that waits.

The times of the rules are shorter here, so that you need not wait:

`, `函数按 SCF 的方式运行，地址是 %s。
数据都是虚构的，不会离开本机。按 Ctrl-C 结束。

用户在小程序里点一次“允许”，就有一次%s；微信据此允许给他发一条%s。
所以只提醒不在线的用户，一条提醒说完所有等待中的消息。

为了不用等，这里的规则把时间调短了：

`, base, say(paint(term.Bold, "permit"), paint(term.Bold, "授权次数")), say(paint(term.Bold, "card"), paint(term.Bold, "提醒")))))
	for _, r := range []struct {
		name        string
		here, usual time.Duration
		about       Words
	}{
		{"lead", s.rules.Lead, usual.Lead, say("a message waits, because more may follow", "消息先等一等，因为可能还有后续")},
		{"blind window", s.rules.BlindWindow, usual.BlindWindow, say("IM may call somebody online who has left", "用户已离开而 IM 仍显示在线的最长时间")},
		{"grace", s.rules.Grace, usual.Grace, say("somebody who left may come back", "离开的用户可能马上回来")},
		{"digest", s.rules.DigestSteps[0], usual.DigestSteps[0], say("between two cards to somebody who stays away", "用户一直不回来时，两条提醒的间隔")},
	} {
		fmt.Fprintf(&b, "  %s  %3s %s  %s\n", term.Pad(r.name, 12), seconds(r.here),
			paint(term.Dim, term.Pad(in(say("(usually %s)", "（平时 %s）", seconds(r.usual))), 14)), in(r.about))
	}
	b.WriteByte('\n')
	return b.String()
}

// suggestions says who is where, and what can be done with trigger.
func (s *Sim) suggestions(ctx context.Context, commands Commands) string {
	paint := s.story.colours.Paint
	in := func(w Words) string { return w.In(s.story.lang) }
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n", paint(term.Bold, in(say("Your turn", "轮到你了"))))
	for _, p := range s.people {
		where := say("away", "不在线")
		if p.stays {
			where = say("online", "在线")
		}
		fmt.Fprintf(&b, "  %s  %s  %s  %s\n", paint(term.Cyan, string(p.user)), term.Pad(in(where), 6),
			term.Pad(in(permitsLeft(s.permits(ctx, p.openID))), 10), paint(term.Dim, "openid "+string(p.openID)))
	}
	fmt.Fprint(&b, in(say("\nIn another terminal, in this folder:\n", "\n在另一个终端，在这个目录里：\n")))
	for _, try := range s.tries() {
		fmt.Fprintf(&b, "\n  %s\n  %s %s\n", paint(term.Dim, "# "+in(try.about)), commands.Trigger, try.command)
	}
	fmt.Fprintf(&b, "\n  %s\n  %s --user user2\n", paint(term.Dim, "# "+in(say("why user2 got a card, or none", "user2 为什么收到或没有收到提醒"))), commands.Explain)
	fmt.Fprint(&b, in(say("\nThere is more: %s\n", "\n还有更多：%s\n", commands.Trigger)))
	b.WriteByte('\n')
	return b.String()
}

// Ended is said when all has ended.
var Ended = say("Ended, and nothing is left running.", "已结束，没有留下任何进程。")

// A try is something to do with trigger.
type try struct {
	about   Words
	command string
}

func (s *Sim) tries() []try {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []try{
		{say("user2 is away and was told: one more card, %s after the first", "user2 不在线，已提醒过：第一条之后 %s 再发一条", seconds(s.rules.DigestSteps[0])), "im.message from=user1 to=user2 text=hi"},
		{say("user3 is away too, but without a permit: no card", "user3 也不在线，但没有授权次数：不发"), "im.message from=user1 to=user3 text=hi"},
		{say(`user3 taps "Allow"; the next message to user3 gets a card`, "user3 点“允许”；下一条消息就会提醒"), "wechat.popup openid=" + string(s.people[2].openID)},
		{say("user1 is online: no card, because IM itself shows the message", "user1 在线：不发，IM 已经直接显示消息"), "im.message from=user2 to=user1 text=hi"},
		{say("unless user1 leaves within %s, without having read it: one card", "除非 user1 在 %s 内没读就离开：发一条", seconds(s.rules.BlindWindow)), "im.state user=user1 action=Disconnect"},
		{say("or reads it first: no card", "或者先读了：不发"), "im.read user=user1 peer=user2"},
		{say("IM tells the same five times: one card", "IM 把同一条说了五遍：只发一条"), "im.message --times 5 from=user1 to=user2 text=again"},
		{say("it rings at user2: a card at once, and permits are kept for it", "user2 有来电：马上提醒，授权次数也为它留着"), "im.call from=user1 to=user2"},
		{say("somebody mentions user2 in the group of all three", "有人在三个人的群里 @ user2"), "im.group group=" + team + " from=user1 at=user2 text=lunch"},
		{say("your own backend tells user2 something", "你的后端通知 user2 一件事"), "announce.send to=user2 sender=Shop summary=shipped"},
	}
}

// seconds writes 65s, and 5m for whole minutes from two on.
func seconds(d time.Duration) string {
	if d >= 2*time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%gs", d.Seconds())
}
