package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wxnotify/shared/fact"
	"wxnotify/simulator"
)

// Limits of what can be typed, in characters.
const (
	maxText = 500
	maxNick = 32
)

// An Act is something that a person does, or that is done to the platforms. Do says what; the rest is
// for those acts that need it.
type Act struct {
	Do   string `json:"do"`
	User string `json:"user"` // who does it
	// Peer or Group is the conversation.
	Peer  string   `json:"peer"`
	Group string   `json:"group"`
	Text  string   `json:"text"`
	Image bool     `json:"image"` // a picture instead of Text
	At    []string `json:"at"`    // who is mentioned; "*" is everybody
	ID    string   `json:"id"`    // of a message or a call
	// Allow and Keep are what the subscribe dialog says.
	Allow bool   `json:"allow"`
	Keep  bool   `json:"keep"`
	On    bool   `json:"on"` // of a switch
	Fault string `json:"fault"`
	Rules *Rules `json:"rules"`
}

// A Refusal is why something cannot be done, for the person who tried.
type Refusal struct{ Words }

func (r Refusal) Error() string { return r.English }

func refused(english, chinese string, args ...any) error {
	return Refusal{say(english, chinese, args...)}
}

var (
	errTooEarly = refused("the opening exchange is not over yet: try again in a moment", "开场还没有结束：请稍后再试")
	errAway     = refused("open the mini program first", "请先打开小程序")
	errNothing  = refused("write something first", "请先输入内容")
	errUnknown  = refused("there is no such message", "没有这条消息")
)

// Act does a. The error is a Refusal if a cannot be done as things are.
func (s *Sim) Act(ctx context.Context, a Act) error {
	s.mu.Lock()
	ready := s.base != ""
	s.mu.Unlock()
	if !ready {
		return errTooEarly
	}
	if do, ok := s.actsOnPlatforms()[a.Do]; ok {
		return do(a)
	}
	i := slices.IndexFunc(s.people, func(p *person) bool { return string(p.user) == a.User })
	do, ok := s.actsOfPeople()[a.Do]
	if i < 0 || !ok {
		return refused("nobody can do that: %q by %q", "没有这个操作：%q，由 %q", a.Do, a.User)
	}
	p := s.people[i]
	if do.inChat && s.whereIs(p) != InChat {
		return errAway
	}
	return platformError(do.do(ctx, p, a))
}

// platformError lets a code of IM be read by the person who sees it.
func platformError(err error) error {
	var e *simulator.Error
	if errors.As(err, &e) {
		return refused("IM refuses: code %d, %s", "IM 拒绝：错误码 %d，%s", e.Code, e.Text)
	}
	return err
}

// A doing is how a person does something.
type doing struct {
	inChat bool // only in the mini program
	do     func(context.Context, *person, Act) error
}

func (s *Sim) actsOfPeople() map[string]doing {
	im := s.world.IM
	leaving := s.world.Config().IM.Leaving
	leave := func(how func(string, ...simulator.Platform), text Words) doing {
		return doing{true, func(_ context.Context, p *person, _ Act) error {
			s.act(s.now(), p, text, "")
			how(string(p.user))
			return nil
		}}
	}
	return map[string]doing{
		"open":       {false, func(ctx context.Context, p *person, _ Act) error { return s.open(ctx, p) }},
		"close":      leave(im.Close, say("closes the mini program: IM notices within %s", "关闭小程序：IM 在 %s 内察觉", seconds(leaving.Close))),
		"background": leave(im.Background, say("sends WeChat to the background: IM notices after %s", "微信切到后台：IM 在 %s 后察觉", seconds(leaving.Background))),
		"lose":       leave(im.LoseNetwork, say("loses the network: IM notices after %s", "手机断网：IM 在 %s 后察觉", seconds(leaving.Network))),
		"send":       {true, func(_ context.Context, p *person, a Act) error { return s.write(p, a) }},
		"recall":     {true, func(_ context.Context, p *person, a Act) error { return s.recall(p, a.ID) }},
		"read":       {true, func(_ context.Context, p *person, a Act) error { return s.read(p, a) }},
		"call":       {true, func(_ context.Context, p *person, a Act) error { return s.call(p, a.Peer) }},
		"answer":     {true, func(_ context.Context, p *person, a Act) error { return s.answer(p, a.ID) }},
		"hangup":     {true, func(_ context.Context, p *person, a Act) error { return s.hangUp(p, a.ID) }},
		"subscribe":  {true, s.tap},
		"main":       {false, func(_ context.Context, p *person, a Act) error { return s.mainSwitch(p, a.On) }},
		"template":   {false, func(_ context.Context, p *person, a Act) error { return s.templateSwitch(p, a.On) }},
		"rename":     {false, s.rename},
	}
}

