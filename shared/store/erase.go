package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

var (
	scriptEndCards        = script("end_cards")
	scriptEraseSubscriber = script("erase_subscriber")
	scriptEraseRecipient  = script("erase_recipient")
)

// EraseUser forgets user and his subscriber: binding, permits, cards, timeline and
// what waits; his name in what others were sent, and his cards at openids that were his
// before. If he has no binding it forgets what is left of him and returns
// ErrNotBound. It is safe to repeat, also after it stopped half way: the record that
// leads to the other one goes last.
func (s *Store) EraseUser(ctx context.Context, user notify.UserID) error {
	o, err := s.db.HGet(ctx, s.keysOf(string(user)).recipient(user), "o").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("store: %w", err)
	}
	openID := notify.OpenID(o)
	if err := s.forgetElsewhere(ctx, user); err != nil {
		return err
	}
	if openID != "" {
		if err := s.eraseSubscriber(ctx, openID, user); err != nil {
			return err
		}
	}
	if err := s.eraseRecipient(ctx, user, openID); err != nil {
		return err
	}
	if openID == "" {
		return ErrNotBound
	}
	return nil
}

// EraseOpenID is like EraseUser, for whoever openID is bound to.
func (s *Store) EraseOpenID(ctx context.Context, openID notify.OpenID) error {
	return s.erase(ctx, notify.Erase{OpenID: openID})
}

// erase does what e asks, unless the openid was bound later than that.
func (s *Store) erase(ctx context.Context, e notify.Erase) error {
	openID := e.OpenID
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return err
	}
	if sub.User != "" && !e.At.IsZero() && e.At.Unix() < sub.Since/1000 {
		return nil
	}
	if sub.User != "" {
		if err := s.forgetIfBound(ctx, sub.User, openID); err != nil {
			return err
		}
		if err := s.endCards(ctx, openID, ""); err != nil {
			return err
		}
		if err := s.eraseRecipient(ctx, sub.User, openID); err != nil {
			return err
		}
	}
	return s.eraseSubscriber(ctx, openID, sub.User)
}

// forgetElsewhere forgets what there is of a user apart from his own records and those of his
// openid: his name in what others were sent, and his cards at openids that were his before. The
// cards come before the recipient: what they carry ends once.
func (s *Store) forgetElsewhere(ctx context.Context, user notify.UserID) error {
	if err := s.forgetSender(ctx, user); err != nil {
		return err
	}
	return s.eraseCards(ctx, user)
}

// forgetIfBound is forgetElsewhere for a user whose cards go to openID, or to nobody: whoever
// has logged in with another since is not being erased.
func (s *Store) forgetIfBound(ctx context.Context, user notify.UserID, openID notify.OpenID) error {
	o, err := s.db.HGet(ctx, s.keysOf(string(user)).recipient(user), "o").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("store: %w", err)
	}
	if o != "" && o != string(openID) {
		return nil
	}
	return s.forgetElsewhere(ctx, user)
}

// eraseCards forgets the cards of user at openids that were his before.
func (s *Store) eraseCards(ctx context.Context, user notify.UserID) error {
	pipe := s.db.Pipeline()
	moved := make([]*redis.StringSliceCmd, s.shards)
	for i := range moved {
		moved[i] = pipe.ZRange(ctx, s.shardKeys(i).moved(), 0, -1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for _, openIDs := range moved {
		for _, openID := range openIDs.Val() {
			if err := s.endCards(ctx, notify.OpenID(openID), user); err != nil {
				return err
			}
		}
	}
	return nil
}

type endCardsArgs struct {
	OpenID notify.OpenID `json:"openid"`
	User   notify.UserID `json:"user"`
}

// endCards ends what is not known yet of the cards of openID: all of them, or if user is given
// those that he got, which then are forgotten.
func (s *Store) endCards(ctx context.Context, openID notify.OpenID, user notify.UserID) error {
	k := s.keysOf(string(openID))
	for range mostRounds {
		replies, err := s.run(ctx, call{scriptEndCards,
			[]string{k.subscriber(openID), k.cards(openID), k.overdue()}, endCardsArgs{openID, user}})
		if err != nil {
			return err
		}
		ids, err := replies[0].StringSlice()
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		cards := make([]concludeArgs, len(ids))
		for i, id := range ids {
			cards[i] = concludeArgs{openID, notify.CardID(id)}
		}
		ends, err := s.conclude(ctx, cards)
		if err != nil {
			return err
		}
		if _, err := s.tell(ctx, ends); err != nil {
			return err
		}
	}
	return errCardsComeIn
}

var errCardsComeIn = errors.New("store: cards of an openid end faster than that can be told; erase again")

type eraseSubscriberArgs struct {
	User   notify.UserID `json:"user"`
	OpenID notify.OpenID `json:"openid"`
}

// eraseSubscriber forgets an openid that is user's, or nobody's.
func (s *Store) eraseSubscriber(ctx context.Context, openID notify.OpenID, user notify.UserID) error {
	k := s.keysOf(string(openID))
	for range mostRounds {
		replies, err := s.run(ctx, call{scriptEraseSubscriber,
			[]string{k.subscriber(openID), k.cards(openID), k.grants(openID), k.erased(openID), k.overdue(), k.moved()},
			eraseSubscriberArgs{user, openID}})
		if err != nil || number(replies[0].Val()) == 0 {
			return err
		}
		if err := s.endCards(ctx, openID, ""); err != nil {
			return err
		}
	}
	return errCardsComeIn
}

type eraseRecipientArgs struct {
	User   notify.UserID `json:"user"`
	OpenID notify.OpenID `json:"openid"`
	ID     int           `json:"id"`
}

func (s *Store) eraseRecipient(ctx context.Context, user notify.UserID, openID notify.OpenID) error {
	k, today := s.keysOf(string(user)), day(s.now())
	_, err := s.run(ctx, call{scriptEraseRecipient,
		[]string{k.recipient(user), k.waiting(), k.queue(), k.callsWaiting(), k.callsQueue(), k.counts(), k.dead(),
			k.marks(user, today+1), k.marks(user, today), k.marks(user, today-1), k.marks(user, today-2),
			k.index(today + 1), k.index(today), k.index(today - 1), k.index(today - 2),
			k.ringLog(user), k.timeline(user), k.reads(user), k.letters(user), k.name(string(user))},
		eraseRecipientArgs{user, openID, fieldLen}})
	return err
}
