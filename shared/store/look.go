package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// Mailbox returns what is kept of user: where IM last said they are, and what waits for them. Of somebody
// who is not bound it is blank but for the name.
func Mailbox(ctx context.Context, s *Store, user fact.UserID) (notify.Mailbox, error) {
	reply, err := s.one(ctx, s.readMailbox(user))
	if err != nil {
		return notify.Mailbox{User: user}, err
	}
	return mailboxIn(user, reply)
}

func (s *Store) readMailbox(user fact.UserID) command {
	return do("HMGET", s.keysOf(string(user)).recipient(user), anys(mailboxFields)...)
}

// mailboxIn reads the reply to readMailbox.
func mailboxIn(user fact.UserID, reply any) (notify.Mailbox, error) {
	b := notify.Mailbox{User: user}
	fields := texts(reply)
	if len(fields) != len(mailboxFields) {
		return b, errReply
	}
	if _, err := decodeMailbox(&b, fields); err != nil {
		return b, fmt.Errorf("store: Mailbox: %w: %w", notify.ErrUnreadable, err)
	}
	return b, nil
}

// FindMessage returns for whom the message id was, as far as that is known: for one to
// two days, and for bound users. Several messages may have one id, with different
// recipients.
func (s *Store) FindMessage(ctx context.Context, id fact.MessageID) ([]fact.UserID, error) {
	now := quarter(s.now())
	field := fieldOf(id)
	var reads []command
	for i := range s.shards {
		for q := now - 3*4; q <= now+2*4; q++ {
			reads = append(reads, do("ZRANGEBYLEX", s.shardKeys(i).index(q), "["+field, "("+field+"\xff"))
		}
	}
	found, err := s.all(ctx, reads...)
	if err != nil {
		return nil, err
	}
	var out []fact.UserID
	for _, members := range found {
		for _, member := range texts(members) {
			if u := fact.UserID(member[len(field):]); !slices.Contains(out, u) {
				out = append(out, u)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// Accounts returns the accounts of openID's permits, by template.
func Accounts(ctx context.Context, s *Store, openID fact.OpenID) (map[fact.TemplateID]permit.Account, error) {
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return nil, err
	}
	out := make(map[fact.TemplateID]permit.Account, len(sub.Ledgers))
	for t, l := range sub.Ledgers {
		out[t] = l.Account()
	}
	return out, nil
}

// Ledgers returns the ledgers of openID's permits; of a template never heard of there is none.
func (s *Store) Ledgers(ctx context.Context, openID fact.OpenID) (map[fact.TemplateID]*permit.Ledger, error) {
	sub, err := s.subscriber(ctx, openID)
	return sub.Ledgers, err
}

// Balances returns how many permits of each of templates openID has left to spend.
func (s *Store) Balances(ctx context.Context, openID fact.OpenID, templates []fact.TemplateID) (map[fact.TemplateID]int, error) {
	if len(templates) == 0 {
		return nil, nil
	}
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return nil, err
	}
	out := make(map[fact.TemplateID]int, len(templates))
	for _, t := range templates {
		out[t] = 0
		if l := sub.Ledgers[t]; l != nil {
			out[t] = l.Free()
		}
	}
	return out, nil
}

// subscriber returns the record of openID, without the cards; that of one never heard of is blank.
func (s *Store) subscriber(ctx context.Context, openID fact.OpenID) (permit.Subscriber, error) {
	key := s.keysOf(string(openID)).subscriber(openID)
	doc, err := s.one(ctx, do("HGET", key, "d"))
	if err != nil {
		return permit.Subscriber{}, err
	}
	return decodeSubscriber(key, doc)
}

// Counts returns how many messages reached each final state, since ever.
func (s *Store) Counts(ctx context.Context) (map[fact.State]int64, error) {
	found, err := s.evalsOrError(ctx, s.lookAtMetrics())
	if err != nil {
		return nil, err
	}
	out := map[fact.State]int64{}
	for _, shard := range found {
		err = cmp.Or(err, sums(shard, out, map[fact.Metric]int64{}))
	}
	return out, err
}
