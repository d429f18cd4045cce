package trigger

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// imGroup makes a message to a group.
// Source: https://cloud.tencent.com/document/product/269/2661
func imGroup(a *args, s Settings, now time.Time) (Request, error) {
	group, from := a.need("group"), a.need("from")
	var at []object
	if a.oneOf("all", "0", "1") == "1" {
		at = append(at, object{"GroupAtAllFlag": 1})
	}
	for _, user := range a.list("at") {
		at = append(at, object{"GroupAtAllFlag": 0, "GroupAt_Account": user})
	}
	// Numbers grow within a group, and so do hundredths of a second, but for once in 497 days.
	seq := a.number("seq", now.UnixMilli()/10%math.MaxUint32)
	if seq < 1 || seq > math.MaxUint32 {
		a.errs = append(a.errs, fmt.Errorf("seq=%d is not the number of a message", seq))
	}
	random := rand.Uint32()
	body := object{
		"GroupId": group, "Type": a.oneOf("type", "Public", "Private", "ChatRoom", "Community"),
		"From_Account": from, "Operator_Account": from, "Random": random,
		"MsgId": fmt.Sprintf("144115%09d-%d-%d", rand.IntN(1e9), now.Unix(), random), "MsgSeq": seq, "MsgTime": now.Unix(),
		"OnlineOnlyFlag": 0, "MsgBody": []object{{"MsgType": "TIMTextElem", "MsgContent": object{"Text": a.text("text", "hi")}}},
		"EventTime": strconv.FormatInt(now.UnixMilli(), 10), // a string in the document's example
	}
	if at != nil {
		body["GroupAtInfo"] = at
	}
	return callback(a, s, groupAfter, a.text("platform", "Web"), body, now, fmt.Sprintf("%s -> %s, seq=%d", from, group, seq))
}

// imGroupRecall makes the news that messages of a group were taken back.
// Source: https://cloud.tencent.com/document/product/269/1523
func imGroupRecall(a *args, s Settings, now time.Time) (Request, error) {
	group := a.need("group")
	var seqs []object
	list := a.needList("seq")
	for _, text := range list {
		seq, err := strconv.ParseUint(text, 10, 32)
		if err != nil && text != "" {
			a.errs = append(a.errs, fmt.Errorf("seq=%s is not the number of a message", text))
		}
		seqs = append(seqs, object{"MsgSeq": seq})
	}
	return callback(a, s, groupRecall, "Web", object{
		"Operator_Account": a.text("from", "administrator"), "Type": "Public", "GroupId": group, "MsgSeqList": seqs,
		"EventTime": strconv.FormatInt(now.UnixMilli(), 10),
	}, now, fmt.Sprintf("%s, seq=%s", group, strings.Join(list, ",")))
}
