// Package letter foresees what a replay of a dead letter would do, for the terminal and for the console.
package letter

import (
	"fmt"

	"wxnotify/shared/fact"
)

// A Verdict is what a replay would do, as far as that can be known.
type Verdict struct {
	Bound bool // else the replay is refused
	// Moved: the user has another WeChat account than the one that the card was for.
	Moved    bool
	LongTerm bool // one permit of the template pays for any number of cards
	Left     int  // permits
}

// Foresee returns what a replay of a letter to openID would do for a user who is bound to now; empty: to nobody. left are their permits
// of its template.
func Foresee(openID, now fact.OpenID, longTerm bool, left int) Verdict {
	return Verdict{Bound: now != "", Moved: now != openID, LongTerm: longTerm, Left: left}
}

// Sends reports whether a card may go out.
func (v Verdict) Sends() bool { return v.Bound && (v.LongTerm || v.Left > 0) }

// English says it.
func (v Verdict) English() string {
	moved := ""
	if v.Moved {
		moved = "; the user has another WeChat account now"
	}
	switch {
	case !v.Bound:
		return "is refused: the user is not logged in through the mini program any more"
	case v.LongTerm:
		return "sends a card: its template is a long-term one" + moved
	case v.Left == 1:
		return "sends a card: 1 permit is left" + moved
	case v.Left > 1:
		return fmt.Sprintf("sends a card: %d permits are left", v.Left) + moved
	}
	return `ends as "no permit": none is left` + moved
}

// Chinese says it.
func (v Verdict) Chinese() string {
	moved := ""
	if v.Moved {
		moved = "；用户现在绑定的是另一个微信账号"
	}
	switch {
	case !v.Bound:
		return "会被拒绝：用户目前没有登录小程序"
	case v.LongTerm:
		return "会发送提醒：长期订阅模板" + moved
	case v.Left > 0:
		return fmt.Sprintf("会发送提醒：剩余 %d 次订阅", v.Left) + moved
	}
	return "会以“无授权次数”结束：没有剩余的授权次数" + moved
}