func (s *Sim) whereIs(p *person) Where {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.where
}

// open is p opening the mini program, which signs in to IM with the UserSig of its last login if it has
// one.
func (s *Sim) open(ctx context.Context, p *person) error {
	began := s.now()
	s.mu.Lock()
	usersig, base := p.usersig, s.base
	s.mu.Unlock()
	if usersig == "" {
		var err error
		if usersig, err = s.login(ctx, base, p); err != nil {
			return refused("the login failed; the timeline has the answer of session", "登录失败；session 的答复见时间线")
		}
	}
	s.act(began, p, say("opens the mini program", "打开小程序"), "")
	return s.world.IM.SignInWithSig(string(p.user), usersig, simulator.MiniProgram)
}

// write sends a message, to one person or to a group.
func (s *Sim) write(p *person, a Act) error {
	text, kind := strings.TrimSpace(a.Text), kindText
	body := simulator.Text(text)
	switch {
	case a.Image:
		text, kind, body = "", kindImage, simulator.Elem{Type: "TIMImageElem", Content: map[string]any{}}
	case text == "":
		return errNothing
	case utf8.RuneCountInString(text) > maxText:
		return refused("at most %d characters", "最多 %d 个字符", maxText)
	}
	m := Message{From: string(p.user), To: a.Peer, Group: a.Group, Kind: kind, Text: text, At: s.now()}
	if a.Group == "" {
		sent, err := s.world.IM.SendC2C(m.From, m.To, body)
		if err != nil {
			return err
		}
		m.ID = sent.MsgKey
	} else {
		gm := simulator.GroupMessage{Group: a.Group, From: m.From, Body: []simulator.Elem{body}, AtAll: slices.Contains(a.At, "*")}
		gm.At = slices.DeleteFunc(slices.Clone(a.At), func(user string) bool { return user == "*" })
		sent, err := s.world.IM.SendGroup(gm)
		if err != nil {
			return err
		}
		m.ID = string(fact.GroupMessageID(fact.GroupID(a.Group), uint32(sent.MsgSeq)))
	}
	s.chats.add(m)
	return nil
}

// recall takes a message of p back.
func (s *Sim) recall(p *person, id string) error {
	m, ok := s.chats.message(id)
	if !ok || m.From != string(p.user) || m.Kind == kindCall {
		return errUnknown
	}
	err := error(nil)
	if m.Group == "" {
		err = s.world.IM.Recall(m.From, m.To, id)
	} else {
		_, number, _ := strings.Cut(id, "#")
		seq, atoiErr := strconv.Atoi(number)
		if atoiErr != nil {
			return errUnknown
		}
		err = s.world.IM.RecallGroup(m.Group, m.From, seq)
	}
	if err == nil {
		s.chats.change(id, func(m *Message) { m.Recalled = true })
	}
	return err
}

// read is p reading a conversation. Of a group IM tells nobody.
func (s *Sim) read(p *person, a Act) error {
	if a.Group != "" {
		s.chats.read(string(p.user), a.Group, s.now())
		return nil
	}
	s.world.IM.Read(string(p.user), a.Peer)
	s.chats.read(string(p.user), a.Peer, s.now())
	return nil
}

func (s *Sim) call(p *person, peer string) error {
	if !slices.ContainsFunc(s.people, func(o *person) bool { return string(o.user) == peer && o != p }) {
		return refused("nobody is called %q", "没有 %q 这个人", peer)
	}
	id, err := s.world.IM.Ring(simulator.Call{From: string(p.user), To: []string{peer}})
	if err == nil {
		s.chats.add(Message{ID: id, From: string(p.user), To: peer, Kind: kindCall, Call: ringing, At: s.now()})
	}
	return err
}

func (s *Sim) answer(p *person, id string) error {
	if m, ok := s.chats.message(id); !ok || m.To != string(p.user) {
		return errUnknown
	}
	err := s.world.IM.Answer(id, string(p.user))
	if err == nil {
		s.chats.change(id, func(m *Message) { m.Call = string(fact.CallAnswered) })
	}
	return err
}

// hangUp ends a call: the one who is called declines it while it rings, the caller gives up.
func (s *Sim) hangUp(p *person, id string) error {
	m, ok := s.chats.message(id)
	if !ok || m.conversation(string(p.user)) == "" {
		return errUnknown
	}
	how, end := simulator.CallNormal, fact.CallHungUp
	switch {
	case m.Call != ringing:
	case m.From == string(p.user):
		how, end = simulator.CallCancelled, fact.CallCancelled
	default:
		how, end = simulator.CallRejected, fact.CallRejected
	}
	err := s.world.IM.EndCall(id, how)
	if err == nil {
		s.chats.change(id, func(m *Message) { m.Call = string(end) })
	}
	return err
}

