package simulator

import "slices"

// A Lookup is how the host of the push URL looks to WeChat's check of it.
type Lookup int

// The lookups. By default the host has an address, which answers a ping.
const (
	Found    Lookup = iota
	NoName          // DNS knows no address of it
	NoAnswer        // its address answers no ping
)

// SetLookup sets how the host of the push URL looks from now on.
func (x *WeChat) SetLookup(l Lookup) {
	x.w.lock()
	defer x.w.unlock()
	x.lookup = l
}

// callbackCheck is POST /cgi-bin/callback/check: it looks the host of the push URL up, and pings it once.
// Source: https://developers.weixin.qq.com/doc/service/api/base/api_callbackcheck.html
func (x *WeChat) callbackCheck(r *request) answer {
	var q struct {
		Action   string `json:"action"`
		Operator string `json:"check_operator"`
	}
	if code := x.posted(r, &q); code != 0 {
		return x.fail(code)
	}
	type dns struct {
		IP       string `json:"ip"`
		Operator string `json:"real_operator"`
	}
	type ping struct {
		IP       string `json:"ip"`
		Operator string `json:"from_operator"`
		Loss     string `json:"package_loss"`
		Time     string `json:"time"`
	}
	x.w.lock()
	defer x.w.unlock()
	switch {
	case !slices.Contains([]string{"dns", "ping", "all"}, q.Action):
		return x.fail(40202)
	case !slices.Contains([]string{"CHINANET", "UNICOM", "CAP", "DEFAULT"}, q.Operator):
		return x.fail(40203)
	case x.pushURL == "":
		return x.fail(40201)
	}
	out := struct {
		DNS  []dns  `json:"dns"`
		Ping []ping `json:"ping"`
	}{[]dns{}, []ping{}}
	if q.Action != "ping" && x.lookup != NoName {
		out.DNS = append(out.DNS, dns{"203.0.113.7", "CAP"})
	}
	if q.Action != "dns" && x.lookup != NoName {
		p := ping{"203.0.113.7", "CAP", "0%", "23.079ms"}
		if x.lookup == NoAnswer {
			p.Loss, p.Time = "100%", ""
		}
		out.Ping = append(out.Ping, p)
	}
	return x.say(0, out)
}
