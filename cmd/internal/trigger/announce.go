package trigger

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/api"
)

// announceSend makes what a backend sends to announce, signed as docs/api.md says.
func announceSend(a *args, s Settings, now time.Time) (Request, error) {
	to := a.needList("to")
	id := a.text("id", nonce())
	fields := object{}
	for _, name := range []string{"sender", "summary", "group", "time", "peer", "count"} {
		if text := a.text(name, ""); text != "" {
			fields[name] = text
		}
	}
	request := object{"id": id, "kind": a.text("kind", "message"), "to": to, "fields": fields}
	if ttl := a.text("ttl", ""); ttl != "" {
		request["ttl"] = ttl
	}
	if a.oneOf("anyway", "0", "1") == "1" {
		request["respectPresence"] = false
	}
	body, err := request.encode()
	if err != nil {
		return Request{}, err
	}
	a.uses("ANNOUNCE_KEY")
	timestamp := strconv.FormatInt(now.Unix(), 10)
	header := http.Header{}
	header.Set(api.HeaderTimestamp, timestamp)
	header.Set(api.HeaderSignature, api.Sign(s.AnnounceKey, timestamp, "announce", body))
	return Request{Function: "announce", Method: http.MethodPost, Header: header, Body: body,
		Note: fmt.Sprintf("announcement to %s, id=%s", strings.Join(to, ", "), id)}, nil
}
