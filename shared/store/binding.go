package store

import (
	"context"
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
	User   notify.UserID `json:"user"`
	OpenID notify.OpenID `json:"openid"`
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
	rk := s.keysOf(string(user))
	other, err := s.db.HGet(ctx, rk.recipient(user), "o").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("store: %w", err)
	}
	var old []call
	if before != "" && before != user {
		old = append(old, s.unbindRecipient(before, openID))
	}
	if other != "" && other != string(openID) {
		old = append(old, call{scriptUnbindSubscriber, s.bindingKeys(notify.OpenID(other)), unbindArgs{user, notify.OpenID(other), notify.ReasonNone}})
	}
	if len(old) > 0 {
		if _, err := s.run(ctx, old...); err != nil {
			return err
		}
	}
	if _, err := s.run(ctx, call{scriptBindSubscriber, s.bindingKeys(openID), bindSubscriberArgs{user, openID}}); err != nil {
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

// bindingKeys returns the keys of what binds an openid, and of what unbinds it.
func (s *Store) bindingKeys(o notify.OpenID) []string {
	k := s.keysOf(string(o))
	return []string{k.subscriber(o), k.cards(o), k.moved(), k.erased(o)}
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
