package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

type bindRecipientArgs struct {
	User   notify.UserID `json:"user"`
	OpenID notify.OpenID `json:"openid"`
}

type unbindArgs struct {
	User   notify.UserID `json:"user"`
	OpenID notify.OpenID `json:"openid"`
	Reason notify.Reason `json:"reason"`
}

type bindSubscriberArgs struct {
	User notify.UserID `json:"user"`
}

// Bind makes openID the subscriber of user from now on. The latest login wins on both
// sides: whoever was bound to either before is not any more, and what waited for him
// ends unbound.
//
// The subscriber's record is the truth, and a send checks it. The old bindings go
// first: what stops half way is put right by the next Bind.
func (s *Store) Bind(ctx context.Context, user notify.UserID, openID notify.OpenID) error {
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return err
	}
	return s.bind(ctx, user, openID, sub.User)
}

// BindDefault is like Bind, for the user whom openID is bound to already, or for
// def if it is bound to nobody. It returns the user.
func (s *Store) BindDefault(ctx context.Context, openID notify.OpenID, def notify.UserID) (notify.UserID, error) {
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return "", err
	}
	user := sub.User
	if user == "" {
		user = def
	}
	return user, s.bind(ctx, user, openID, sub.User)
}

// bind binds user and openID; before is whom openID was bound to.
func (s *Store) bind(ctx context.Context, user notify.UserID, openID notify.OpenID, before notify.UserID) error {
	rk, sk := s.keysOf(string(user)), s.keysOf(string(openID))
	other, err := s.db.HGet(ctx, rk.recipient(user), "o").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("store: %w", err)
	}
	var old []call
	if before != "" && before != user {
		old = append(old, s.unbindRecipient(before, openID))
	}
	if other != "" && other != string(openID) {
		old = append(old, call{scriptUnbindSubscriber, []string{s.keysOf(other).subscriber(notify.OpenID(other))}, unbindArgs{User: user}})
	}
	if len(old) > 0 {
		if _, err := s.run(ctx, old...); err != nil {
			return err
		}
	}
	if _, err := s.run(ctx, call{scriptBindSubscriber, []string{sk.subscriber(openID), sk.erased(openID)}, bindSubscriberArgs{user}}); err != nil {
		return err
	}
	replies, err := s.run(ctx, call{scriptBindRecipient,
		[]string{rk.recipient(user), rk.waiting(), rk.queue(), rk.callsWaiting(), rk.callsQueue(), rk.erasedUsers()},
		bindRecipientArgs{user, openID}})
	if err == nil && number(replies[0].Val()) == 1 {
		err = s.nameAgain(ctx, user)
	}
	return err
}

func (s *Store) unbindRecipient(user notify.UserID, openID notify.OpenID) call {
	k := s.keysOf(string(user))
	return call{scriptUnbindRecipient,
		[]string{k.recipient(user), k.waiting(), k.queue(), k.callsWaiting(), k.callsQueue(), k.timeline(user), k.counts()},
		unbindArgs{user, openID, notify.ReasonNewerBinding}}
}

// ErrNotBound is returned for a user without a binding.
var ErrNotBound = errors.New("store: user is not bound to an openid")

// OpenIDOf returns the subscriber of user, or ErrNotBound. Both sides must agree.
func (s *Store) OpenIDOf(ctx context.Context, user notify.UserID) (notify.OpenID, error) {
	o, err := s.db.HGet(ctx, s.keysOf(string(user)).recipient(user), "o").Result()
	if errors.Is(err, redis.Nil) {
		return "", ErrNotBound
	}
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	openID := notify.OpenID(o)
	sub, err := s.subscriber(ctx, openID)
	if err == nil && sub.User != user {
		return "", ErrNotBound
	}
	return openID, err
}

