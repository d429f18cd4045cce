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
	"wxnotify/simulator"
)

// firstCard is how long the first card may take.
const firstCard = 20 * time.Second

// Commands are command lines that the reader of the story can continue.
type Commands struct {
	Trigger string
	Explain string
}

// Play plays a short exchange through the functions at base, and then says what can be
// tried with commands. It returns when the exchange is over, or with ctx's error.
func (s *Sim) Play(ctx context.Context, base string, commands Commands) error {
	s.story.add(s.now(), false, s.introduction(base)) // what comes next may be in the same millisecond
	if err := errors.Join(s.world.IM.SetCallbackURL(base+"/imcallback"), s.world.WeChat.SetPushURL(base+"/wechatpush")); err != nil {
		return err
	}
	if err := s.exchange(ctx, base); err != nil {
		return fmt.Errorf("opening exchange: %w", err)
	}
	late := time.NewTimer(firstCard)
	defer late.Stop()
	var over time.Time
	select {
	case over = <-s.told:
	case <-late.C:
		over = s.now()
		s.story.tell(over, line{actor: us, mood: bad, text: "the first card is late; --verbose shows what the functions say"})
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
	from, to := string(s.people[0].user), string(s.people[1].user)
	for i, text := range []string{"Are you there?", "See you at 7!"} {
		if i > 0 && !stopwatch.Sleep(ctx, 150*time.Millisecond) {
			return ctx.Err()
		}
		if _, err := s.world.IM.SendC2C(from, to, simulator.Text(text)); err != nil {
			return err
		}
	}
	return nil
}

// introduction says where one is, and the two things that one has to know.
func (s *Sim) introduction(base string) string {
	paint := s.story.colours.Paint
	usual := notify.DefaultRules()
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", paint(term.Bold, "wxnotify with a simulated WeChat and Tencent IM"))
	fmt.Fprintf(&b, "The functions run as they would on SCF, at %s.\n", base)
	fmt.Fprint(&b, "All data is invented, and nothing leaves this machine. Ctrl-C ends it.\n\n")
	fmt.Fprintf(&b, "A user who taps \"Allow\" in the mini program gives one %s. For it WeChat\n", paint(term.Bold, "permit"))
	fmt.Fprintf(&b, "lets us put one %s on that user's phone, once. So cards go only to users who\n", paint(term.Bold, "card"))
	fmt.Fprint(&b, "are away, and one card tells of all that waits.\n\n")
	fmt.Fprint(&b, "The times of the rules are shorter here, so that you need not wait:\n\n")
	for _, r := range []struct {
		name        string
		here, usual time.Duration
		about       string
	}{
		{"lead", s.rules.Lead, usual.Lead, "a message waits, because more may follow"},
		{"blind window", s.rules.BlindWindow, usual.BlindWindow, "IM may call somebody online who has left"},
		{"grace", s.rules.Grace, usual.Grace, "somebody who left may come back"},
		{"digest", s.rules.DigestSteps[0], usual.DigestSteps[0], "between two cards to somebody who stays away"},
	} {
		fmt.Fprintf(&b, "  %s  %3s %s  %s\n", term.Pad(r.name, 12), seconds(r.here),
			paint(term.Dim, term.Pad("(usually "+seconds(r.usual)+")", 14)), r.about)
	}
	b.WriteByte('\n')
	return b.String()
}

// suggestions says who is where, and what can be done with trigger.
func (s *Sim) suggestions(ctx context.Context, commands Commands) string {
	paint := s.story.colours.Paint
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n", paint(term.Bold, "Your turn"))
	for _, p := range s.people {
		where := "away"
		if p.stays {
			where = "online"
		}
		fmt.Fprintf(&b, "  %s  %-6s  %-10s  %s\n", paint(term.Cyan, string(p.user)), where,
			count(s.permits(ctx, p.openID), "permit"), paint(term.Dim, "openid "+string(p.openID)))
	}
	fmt.Fprint(&b, "\nIn another terminal, in this folder:\n")
	for _, try := range []struct{ about, command string }{
		{fmt.Sprintf("user2 is away and was told: one more card, %s after the first", seconds(s.rules.DigestSteps[0])), "im.message from=user1 to=user2 text=hi"},
		{"user3 is away too, but without a permit: no card", "im.message from=user1 to=user3 text=hi"},
		{"user3 taps \"Allow\"; the next message to user3 gets a card", "wechat.popup openid=" + string(s.people[2].openID)},
		{"user1 is online: no card, because IM itself shows the message", "im.message from=user2 to=user1 text=hi"},
		{fmt.Sprintf("unless user1 leaves within %s, without having read it: one card", seconds(s.rules.BlindWindow)), "im.state user=user1 action=Disconnect"},
		{"or reads it first: no card", "im.read user=user1 peer=user2"},
		{"IM tells the same five times: one card", "im.message --times 5 from=user1 to=user2 text=again"},
		{"it rings at user2: a card at once, and permits are kept for it", "im.call from=user1 to=user2"},
		{"somebody mentions user2 in the group of all three", "im.group group=" + team + " from=user1 at=user2 text=lunch"},
		{"your own backend tells user2 something", "announce.send to=user2 sender=Shop summary=shipped"},
	} {
		fmt.Fprintf(&b, "\n  %s\n  %s %s\n", paint(term.Dim, "# "+try.about), commands.Trigger, try.command)
	}
	fmt.Fprintf(&b, "\n  %s\n  %s --user user2\n", paint(term.Dim, "# why user2 got a card, or none"), commands.Explain)
	fmt.Fprintf(&b, "\nThere is more: %s\n\n", commands.Trigger)
	return b.String()
}

// seconds writes a duration as notify.yml does.
// seconds writes 65s, and 5m for whole minutes from two on.
func seconds(d time.Duration) string {
	if d >= 2*time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%gs", d.Seconds())
}
