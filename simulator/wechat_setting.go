package simulator

// A SubscriptionsSetting is what wx.getSetting({withSubscriptions: true}) tells a mini program of its user.
// Source: https://developers.weixin.qq.com/miniprogram/dev/api/open-api/setting/SubscriptionsSetting.html
type SubscriptionsSetting struct {
	MainSwitch bool
	// ItemSettings has accept, reject or ban for each template whose choice the user keeps.
	ItemSettings map[string]string
}

// SubscriptionsSetting returns what openID has set.
func (x *WeChat) SubscriptionsSetting(openID string) SubscriptionsSetting {
	x.w.lock()
	defer x.w.unlock()
	u := x.user(openID)
	s := SubscriptionsSetting{MainSwitch: !u.mainOff, ItemSettings: map[string]string{}}
	for id, c := range u.choices {
		switch t := x.templates[id]; {
		case c.kept == "" || t == nil:
		case t.banned:
			s.ItemSettings[id] = "ban"
		default:
			s.ItemSettings[id] = status(c.kept)
		}
	}
	return s
}
