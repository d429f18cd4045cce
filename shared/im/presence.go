package im

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"wxnotify/shared/notify"
)

// maxStatusBatch is how many accounts IM takes in one status query.
// Source: https://cloud.tencent.com/document/product/269/2566
const maxStatusBatch = 500

var _ notify.Asker = (*Client)(nil)

// Presence implements notify.Asker with query_online_status, one call for each 500
// users. Users that occur twice are asked about once. A call that fails does not keep
// the others from being made, unless every one of them would fail.
//
// Source: https://cloud.tencent.com/document/product/269/2566
func (c *Client) Presence(ctx context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	statuses := make(map[notify.UserID]notify.Status, len(users))
	err := inBatches(users, maxStatusBatch, func(batch []notify.UserID) error {
		return c.queryOnlineStatus(ctx, batch, statuses)
	})
	return statuses, err
}

// queryOnlineStatus adds the statuses of batch to statuses. Its error tells of a user
// whom it could not add.
func (c *Client) queryOnlineStatus(ctx context.Context, batch []notify.UserID, statuses map[notify.UserID]notify.Status) error {
	reply, err := c.call(ctx, "/v4/openim/query_online_status", map[string]any{"To_Account": batch})
	if err != nil && reply == nil {
		return err
	}
	asked, failed := setOf(batch), err
	for _, o := range reply.objects("QueryResult") {
		user := notify.UserID(o.id("To_Account"))
		if status, ok := statusNamed(o.str("Status")); ok && asked[user] {
			statuses[user] = status
		}
	}
	for _, o := range reply.objects("ErrorList") {
		user := notify.UserID(o.id("To_Account"))
		code, _ := o.integer("ErrorCode")
		e := &APIError{Op: "query_online_status", Code: int(code)}
		switch {
		case !asked[user]:
		case e.UnknownAccount():
			statuses[user] = notify.StatusOffline
		case failed == nil:
			failed = e
		}
	}
	// IM gives a code of its own when all accounts failed.
	if api, ok := errors.AsType[*APIError](err); ok && api.UnknownAccount() && len(batch) == 1 {
		statuses[batch[0]] = notify.StatusOffline
	}
	return shortfall(batch, failed, "query_online_status", func(user notify.UserID) bool {
		_, ok := statuses[user]
		return ok
	})
}

// shortfall is nil if all of batch are told, and failed, or that they are missing,
// otherwise.
func shortfall(batch []notify.UserID, failed error, op string, told func(notify.UserID) bool) error {
	missing := 0
	for _, user := range batch {
		if !told(user) {
			missing++
		}
	}
	if missing == 0 {
		return nil
	}
	if failed == nil {
		failed = fmt.Errorf("im: %s: not in the reply", op)
	}
	return fmt.Errorf("%w (%d of %d users)", failed, missing, len(batch))
}

func statusNamed(s string) (notify.Status, bool) {
	switch s {
	case "Online":
		return notify.StatusOnline, true
	case "PushOnline":
		return notify.StatusPushOnline, true
	case "Offline":
		return notify.StatusOffline, true
	}
	return notify.StatusUnknown, false
}

// inBatches calls ask for up to size different users at a time. It goes on after an
// error unless every further call would meet the same one.
func inBatches(users []notify.UserID, size int, ask func([]notify.UserID) error) error {
	var errs []error
	for batch := range slices.Chunk(distinct(users), size) {
		if err := ask(batch); err != nil {
			errs = append(errs, err)
			if hopeless(err) {
				break
			}
		}
	}
	return errors.Join(errs...)
}

func hopeless(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	api, ok := errors.AsType[*APIError](err)
	return ok && (api.Cure() != "" || api.NewUserSig() || api.Locked())
}

func setOf(users []notify.UserID) map[notify.UserID]bool {
	set := make(map[notify.UserID]bool, len(users))
	for _, user := range users {
		set[user] = true
	}
	return set
}

// distinct keeps the first of each, in order.
func distinct(users []notify.UserID) []notify.UserID {
	seen := make(map[notify.UserID]bool, len(users))
	var once []notify.UserID
	for _, user := range users {
		if !seen[user] {
			seen[user] = true
			once = append(once, user)
		}
	}
	return once
}
