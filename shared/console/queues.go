package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/letter"
	"wxnotify/shared/store"
	"wxnotify/shared/web"
)

// sortBy sorts a list by what key says of each.
func sortBy[T any, K cmp.Ordered](list []T, key func(T) K) {
	slices.SortStableFunc(list, func(x, y T) int { return cmp.Compare(key(x), key(y)) })
}

type queueAnswer struct {
	Due   []dueAnswer `json:"due"`
	Limit int         `json:"limit"`
}

type dueAnswer struct {
	User  fact.UserID `json:"user"`
	Queue card.Queue  `json:"queue"`
	At    time.Time   `json:"at"`
}

// queue makes one trip.
func (c *Console) queue(ctx context.Context, q *query) (any, error) {
	limit := q.number("limit", 100, 200)
	if q.err != nil {
		return nil, q.err
	}
	list, err := store.Queued(ctx, c.cfg.Store, limit)
	if err != nil {
		return nil, err
	}
	due := make([]dueAnswer, len(list))
	for i, d := range list {
		due[i] = dueAnswer{d.User, d.Queue, d.At}
	}
	return queueAnswer{due, limit}, nil
}

type deadAnswer struct {
	Letters []letterAnswer `json:"letters"`
	Limit   int            `json:"limit"`
}

// A letterAnswer is a dead letter.
type letterAnswer struct {
	ID       string          `json:"id"`
	User     fact.UserID     `json:"user"`
	OpenID   string          `json:"openid"` // shortened
	Kind     fact.Kind       `json:"kind"`
	Template fact.TemplateID `json:"template"`
	Messages []string        `json:"messages"`
	More     int             `json:"moreMessages"`
	From     []string        `json:"from"`
	At       time.Time       `json:"at"`
	Class    string          `json:"class"`
	Cause    string          `json:"cause"`
}

// dead makes two trips.
func (c *Console) dead(ctx context.Context, q *query) (any, error) {
	limit := q.number("limit", 50, 100)
	if q.err != nil {
		return nil, q.err
	}
	list, err := c.cfg.Store.DeadLetters(ctx, limit)
	if err != nil {
		return nil, err
	}
	letters := []letterAnswer{}
	for _, l := range list {
		a := letterAnswer{ID: l.ID, User: l.User, OpenID: short(l.OpenID), Kind: l.Kind, Template: l.Template, At: l.At, Class: l.Class, Cause: clip(l.Cause)}
		shown, more := firsts(fact.MessageIDs(l.Messages), mostMessages)
		a.Messages, a.More = texts(shown), more
		from, _ := firsts(l.From, mostMessages)
		a.From = texts(from)
		letters = append(letters, a)
	}
	return deadAnswer{letters, limit}, nil
}

var noLetter = fault{http.StatusConflict, "no_letter", Words{"there is no such dead letter any more: it was replayed, read, recalled or forgotten", "没有这封死信了：已经重新发起、已读、已撤回或已过期"}}

type trialAnswer struct {
	Sends bool  `json:"sends"` // a card, as far as can be known
	Words Words `json:"words"`
}

// trial says what a replay would do. It makes two trips.
func (c *Console) trial(ctx context.Context, q *query) (any, error) {
	user, id := fact.UserID(q.id("user")), q.id("id")
	if q.err != nil {
		return nil, q.err
	}
	l, b, err := store.ReadLetter(ctx, c.cfg.Store, user, id)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, noLetter
	}
	left := 0
	if b.Bound() {
		sub, err := store.ReadSubscriber(ctx, c.cfg.Store, b.OpenID)
		if err != nil {
			return nil, err
		}
		if sub.User != user {
			b.OpenID = ""
		}
		if account := sub.Ledgers[l.Template]; account != nil {
			left = account.Free()
		}
	}
	v := letter.Foresee(l.OpenID, b.OpenID, c.longTerm(l.Template), left)
	return trialAnswer{v.Sends(), Words{"A replay " + v.English() + ".", "重新发起" + v.Chinese() + "。"}}, nil
}

type replayBody struct {
	User string `json:"user"`
	ID   string `json:"id"`
}

type replayAnswer struct {
	Messages int   `json:"messages"` // that wait again
	Words    Words `json:"words"`
}

// replay has the messages of a dead letter wait again. Of two at once one does it, and the other is told that there is no such letter.
func (c *Console) replay(ctx context.Context, q *query) (any, error) {
	var body replayBody
	if err := web.Decode(q.w, q.r, &body); err != nil {
		return nil, badInput("body", err.Error(), err.Error())
	}
	if err := cmp.Or(checkID("user", body.User), checkID("id", body.ID)); err != nil {
		return nil, err
	}
	done, err := c.cfg.Store.Replay(ctx, fact.UserID(body.User), body.ID)
	switch {
	case errors.Is(err, store.ErrNotBound):
		return nil, fault{http.StatusConflict, "not_bound", Words{"the user is not logged in through the mini program any more; the letter is kept", "用户目前没有登录小程序；死信已保留"}}
	case err != nil:
		return nil, err
	case done.Messages == 0:
		return nil, noLetter
	}
	return replayAnswer{done.Messages, Words{
		fmt.Sprintf("Messages that wait again: %d. deliver takes them up within a minute.", done.Messages),
		fmt.Sprintf("%d 条消息重新等待提醒，deliver 会在一分钟内处理。", done.Messages)}}, nil
}
