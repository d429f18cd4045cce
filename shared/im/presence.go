package im

import (
	"context"
	"errors"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// maxStatusBatch is how many accounts IM takes in one status query.
// Source: https://cloud.tencent.com/document/product/269/2566
const maxStatusBatch = 500

// Presence implements deliver.Asker with query_online_status, one call for each 500
// users. Users that occur twice are asked about once. A call that fails does not keep
// the others from being made, unless every one of them would fail.
//
// Source: https://cloud.tencent.com/document/product/269/2566
func (c *Client) Presence(ctx context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error) {
	statuses := make(map[fact.UserID]notify.Status, len(users))
	err := inBatches(users, maxStatusBatch, func(batch []fact.UserID) error {
		return c.queryOnlineStatus(ctx, batch, statuses)
	})
	return statuses, err
}

// queryOnlineStatus adds the statuses of batch to statuses. Its error tells of a user
// whom it could not add.
func (c *Client) queryOnlineStatus(ctx context.Context, batch []fact.UserID, statuses map[fact.UserID]notify.Status) error {
	reply, err := c.call(ctx, "/v4/openim/query_online_status", map[string]any{"To_Account": batch})
	if err != nil && reply == nil {
		return err
	}
	asked, failed := setOf(batch), err
	for _, o := range reply.objects("QueryResult") {
		user := fact.UserID(o.id("To_Account"))
		if status, ok := statusNamed(o.str("Status")); ok && asked[user] {
			statuses[user] = status
		}
	}
	for _, o := range reply.objects("ErrorList") {
		user := fact.UserID(o.id("To_Account"))
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
	return shortfall(batch, failed, "query_online_status", func(user fact.UserID) bool {
		_, ok := statuses[user]
		return ok
	})
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
