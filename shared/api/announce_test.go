package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/api"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// An announcer remembers what it was asked to announce.
type announcer struct {
	messages []fact.Message
	results  []notify.Accepted // nil: all wait
	wake     bool
	err      error
}

func (a *announcer) Announce(_ context.Context, _ notify.Rules, messages []fact.Message) ([]notify.Accepted, bool, error) {
	if a.err != nil {
		return nil, false, a.err
	}
	a.messages = append(a.messages, messages...)
	if a.results != nil {
		return a.results, a.wake, nil
	}
	return make([]notify.Accepted, len(messages)), a.wake, nil
}

func announcing(t *testing.T) (*service, *announcer) {
	t.Helper()
	s, ann := newService(t, false), &announcer{}
	s.announce.Store = ann
	return s, ann
}

// say sends an announcement, signed now.
func (s *service) say(body string) reply {
	s.t.Helper()
	return s.do(s.announce, "POST", body, signed(annKey, s.now, "announce", body))
}

func TestAnnounce(t *testing.T) {
	s := newService(t, false)
	ann := &announcer{wake: true, results: []notify.Accepted{{}, {State: fact.StateNotBound}, {State: fact.StateMuted, Reason: fact.ReasonMutedAll},
		{Err: fmt.Errorf("%w: the key", notify.ErrUnreadable)}}}
	s.announce.Store, s.wakeErr = ann, errors.New("nobody home") // the timer's next run will do
	got := s.say(`{"id":"order-4711","kind":"order_shipped","to":["alice","bob","卡罗尔","dave"],
		"fields":{"summary":"very private words","count":0,"peer":"4711","time":"2026年11月22日 18:09"},"ttl":"2h","respectPresence":false}`)
	s.wantOK(got)
	want := []struct{ To, State, Reason string }{{"alice", "accepted", ""}, {"bob", "not bound", ""}, {"卡罗尔", "muted", "muted_all"}, {"dave", "unavailable", ""}}
	if d := cmp.Diff(want, got.Results); d != "" {
		t.Error(d)
	}
	var messages []fact.Message
	for _, to := range []fact.UserID{"alice", "bob", "卡罗尔", "dave"} {
		messages = append(messages, fact.Message{
			ID: "order-4711", Kind: "order_shipped", To: to, SentAt: s.now.UTC(), ByREST: true, Lasts: 2 * time.Hour,
			Announcement: &fact.Announcement{Anyway: true, Fields: map[string]string{
				"summary": "very private words", "count": "0", "peer": "4711", "time": "2026年11月22日 18:09"}}})
	}
	if d := cmp.Diff(messages, ann.messages); d != "" {
		t.Error(d)
	}
	if s.woken != 1 {
		t.Errorf("deliver was woken %d times", s.woken)
	}
	if log := s.log.String(); strings.Contains(log, "private") || !strings.Contains(log, "order-4711") ||
		strings.Count(log, `"alert":"unreadable"`) != 1 || !strings.Contains(log, "the key") || !strings.Contains(log, "nobody home") {
		t.Errorf("the log names the text, or not the id, what cannot be read and the wake that failed:\n%s", log)
	}
}

func TestAnnounceDefaults(t *testing.T) {
	s, ann := announcing(t)
	s.wantOK(s.say(`{"id":"1","kind":"message","to":["alice"]}`))
	want := []fact.Message{{ID: "1", Kind: fact.KindMessage, To: "alice", SentAt: s.now.UTC(), ByREST: true,
		Announcement: &fact.Announcement{Fields: map[string]string{}}}}
	if d := cmp.Diff(want, ann.messages); d != "" {
		t.Error(d)
	}
	if s.woken != 0 {
		t.Error("deliver was woken for nothing")
	}
}

