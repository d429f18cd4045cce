package im

import (
	"context"
	"errors"

	"wxnotify/shared/notify"
)

// maxPortraitBatch is how many accounts IM takes in one portrait_get.
// Source: https://cloud.tencent.com/document/product/269/1639
const maxPortraitBatch = 100

// A Portrait is what a user shows of himself.
type Portrait struct {
	Nick  string // as the user typed it; may be empty
	Image string // URL; may be empty
}

// PortraitGet returns the portraits of users, one call for each 100. Users of whom IM
// has never heard are left out without an error; for any other user who is left out,
// the error says why for at least one.
//
// Source: https://cloud.tencent.com/document/product/269/1639
func (c *Client) PortraitGet(ctx context.Context, users []notify.UserID) (map[notify.UserID]Portrait, error) {
	portraits := make(map[notify.UserID]Portrait, len(users))
	err := inBatches(users, maxPortraitBatch, func(batch []notify.UserID) error {
		return c.portraits(ctx, batch, portraits)
	})
	return portraits, err
}

func (c *Client) portraits(ctx context.Context, batch []notify.UserID, portraits map[notify.UserID]Portrait) error {
	reply, err := c.call(ctx, "/v4/profile/portrait_get", map[string]any{
		"To_Account": batch,
		"TagList":    []string{"Tag_Profile_IM_Nick", "Tag_Profile_IM_Image"},
	})
	if api, ok := errors.AsType[*APIError](err); ok && api.UnknownAccount() && len(batch) == 1 {
		return nil
	}
	if err != nil && reply == nil {
		return err
	}
	asked, told, failed := setOf(batch), make(map[notify.UserID]bool, len(batch)), err
	for _, o := range reply.objects("UserProfileItem") {
		user := notify.UserID(o.id("To_Account"))
		code, _ := o.integer("ResultCode")
		e := &APIError{Op: "portrait_get", Code: int(code)}
		switch {
		case !asked[user]:
		case code == 0:
			portraits[user], told[user] = readPortrait(o), true
		case e.UnknownAccount():
			told[user] = true
		case failed == nil:
			failed = e
		}
	}
	return shortfall(batch, failed, "portrait_get", func(user notify.UserID) bool { return told[user] })
}

func readPortrait(o object) Portrait {
	var p Portrait
	for _, item := range o.objects("ProfileItem") {
		switch item.str("Tag") {
		case "Tag_Profile_IM_Nick":
			p.Nick = item.str("Value")
		case "Tag_Profile_IM_Image":
			p.Image = item.str("Value")
		}
	}
	return p
}

// UnreadTotal returns how many messages of all one-to-one conversations user has not
// read. Groups do not count.
//
// Source: https://cloud.tencent.com/document/product/269/56043
func (c *Client) UnreadTotal(ctx context.Context, user notify.UserID) (int, error) {
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
