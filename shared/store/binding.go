package store

import (
	"context"
	"errors"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// Bind makes openID the subscriber of user from now on. The latest login wins on both
// sides: a user or openid that was bound to either before is not any more, and what waited
// for that user ends unbound.
//
// The subscriber's record is the truth, and a send checks it. The old bindings go
// first: what stops half way is put right by the next Bind.
func (s *Store) Bind(ctx context.Context, user fact.UserID, openID fact.OpenID) error {
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return err
	}
	return s.bind(ctx, user, openID, sub.User)
}

// BindDefault is like Bind, for the user whom openID is bound to already, or for
// def if it is bound to nobody. It returns the user.
func (s *Store) BindDefault(ctx context.Context, openID fact.OpenID, def fact.UserID) (fact.UserID, error) {
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
func (s *Store) bind(ctx context.Context, user fact.UserID, openID fact.OpenID, before fact.UserID) error {
	other, err := s.boundTo(ctx, user)
	if err != nil {
		return err
	}
	if before != "" && before != user {
		if err := s.unbindRecipient(ctx, before, openID); err != nil {
			return err
		}
	}
	if other != "" && other != openID {
		if err := s.commitOne(ctx, s.unbindSubscriber(other, user)); err != nil {
			return err
		}
	}
	forgotten, previous := false, openID
	recipient := visitTo(user, func(b *notify.Mailbox) {
		forgotten, previous = b.Forgotten(user), b.OpenID
		b.Bind(openID)
	})
	recipient.senders = []fact.UserID{user}
	err = s.commit(ctx, append([]*change{s.bindSubscriber(openID, user)}, s.visitChanges([]*visit{recipient})...))
	if err == nil && previous != "" && previous != openID && previous != other { // another login came in between
		err = s.commitOne(ctx, s.unbindSubscriber(previous, user))
	}
	if err != nil || !forgotten {
		return err
	}
	return s.nameAgain(ctx, user)
}

// bindSubscriber has an openid belong to user from now on.
func (s *Store) bindSubscriber(openID fact.OpenID, user fact.UserID) *change {
	return s.ofSubscriber(openID, func(sub *permit.Subscriber, now time.Time) error {
		sub.Bind(user, now)
		return nil
	})
}

// unbindSubscriber has an openid belong to nobody, if it is user's.
func (s *Store) unbindSubscriber(openID fact.OpenID, user fact.UserID) *change {
	return s.ofSubscriber(openID, func(sub *permit.Subscriber, _ time.Time) error {
		sub.Unbind(user)
		return nil
	})
}

func (s *Store) unbindRecipient(ctx context.Context, user fact.UserID, openID fact.OpenID) error {
	v := visitTo(user, func(b *notify.Mailbox) { b.Unbind(openID, fact.ReasonNewerBinding) })
	v.anyway = true
	return s.visit(ctx, v)
}

// ErrNotBound is returned for a user without a binding.
var ErrNotBound = errors.New("store: user is not bound to an openid")

// OpenIDOf returns the subscriber of user, or ErrNotBound. Both sides must agree.
func (s *Store) OpenIDOf(ctx context.Context, user fact.UserID) (fact.OpenID, error) {
	openID, err := s.boundTo(ctx, user)
	if err != nil {
		return "", err
	}
	if openID == "" {
		return "", ErrNotBound
	}
	sub, err := s.subscriber(ctx, openID)
	if err == nil && sub.User != user {
		return "", ErrNotBound
	}
	return openID, err
}

// boundTo returns the openid that the record of user names; "" if none.
func (s *Store) boundTo(ctx context.Context, user fact.UserID) (fact.OpenID, error) {
	o, err := s.one(ctx, do("HGET", s.keysOf(string(user)).recipient(user), fieldOpenID))
	return fact.OpenID(text(o)), err
}
