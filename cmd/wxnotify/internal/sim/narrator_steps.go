package sim

import (
	"cmp"
	"fmt"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// step tells one step of user's timeline; ok is false if it is not worth a line. permits
// is how many permits user has left.
func (n *narrator) step(user fact.UserID, s notify.Step, permits func() int) (l line, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l = line{actor: us}
	switch s.Kind {
	case notify.StepAccepted:
		l.text = n.accepted(user, s)
	case notify.StepLeft:
		l.text = say("looks again in %v: %s may come back", "%v 后再看：%s 可能马上回来", n.rules.Grace, user)
	case notify.StepReturned:
		l.text = say("looks again in %v, the blind window", "%v（blind_window）后再看", n.rules.BlindWindow)
	case notify.StepAsked:
		l.text = say("asks IM whether %s is there: %s", "向 IM 查询 %s 是否在线：%s", user, cmp.Or(asked[s.Detail], same(s.Detail)))
	case notify.StepPutOff:
		l.text = putOff(user, s)
	case notify.StepReserved:
		l.text = say("takes one of %s's permits and sends a card", "取用 %s 的一次授权次数，发出提醒", user)
	case notify.StepSent:
		switch s.Detail {
		case "":
			return l, false // the card is shown itself
		case card.ClassUnknown.String():
			l.text, l.mood = say("WeChat did not answer: nobody knows whether the card is there", "微信没有答复：不知道提醒是否送达"), bad
		default:
			l.text, l.mood = say("WeChat does not take the card", "微信没有接收这条提醒"), bad
		}
		l.note = s.Detail
	case notify.StepSettled:
		if l.text = n.settled(user, permit.Fate(s.Detail)); l.text == (Words{}) {
			return l, false
		}
	case notify.StepFinal:
		if len(s.Messages) == 1 && n.signal[s.Messages[0].ID()] {
			return l, false
		}
		l = n.final(user, s, permits)
	default:
		return l, false
	}
	return l, true
}

// asked has the words for what IM says.
var asked = map[string]Words{
	notify.StatusOnline.String():     say("online", "在线"),
	notify.StatusOffline.String():    say("offline", "不在线"),
	notify.StatusPushOnline.String(): say("only its phone app can be woken", "不在线，手机 App 可收到推送"),
}

// settled tells what becomes of the permit; nothing if it was spent, as ever.
func (n *narrator) settled(user fact.UserID, fate permit.Fate) Words {
	switch fate {
	case permit.Refunded:
		return say("puts the permit back", "退回授权次数")
	case permit.Zeroed:
		return say("crosses out %s's permits: WeChat knows of none", "把 %s 的授权次数清零：微信说一次也没有", user)
	case permit.Held:
		return say("holds the permit: WeChat has %s to report", "先留住这次授权次数：等微信在 %s 内回报", seconds(n.rules.UnknownAfter))
	}
	return Words{}
}

func (n *narrator) accepted(user fact.UserID, s notify.Step) Words {
	switch s.Reason {
	case fact.ReasonMissedCall:
		return say("nobody answered: %s will be told of a missed call", "无人接听：将告诉 %s 有一通未接来电", user)
	case fact.ReasonReplayed:
		return say("has it wait for %s again: somebody replayed what was given up", "让它重新等待提醒 %s：有人重放了已放弃的提醒", user)
	}
	if len(s.Messages) == 1 && n.calls[s.Messages[0].ID()] {
		return say("does not wait: it rings at %s now", "不等待：%s 那边正在响铃", user)
	}
	if n.waiting[user] == nil {
		n.waiting[user] = map[fact.MessageID]bool{}
	}
	more := len(n.waiting[user]) > 0
	for _, id := range fact.MessageIDs(s.Messages) {
		n.waiting[user][id] = true
	}
	switch {
	case more:
		return say("adds it to what waits for %s", "与等待提醒 %s 的消息放在一起", user)
	case n.online(user, s.At):
		return say("%s seems to be there: looks in %v, the blind window", "%s 看起来在线：%v（blind_window）后再看", user, n.rules.BlindWindow)
	case n.told[user]:
		return say("keeps it for a digest: %s was told already, and has not been back", "留给合并提醒：已经提醒过 %s，还没有回来", user)
	}
	return say("waits %v: more may follow, and one card is enough", "等 %v：可能还有后续消息，一条提醒就够了", n.rules.Lead)
}

func putOff(user fact.UserID, s notify.Step) Words {
	switch s.Reason {
	case fact.ReasonWindow:
		return say("looks again at the end of the blind window: %s may just have left", "blind_window 结束时再看：%s 可能刚刚离开", user)
	case fact.ReasonIMSilent:
		return say("asks again soon: IM did not answer", "稍后再查：IM 没有答复")
	case fact.ReasonBusy:
		return say("waits: another card to %s is on its way", "等一等：给 %s 的另一条提醒正在路上", user)
	case fact.ReasonNeverSent:
		return say("starts over: the card that was begun was never sent", "重新开始：上一条准备的提醒没有发出")
	case fact.ReasonBackoff:
		return say("tries again soon: WeChat did not take the card just now", "稍后再试：微信刚才没有接收提醒")
	case fact.ReasonOperator:
		return say("waits until somebody has mended what the log tells of", "等人修好日志里指出的问题")
	case fact.ReasonWording:
		return say("tries again in words of its own: WeChat refused the text", "换一种说法再试：微信没有通过文字")
	case fact.ReasonQuotaDay:
		return say("waits for tomorrow: today's quota of WeChat is used up", "等到明天：微信今天的额度已用完")
	case fact.ReasonDigest:
		return say("keeps it for a digest: %s was told already, and has not been back", "留给合并提醒：已经提醒过 %s，还没有回来", user)
	case fact.ReasonKept:
		return say("keeps the digest back: %s's last permits are for coming absences", "先不发合并提醒：%s 剩余的授权次数留给以后离开时用", user)
	case fact.ReasonQuietHours:
		return say("waits for the end of the quiet hours", "等免打扰时段结束")
	case fact.ReasonRinging:
		return say("asks again soon: it rings, and %s seems to be there", "稍后再查：正在响铃，%s 看起来在线", user)
	case fact.ReasonTooMany:
		return say("waits: %s got as many cards this hour as the rules allow", "等一等：%s 这一小时的提醒已达上限", user)
	}
	return say("tries again later", "稍后再试")
}

// final tells how messages ended.
func (n *narrator) final(user fact.UserID, s notify.Step, permits func() int) line {
	for _, id := range fact.MessageIDs(s.Messages) {
		delete(n.waiting[user], id)
		if s.State == fact.StateDelivered && !n.calls[id] {
			n.told[user] = true
		}
	}
	subject := n.subject(fact.MessageIDs(s.Messages))
	l := line{actor: us, mood: none, note: string(s.State)}
	switch s.State {
	case fact.StateDelivered:
		l.mood = good
		l.text = say("one card told %s of %s; %s left", "用一条提醒告诉 %s：%s；剩余 %s", user, subject, permitsLeft(permits()))
	case fact.StateUnknown:
		l.mood = bad
		l.text = say("nobody can say whether a card told %s of %s; no second one is sent", "不清楚提醒有没有告诉 %s：%s；不再发第二条", user, subject)
	case fact.StateDead:
		l.mood = bad
		l.text = say("gave up %s: it is a dead letter now", "放弃了%s：记为死信", subject)
		if s.Reason != fact.ReasonNone {
			l.note += ": " + string(s.Reason)
		}
	default:
		l.text = say("no card: %s", "不发提醒：%s", noCard(user, subject, s))
	}
	return l
}

// noCard says why.
func noCard(user fact.UserID, subject Words, s notify.Step) Words {
	switch s.State {
	case fact.StateRead:
		return hasRead(user, subject, s.Reason)
	case fact.StateAnswered:
		return say("%s has answered %s", "%s 已接听%s", user, subject)
	case fact.StateEnded:
		return say("%s rings no longer", "%s已不再响铃", subject)
	case fact.StateMuted:
		if s.Reason == fact.ReasonMutedPeer {
			return say("%s has muted where %s is from", "%s 把%s所在的会话设为免打扰", user, subject)
		}
		return say("%s has switched cards off", "%s 关闭了提醒", user)
	case fact.StateQuota:
		return say("WeChat's quota was used up for as long as %s lived", "微信的额度一直不足，直到%s过期", subject)
	case fact.StateRecalled:
		return say("%s was taken back", "%s已撤回", subject)
	case fact.StateCameOnline:
		if s.Reason == fact.ReasonPushOnline {
			return say("%s's phone rings for %s by itself", "%s 的手机 App 自己会提示%s", user, subject)
		}
		return say("%s is there, and IM itself showed %s", "%s 在线，IM 已经直接显示%s", user, subject)
	case fact.StateNoPermit:
		return say(`%s has no permit for %s: a tap on "Allow" gives one`, "%s 没有授权次数用于%s：点一次“允许”就有一次", user, subject)
	case fact.StateNotCounted:
		return notCounted(user, s.Reason)
	case fact.StateFailedIM:
		return say("IM did not deliver %s", "IM 没有投递%s", subject)
	case fact.StateExpired:
		return say("%s is too old", "%s已超过提醒时限", subject)
	case fact.StateUnbound:
		return say("%s belongs to another login now", "%s 的账号已换绑", user)
	case fact.StateErased:
		return say("%s asked to be forgotten", "%s 要求清除数据", user)
	case fact.StateRefused:
		return say("WeChat does not let us write to %s", "微信不允许给 %s 发提醒", user)
	}
	return say("%s of %s", "%s（%s）", string(s.State), subject)
}

func hasRead(user fact.UserID, subject Words, why fact.Reason) Words {
	switch why {
	case fact.ReasonOwnReply:
		return say("%s has answered %s", "%s 已回复%s", user, subject)
	case fact.ReasonUnreadNone:
		return say("IM counts nothing unread for %s, so %s was read", "IM 说 %s 没有未读消息，%s已读", user, subject)
	}
	return say("%s has read %s", "%s 已读%s", user, subject)
}

func notCounted(user fact.UserID, why fact.Reason) Words {
	switch why {
	case fact.ReasonSilent:
		return say("there is nothing in it to read", "没有可阅读的内容")
	case fact.ReasonAdmin:
		return say("the administrator's messages are not announced", "管理员发的消息不提醒")
	case fact.ReasonSelf:
		return say("%s wrote to nobody else", "%s 是发给自己的", user)
	case fact.ReasonCrowded:
		return say("too many messages wait for %s already", "等待提醒 %s 的消息太多", user)
	}
	return say("messages of its kind are not announced", "这类消息不提醒")
}

// permitsLeft is "1 permit", "4 permits" or "no permits".
func permitsLeft(n int) Words {
	english := fmt.Sprintf("%d permits", n)
	switch n {
	case 0:
		english = "no permits"
	case 1:
		english = "1 permit"
	}
	return Words{english, fmt.Sprintf("%d 次", n)}
}
