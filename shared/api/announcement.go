package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wxnotify/shared/fact"
)

// announcement is what a backend sends to announce.
type announcement struct {
	ID              string                     `json:"id"`
	Kind            fact.Kind                  `json:"kind"`
	To              []fact.UserID              `json:"to"`
	Fields          map[string]json.RawMessage `json:"fields"`
	TTL             string                     `json:"ttl"`
	RespectPresence *bool                      `json:"respectPresence"`
}

// Bounds of an announcement.
const (
	maxRecipients = 500
	maxFieldRunes = 200 // no keyword shows as many
	maxCount      = 999999
	minTTL        = time.Minute
	maxTTL        = 7 * 24 * time.Hour
)

// fieldNames are what a template can show of an announcement.
var fieldNames = []string{"sender", "summary", "group", "time", "peer", "count"}

// ownKinds are announced by wxnotify itself, by rules of their own.
var ownKinds = []fact.Kind{fact.KindCall, fact.KindMissedCall, fact.KindDigest, fact.KindMention}

// announcements returns the messages that body asks for, one per recipient.
func announcements(body []byte, now time.Time) ([]fact.Message, error) {
	var req announcement
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	if err := req.checkNames(); err != nil {
		return nil, err
	}
	ttl, err := req.ttl()
	if err != nil {
		return nil, err
	}
	fields, err := req.texts()
	if err != nil {
		return nil, err
	}
	messages := make([]fact.Message, len(req.To))
	for i, to := range req.To {
		messages[i] = fact.Message{
			ID: fact.MessageID(req.ID), Kind: req.Kind, To: to, SentAt: now, ByREST: true, Lasts: ttl,
			Announcement: &fact.Announcement{Fields: fields, Anyway: req.RespectPresence != nil && !*req.RespectPresence},
		}
	}
	return messages, nil
}

// checkNames checks id, kind and to.
func (a *announcement) checkNames() error {
	switch {
	case a.ID == "" || len(a.ID) > 64 || !printable(a.ID):
		return badRequest("id", "id must be 1 to 64 printable ASCII characters without blanks: the same when you repeat the request, else new")
	case !a.Kind.Legal():
		return badRequest("kind", "kind must be the name of a template of notify.yml, or message: up to 32 of a-z, 0-9 and _, a letter first")
	case slices.Contains(ownKinds, a.Kind):
		return badRequest("kind", fmt.Sprintf("kind must not be %s, which wxnotify announces itself: use message or a name of your own", a.Kind))
	case len(a.To) == 0 || len(a.To) > maxRecipients:
		return badRequest("to", fmt.Sprintf("to must name 1 to %d users; more take several requests, the id may be the same", maxRecipients))
	}
	seen := make(map[fact.UserID]int, len(a.To))
	for i, user := range a.To {
		if user == "" || len(user) > 32 {
			return badRequest("to", fmt.Sprintf("to[%d] must be an IM account of 1 to 32 bytes", i))
		}
		if first, twice := seen[user]; twice {
			return badRequest("to", fmt.Sprintf("to[%d] is the same user as to[%d]: name each once", i, first))
		}
		seen[user] = i
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// ttl returns for how long the announcement may go out, or 0 for what the rules say.
func (a *announcement) ttl() (time.Duration, error) {
	if a.TTL == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(a.TTL)
	if err != nil || d < minTTL || d > maxTTL {
		return 0, badRequest("ttl", "ttl must be a duration from 1m to 168h, such as 30m or 24h; left out it is rules.ttl of notify.yml")
	}
	return d, nil
}

// texts returns the fields, checked.
func (a *announcement) texts() (map[string]string, error) {
	texts := make(map[string]string, len(a.Fields))
	for name, raw := range a.Fields {
		if !slices.Contains(fieldNames, name) {
			return nil, badRequest("fields", fmt.Sprintf("there is no field fields.%s: the fields are %s", clip(name), strings.Join(fieldNames, ", ")))
		}
		text, err := fieldText(name, raw)
		if err != nil {
			return nil, err
		}
		texts[name] = text
	}
	return texts, nil
}

// fieldText returns what a template shows for one field.
func fieldText(name string, raw json.RawMessage) (string, error) {
	fault := func(cure string) (string, error) { return "", badRequest("fields", "fields."+name+" "+cure) }
	var text string
	isText := json.Unmarshal(raw, &text) == nil && string(raw) != "null"
	if name == "count" {
		if !isText {
			text = string(raw)
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxCount {
			return fault(fmt.Sprintf("must be a whole number from 0 to %d", maxCount))
		}
		return strconv.Itoa(n), nil
	}
	if !isText {
		return fault("must be a text")
	}
	if utf8.RuneCountInString(text) > maxFieldRunes {
		return fault(fmt.Sprintf("is longer than %d characters: a card shows about 20", maxFieldRunes))
	}
	if name == "time" && strings.TrimSpace(text) == "" {
		return fault("is empty: leave it out to show when the request came")
	}
	if _, err := time.Parse(time.RFC3339, text); name == "time" && err == nil {
		return fault("is shown as it is: write it for the reader, in Beijing time, such as 2026年11月22日 18:09")
	}
	return text, nil
}