// EraseUser forgets user and his subscriber: binding, permits, cards, timeline and
// what waits; and his name in what others were sent. If he has no binding it forgets what is left of him and returns
// ErrNotBound. It is safe to repeat, also after it stopped half way: the record that
// leads to the other one goes last.
func (s *Store) EraseUser(ctx context.Context, user notify.UserID) error {
	o, err := s.db.HGet(ctx, s.keysOf(string(user)).recipient(user), "o").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("store: %w", err)
	}
	openID := notify.OpenID(o)
	unknown, err := s.unknownCards(ctx, user)
	if err != nil {
		return err
	}
	if err := s.forgetSender(ctx, user); err != nil {
		return err
	}
	if openID != "" {
		if err := s.eraseSubscriber(ctx, openID, user); err != nil {
			return err
		}
	}
	if err := s.eraseRecipient(ctx, user, openID, unknown); err != nil {
		return err
	}
	if openID == "" {
		return ErrNotBound
	}
	return nil
}

// EraseOpenID is like EraseUser, for whoever openID is bound to.
func (s *Store) EraseOpenID(ctx context.Context, openID notify.OpenID) error {
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return err
	}
	if sub.User != "" {
		unknown, err := s.unknownCards(ctx, sub.User)
		if err != nil {
			return err
		}
		if err := s.forgetIfBound(ctx, sub.User, openID); err != nil {
			return err
		}
		if err := s.eraseRecipient(ctx, sub.User, openID, unknown); err != nil {
			return err
		}
	}
	return s.eraseSubscriber(ctx, openID, sub.User)
}

// unknownCards returns those begun cards of user that were unknown, or are. The end of
// their messages is counted on the subscriber's side. What cannot be read is none.
func (s *Store) unknownCards(ctx context.Context, user notify.UserID) ([]notify.CardID, error) {
	var cards []notify.CardID
	for _, lane := range []notify.Lane{notify.LaneMessages, notify.LaneCalls} {
		waiting, _ := s.keysOf(string(user)).lane(lane)
		doc, err := s.db.HGet(ctx, waiting, string(user)).Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		rec, err := decodeRecipient(user, doc)
		if err != nil || rec.Open == nil {
			continue
		}
		card, err := s.db.HGet(ctx, s.keysOf(string(rec.Open.OpenID)).cards(rec.Open.OpenID), string(rec.Open.ID)).Bytes()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("store: %w", err)
		}
		var c struct {
			Unknown int `json:"v"`
		}
		if len(card) > 0 && json.Unmarshal(card, &c) == nil && c.Unknown == 1 {
			cards = append(cards, rec.Open.ID)
		}
	}
	return cards, nil
}

type eraseSubscriberArgs struct {
	User   notify.UserID `json:"user"`
	OpenID notify.OpenID `json:"openid"`
}

func (s *Store) eraseSubscriber(ctx context.Context, openID notify.OpenID, user notify.UserID) error {
	k := s.keysOf(string(openID))
	_, err := s.run(ctx, call{scriptEraseSubscriber,
		[]string{k.subscriber(openID), k.cards(openID), k.grants(openID), k.erased(openID), k.overdue(), k.counts()},
		eraseSubscriberArgs{user, openID}})
	return err
}

type eraseRecipientArgs struct {
	User    notify.UserID   `json:"user"`
	OpenID  notify.OpenID   `json:"openid"`
	ID      int             `json:"id"`
	Unknown []notify.CardID `json:"unknown"`
}

func (s *Store) eraseRecipient(ctx context.Context, user notify.UserID, openID notify.OpenID, unknown []notify.CardID) error {
	k, today := s.keysOf(string(user)), day(s.clock())
	_, err := s.run(ctx, call{scriptEraseRecipient,
		[]string{k.recipient(user), k.waiting(), k.queue(), k.callsWaiting(), k.callsQueue(), k.counts(), k.dead(),
			k.marks(user, today+1), k.marks(user, today), k.marks(user, today-1), k.marks(user, today-2),
			k.index(today + 1), k.index(today), k.index(today - 1), k.index(today - 2),
			k.ringLog(user), k.timeline(user), k.reads(user), k.letters(user), k.name(string(user))},
		eraseRecipientArgs{user, openID, fieldLen, list(unknown)}})
	return err
}