// tap is p tapping what asks for one card more. No dialog shows if p keeps a choice, or has the main
// switch off; the mini program reports what it is told in any case.
func (s *Sim) tap(ctx context.Context, p *person, a Act) error {
	began, template := s.now(), s.settings["TEMPLATE_MESSAGE"]
	answer := simulator.Reject
	switch {
	case a.Allow && a.Keep:
		answer = simulator.KeepAccept
	case a.Allow:
		answer = simulator.Accept
	case a.Keep:
		answer = simulator.KeepReject
	}
	result := s.world.WeChat.TapDialog(string(p.openID), map[string]simulator.Answer{template: answer})
	if result.Code != 0 {
		s.act(began, p, say("is not asked: the main switch is off (errCode %d)", "没有弹窗：订阅消息总开关已关闭（errCode %d）", result.Code), "")
		return nil
	}
	s.act(began, p, tapped(result, template, a.Keep), "wechatpush, permits")
	s.mu.Lock()
	usersig, base := p.usersig, s.base
	s.mu.Unlock()
	if _, err := s.report(ctx, base, p, usersig, 0, result.Results); err != nil {
		s.act(s.now(), p, say("could not report it to permits; WeChat's push tells of it too", "没能上报给 permits；微信的推送也会告知"), "permits")
	}
	return nil
}

// tapped says what came of a tap.
func tapped(result simulator.DialogResult, template string, keep bool) Words {
	accepted := strings.HasPrefix(result.Results[template], string(simulator.Accept))
	switch shown := len(result.Shown) > 0; {
	case !shown && accepted:
		return say("is not asked, because of an earlier \"always keep\": one more permit", "没有弹窗（之前勾选了“总是保持”）：多一次授权次数")
	case !shown:
		return say("is not asked, because of an earlier \"always keep\": refused again", "没有弹窗（之前勾选了“总是保持”）：依然拒绝")
	case accepted && keep:
		return say(`taps "Allow" and "always keep": one more permit, and no question next time`, "点了“允许”并勾选“总是保持”：多一次授权次数，下次不再询问")
	case accepted:
		return say(`taps "Allow": one more permit`, "点了“允许”：多一次授权次数")
	case keep:
		return say(`taps "Cancel" and "always keep": no question next time`, "点了“取消”并勾选“总是保持”：下次不再询问")
	}
	return say(`taps "Cancel": nothing changes`, "点了“取消”：没有变化")
}

func (s *Sim) mainSwitch(p *person, on bool) error {
	text := say("turns the main switch of subscribe messages off; WeChat tells nobody", "关闭订阅消息总开关；微信不会告知任何人")
	if on {
		text = say("turns the main switch of subscribe messages on", "打开订阅消息总开关")
	}
	s.act(s.now(), p, text, "")
	s.world.WeChat.MainSwitch(string(p.openID), on)
	return nil
}

func (s *Sim) templateSwitch(p *person, on bool) error {
	template := s.settings["TEMPLATE_MESSAGE"]
	if on {
		s.act(s.now(), p, say("accepts these cards again in the settings; WeChat tells nobody", "在设置里重新接收这类提醒；微信不会告知任何人"), "")
		s.world.WeChat.SwitchOn(string(p.openID), template)
		return nil
	}
	s.act(s.now(), p, say("refuses these cards from the menu of one", "在提醒的菜单里拒收这类提醒"), "wechatpush")
	s.world.WeChat.SwitchOff(string(p.openID), template)
	return nil
}

// rename gives p another nickname. Names are kept for hours; that of p is forgotten, so that the next card
// has the new one.
func (s *Sim) rename(ctx context.Context, p *person, a Act) error {
	nick := strings.TrimSpace(a.Text)
	if nick == "" || utf8.RuneCountInString(nick) > maxNick {
		return refused("a nickname has 1 to %d characters", "昵称要有 1 到 %d 个字符", maxNick)
	}
	s.world.IM.Import(string(p.user), nick)
	s.mu.Lock()
	p.nick = nick
	s.mu.Unlock()
	s.act(s.now(), p, say("is called %q now", "现在叫“%s”", nick), "")
	if err := s.store.KeepNames(ctx, map[string]string{string(p.user): nick}, time.Millisecond); err != nil {
		return fmt.Errorf("the kept name is not forgotten: %w", err)
	}
	return nil
}