func TestAnnounceRefuses(t *testing.T) {
	s, ann := announcing(t)
	var err error
	s.announce.Templates, err = card.NewTemplates(map[fact.Kind]card.TemplateSpec{
		"message": {ID: "T1", Data: map[string]string{"thing1": "{{.Sender}}", "time2": "{{.Time}}"}},
		"photo":   {ID: "T2", Data: map[string]string{"thing": "x"}},
		"price":   {ID: "T3", Data: map[string]string{"amount1": "{{.Summary}}", "date2": "{{.Group}}"}},
		"cut":     {ID: "T4", Data: map[string]string{"thing1": "{{slice .Sender 0 1}}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	of := func(kind, fields string) string {
		return fmt.Sprintf(`{"id":"1","kind":%q,"to":["alice"],"fields":%s}`, kind, fields)
	}
	with := func(field, value string) string {
		req := map[string]json.RawMessage{"id": json.RawMessage(`"1"`), "kind": json.RawMessage(`"message"`), "to": json.RawMessage(`["alice"]`)}
		req[field] = json.RawMessage(value)
		b, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	s.wantRefusals(s.say, map[string]refusal{
		"no id":           {with("id", `""`), "id", "1 to 64"},
		"long id":         {with("id", `"`+strings.Repeat("x", 65)+`"`), "id", "1 to 64"},
		"blank in id":     {with("id", `"a b"`), "id", "printable"},
		"id of a kind":    {with("id", `"订单"`), "id", "ASCII"},
		"id is a number":  {with("id", `4711`), "bad_json", "field id"},
		"no kind":         {with("kind", `""`), "kind", "template"},
		"kind in capital": {with("kind", `"Order"`), "kind", "a-z"},
		"a call":          {with("kind", `"call"`), "kind", "must not be call"},
		"a missed call":   {with("kind", `"missed_call"`), "kind", "must not be missed_call"},
		"a digest":        {with("kind", `"digest"`), "kind", "must not be digest"},
		"a mention":       {with("kind", `"mention"`), "kind", "must not be mention"},
		"nobody":          {with("to", `[]`), "to", "1 to 500"},
		"too many":        {with("to", `[`+strings.Repeat(`"x",`, 500)+`"x"]`), "to", "1 to 500"},
		"empty user":      {with("to", `["alice",""]`), "to", "to[1]"},
		"long user":       {with("to", `["`+strings.Repeat("x", 33)+`"]`), "to", "to[0]"},
		"twice":           {with("to", `["alice","bob","alice"]`), "to", "to[2] is the same user as to[0]"},
		"one user":        {with("to", `"alice"`), "bad_json", "field to"},
		"unknown field":   {with("fields", `{"sumary":"x"}`), "fields", "fields.sumary"},
		"long text":       {with("fields", `{"summary":"`+strings.Repeat("长", 201)+`"}`), "fields", "fields.summary"},
		"no text":         {with("fields", `{"sender":{}}`), "fields", "fields.sender must be a text"},
		"null text":       {with("fields", `{"sender":null}`), "fields", "fields.sender must be a text"},
		"null count":      {with("fields", `{"count":null}`), "fields", "fields.count"},
		"count in words":  {with("fields", `{"count":"three"}`), "fields", "fields.count"},
		"half a count":    {with("fields", `{"count":1.5}`), "fields", "fields.count"},
		"negative count":  {with("fields", `{"count":"-1"}`), "fields", "fields.count"},
		"a time for us":   {with("fields", `{"time":"2026-11-22T10:09:00Z"}`), "fields", "Beijing time"},
		"an empty time":   {with("fields", `{"time":""}`), "fields", "fields.time is empty: leave it out"},
		"a blank time":    {with("fields", `{"time":" "}`), "fields", "fields.time is empty: leave it out"},
		"not a time":      {of("message", `{"time":"soon"}`), "fields", "fields.time does not fit: the card shows it as time2, which takes a time such as 9:30"},
		"not an amount":   {of("price", `{"summary":"about 5","group":"2026-12-24"}`), "fields", "fields.summary does not fit: the card shows it as amount1"},
		"no date":         {of("price", `{"summary":"￥5"}`), "fields", "fields.group has to be sent: the card shows it as date2"},
		"too short":       {of("cut", `{"summary":"x"}`), "fields", "data.thing1"},
		"a disabled kind": {of("photo", `{}`), "kind", "kind photo cannot be announced until notify.yml is mended: templates.photo is disabled"},
		"fields in a row": {with("fields", `["x"]`), "bad_json", "field fields"},
		"ttl too short":   {with("ttl", `"59s"`), "ttl", "1m to 168h"},
		"ttl too long":    {with("ttl", `"169h"`), "ttl", "1m to 168h"},
		"ttl in words":    {with("ttl", `"a day"`), "ttl", "30m"},
		"ttl is a number": {with("ttl", `3600`), "bad_json", "field ttl"},
		"presence":        {with("respectPresence", `"no"`), "bad_json", "field respectPresence"},
		"unknown key":     {with("userIds", `["alice"]`), "bad_json", `"userIds"`},
		"no JSON":         {"id=1", "bad_json", "malformed"},
		"nothing":         {"", "bad_json", "malformed"},
		"large":           {`{"id":"` + strings.Repeat("x", 257<<10) + `"}`, "too_large", ""},
	})
	s.wantFault(s.do(s.announce, "GET", "", nil), 405, "method_not_allowed")
	if len(ann.messages) != 0 {
		t.Errorf("announced all the same: %+v", ann.messages)
	}
}

func TestAnnounceToMany(t *testing.T) {
	s, ann := announcing(t)
	to := ""
	for i := range 500 {
		to += fmt.Sprintf(",%q", fmt.Sprintf("%032d", i))
	}
	got := s.wantOK(s.say(fmt.Sprintf(`{"id":"1","kind":"message","to":[%s],"fields":{"summary":%q}}`, to[1:], strings.Repeat("长", 200))))
	if len(got.Results) != 500 || !strings.HasSuffix(got.Results[499].To, "0499") || len(ann.messages) != 500 {
		t.Errorf("%d results, %d messages", len(got.Results), len(ann.messages))
	}
}

// A signature is good once, in whichever case it is written, until it is too old.
func TestAnnounceReplayed(t *testing.T) {
	s, ann := announcing(t)
	body := `{"id":"1","kind":"message","to":["alice"]}`
	h := signed(annKey, s.now.Add(4*time.Minute), "announce", body) // a clock ahead of ours
	shouted := h.Clone()
	shouted.Set(api.HeaderSignature, strings.ToUpper(h.Get(api.HeaderSignature)))
	send := func(h http.Header) reply { return s.do(s.announce, "POST", body, h) }
	s.wantOK(send(h))
	s.wantFault(send(shouted), 403, "replayed")
	for _, later := range []time.Duration{4 * time.Minute, 4*time.Minute + 59*time.Second} {
		s.now = s.now.Add(later)
		s.mini.FastForward(later)
		s.wantFault(send(h), 403, "replayed")
	}
	s.now = s.now.Add(time.Minute)
	s.mini.FastForward(time.Minute)
	s.wantFault(send(h), 401, "unauthorized")
	if len(ann.messages) != 1 {
		t.Errorf("announced %d times", len(ann.messages))
	}
	s.wantOK(s.say(body)) // the backend itself may repeat it: it signs anew
}

func TestAnnounceStoreAway(t *testing.T) {
	s, ann := announcing(t)
	ann.err = errors.New("store: away")
	body := `{"id":"1","kind":"message","to":["alice"]}`
	got := s.say(body)
	s.wantFault(got, 503, "unavailable")
	if got.header.Get("Retry-After") == "" {
		t.Error("it is not told when to try again")
	}
	ann.err, ann.results = nil, []notify.Accepted{}
	s.now = s.now.Add(5 * time.Second)
	s.wantFault(s.say(body), 503, "unavailable") // an answer that is not about everybody
	ann.results = nil
	s.now = s.now.Add(5 * time.Second)
	s.wantOK(s.say(body))
	s.mini.Close() // and with it the memory of signatures
	s.now = s.now.Add(5 * time.Second)
	s.wantFault(s.say(body), 503, "unavailable")
}
