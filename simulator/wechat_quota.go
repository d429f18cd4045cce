package simulator

import (
	"strings"
	"time"
)

// dailySends is the cards that an account without WeChat Pay may send a day.
// Source: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message-overview.html
const dailySends = 10_000_000

// A Quota bounds how often an API may be called. Zero is no bound.
type Quota struct {
	Daily     int // then 45009 until the next day in Beijing
	PerMinute int // then 45011 until the next minute
}

// A quota is a Quota and what is used of it.
type quota struct {
	Quota
	day      string
	used     int
	minute   int64
	inMinute int
}

// SetQuota bounds calls of path, such as /cgi-bin/message/subscribe/send, from now on.
// Calls with a bad token or secret do not count.
func (x *WeChat) SetQuota(path string, q Quota) {
	x.w.lock()
	defer x.w.unlock()
	x.quotas[path] = &quota{Quota: q}
}

// getQuota is POST /cgi-bin/openapi/quota/get. Of an API that SetQuota does not bound it tells the bound of sends.
// Source: https://developers.weixin.qq.com/doc/service/api/apimanage/api_getapiquota
func (x *WeChat) getQuota(r *request) answer {
	var q struct {
		Path string `json:"cgi_path"`
	}
	switch code := x.posted(r, &q); {
	case code != 0:
		return x.fail(code)
	case strings.HasPrefix(q.Path, "/sns/"):
		return x.fail(76022)
	case x.api.endpoint(q.Path) == nil:
		return x.fail(76021)
	}
	x.w.lock()
	defer x.w.unlock()
	limit, used := dailySends, 0
	if of, ok := x.quotas[q.Path]; ok {
		if of.Daily > 0 {
			limit = of.Daily
		}
		if of.day == beijingDay(x.w.now()) {
			used = of.used
		}
	}
	type quota struct {
		Daily  int `json:"daily_limit"`
		Used   int `json:"used"`
		Remain int `json:"remain"`
	}
	return x.say(0, struct {
		Code  int    `json:"errcode"`
		Msg   string `json:"errmsg"`
		Quota quota  `json:"quota"`
	}{0, "ok", quota{limit, used, limit - used}})
}

// spend counts a call of path and returns an errcode if it is one too many. The caller
// holds w.mu.
func (x *WeChat) spend(path string) (code int) {
	q, ok := x.quotas[path]
	if !ok {
		q = &quota{}
		x.quotas[path] = q
	}
	now := x.w.now()
	if day := beijingDay(now); day != q.day {
		q.day, q.used = day, 0
	}
	if minute := now.Unix() / 60; minute != q.minute {
		q.minute, q.inMinute = minute, 0
	}
	switch {
	case q.Daily > 0 && q.used >= q.Daily:
		return 45009
	case q.PerMinute > 0 && q.inMinute >= q.PerMinute:
		return 45011
	}
	q.used++
	q.inMinute++
	return 0
}

// beijingDay is the day that quotas are counted by: they are reset in the small hours,
// Beijing time. Midnight is our choice, the hour is not published.
func beijingDay(t time.Time) string {
	return t.In(time.FixedZone("", beijingSeconds)).Format(time.DateOnly)
}
