package im

import (
	"context"
	"errors"

	"wxnotify/shared/fact"
)

// maxUnreadPeers is how many conversations IM takes in one get_c2c_unread_msg_num.
// Source: https://cloud.tencent.com/document/product/269/56043
const maxUnreadPeers = 10

// Unread implements deliver.Asker with get_c2c_unread_msg_num. IM tells either the total
// or single conversations, so it is called twice if there is anything unread and peers
// are asked for. Groups do not count. A peer of whom IM cannot tell is missing from by.
//
// Source: https://cloud.tencent.com/document/product/269/56043
func (c *Client) Unread(ctx context.Context, user fact.UserID, peers []fact.UserID) (total int, by map[fact.UserID]int, err error) {
	total, err = c.unreadTotal(ctx, user)
	if err != nil {
		return 0, nil, err
	}
	peers = distinct(peers)
	peers = peers[:min(len(peers), maxUnreadPeers)]
	by = make(map[fact.UserID]int, len(peers))
	switch {
	case len(peers) == 0:
		return total, by, nil
	case total == 0:
		for _, peer := range peers {
			by[peer] = 0
		}
		return total, by, nil
	}
	return total, by, c.unreadWith(ctx, user, peers, by)
}

func (c *Client) unreadTotal(ctx context.Context, user fact.UserID) (int, error) {
	reply, err := c.call(ctx, "/v4/openim/get_c2c_unread_msg_num", map[string]any{"To_Account": user})
	if err != nil {
		return 0, err
	}
	n, ok := reply.integer("AllC2CUnreadMsgNum")
	if !ok || n < 0 {
		return 0, errors.New("im: get_c2c_unread_msg_num: AllC2CUnreadMsgNum is not in the reply")
	}
	return int(n), nil
}

// unreadWith adds to by.
func (c *Client) unreadWith(ctx context.Context, user fact.UserID, peers []fact.UserID, by map[fact.UserID]int) error {
	reply, err := c.call(ctx, "/v4/openim/get_c2c_unread_msg_num", map[string]any{"To_Account": user, "Peer_Account": peers})
	if err != nil {
		// The user is known, or there were no total: it is the peers who are not.
		if api, ok := errors.AsType[*APIError](err); ok && api.UnknownAccount() {
			return nil
		}
		return err
	}
	asked := setOf(peers)
	for _, o := range reply.objects("C2CUnreadMsgNumList") {
		peer := fact.UserID(o.id("Peer_Account"))
		if n, ok := o.integer("C2CUnreadMsgNum"); ok && n >= 0 && asked[peer] {
			by[peer] = int(n)
		}
	}
	return nil
}
