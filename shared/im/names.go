package im

import (
	"context"
	"errors"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// How many IM takes in one call.
// Source: https://cloud.tencent.com/document/product/269/1639, https://cloud.tencent.com/document/product/269/1616
const (
	maxPortraitBatch  = 100
	maxGroupInfoBatch = 50
)

// Names implements deliver.Directory with portrait_get, one call for each 100 users. A
// name is one line of at most 200 characters.
//
// Source: https://cloud.tencent.com/document/product/269/1639
func (c *Client) Names(ctx context.Context, users []fact.UserID) (map[fact.UserID]string, error) {
	names := make(map[fact.UserID]string, len(users))
	err := inBatches(users, maxPortraitBatch, func(batch []fact.UserID) error {
		return c.portraitGet(ctx, batch, names)
	})
	return names, err
}

func (c *Client) portraitGet(ctx context.Context, batch []fact.UserID, names map[fact.UserID]string) error {
	reply, err := c.call(ctx, "/v4/profile/portrait_get", map[string]any{
		"To_Account": batch, "TagList": []string{"Tag_Profile_IM_Nick"},
	})
	if api, ok := errors.AsType[*APIError](err); ok && api.UnknownAccount() && len(batch) == 1 {
		return nil
	}
	if err != nil && reply == nil {
		return err
	}
	asked, told, failed := setOf(batch), make(map[fact.UserID]bool, len(batch)), err
	for _, o := range reply.objects("UserProfileItem") {
		user := fact.UserID(o.id("To_Account"))
		code, _ := o.integer("ResultCode")
		e := &APIError{Op: "portrait_get", Code: int(code)}
		switch {
		case !asked[user]:
		case code == 0:
			told[user] = true
			keepName(names, user, nick(o))
		case e.UnknownAccount():
			told[user] = true
		case failed == nil:
			failed = e
		}
	}
	return shortfall(batch, failed, "portrait_get", func(user fact.UserID) bool { return told[user] })
}

func nick(portrait object) string {
	for _, item := range portrait.objects("ProfileItem") {
		if item.str("Tag") == "Tag_Profile_IM_Nick" {
			return item.str("Value")
		}
	}
	return ""
}

// GroupNames implements deliver.Directory with get_group_info, one call for each 50
// groups. A topic goes by the name of its community; one that does not tell its
// community has no name.
//
// Source: https://cloud.tencent.com/document/product/269/1616
func (c *Client) GroupNames(ctx context.Context, groups []fact.GroupID) (map[fact.GroupID]string, error) {
	var ask []fact.GroupID
	for _, group := range groups {
		if id := communityOf(group); id != "" {
			ask = append(ask, id)
		}
	}
	found := make(map[fact.GroupID]string, len(ask))
	err := inBatches(ask, maxGroupInfoBatch, func(batch []fact.GroupID) error {
		return c.getGroupInfo(ctx, batch, found)
	})
	names := make(map[fact.GroupID]string, len(groups))
	for _, group := range groups {
		if name, ok := found[communityOf(group)]; ok {
			names[group] = name
		}
	}
	return names, err
}

func (c *Client) getGroupInfo(ctx context.Context, batch []fact.GroupID, names map[fact.GroupID]string) error {
	reply, err := c.call(ctx, "/v4/group_open_http_svc/get_group_info", map[string]any{
		"GroupIdList": batch,
		// Without it IM sends the members as well.
		"ResponseFilter": map[string]any{"GroupBaseInfoFilter": []string{"Name"}},
	})
	if errors.Is(err, notify.ErrNoGroup) && len(batch) == 1 {
		return nil
	}
	if err != nil && reply == nil {
		return err
	}
	asked, told, failed := setOf(batch), make(map[fact.GroupID]bool, len(batch)), err
	for _, o := range reply.objects("GroupInfo") {
		group := fact.GroupID(o.id("GroupId"))
		code, _ := o.integer("ErrorCode")
		e := &APIError{Op: "get_group_info", Code: int(code)}
		switch {
		case !asked[group]:
		case code == 0:
			told[group] = true
			keepName(names, group, o.str("Name"))
		case e.NoGroup():
			told[group] = true
		case failed == nil:
			failed = e
		}
	}
	return shortfall(batch, failed, "get_group_info", func(group fact.GroupID) bool { return told[group] })
}

func keepName[T ~string](names map[T]string, id T, name string) {
	if name = oneLine(name, maxSummary); name != "" {
		names[id] = name
	}
}
