package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wxnotify/shared/api"
	"wxnotify/shared/notify"
)

// A noLimit lets everything through.
type noLimit struct{}

func (noLimit) Allow(context.Context, string, int, time.Duration) (bool, error) { return true, nil }
func (noLimit) Allowed(context.Context, string, int) (bool, error)              { return true, nil }
func (noLimit) Try(context.Context, string, int, time.Duration) (string, bool, error) {
	return "", true, nil
}
func (noLimit) Forgive(context.Context, string, string) error { return nil }

// Whatever a backend signs is either refused or announced within the bounds.
func FuzzAnnounce(f *testing.F) {
	f.Add(`{"id":"order-1","kind":"order_shipped","to":["alice","bob"],"fields":{"summary":"x","count":3,"time":"18:09"},"ttl":"2h","respectPresence":false}`)
	f.Add(`{"id":"1","kind":"call","to":[""],"fields":{"count":"1e3"},"ttl":"-1h"}`)
	f.Add(`{"id":"1","kind":"message","to":["a"],"fields":{"sender":null,"peer":"\ud800"}}{}`)
	now := time.Unix(1704067200, 0)
	ts, err := notify.NewTemplates(map[notify.Kind]notify.TemplateSpec{
		"message": {ID: "T1", Data: map[string]string{"thing1": "{{.Sender}}", "time2": "{{.Time}}", "number3": "{{.Count}}", "phrase4": "{{.Summary}}"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		ann := &announcer{}
		h := &api.Announce{Key: annKey, Store: ann, Limits: noLimit{}, Templates: ts, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header = signed(annKey, now, "announce", body)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusBadRequest && len(ann.messages) == 0:
			return
		case w.Code != http.StatusOK || len(ann.messages) == 0 || len(ann.messages) > 500:
			t.Fatalf("answered %d %s, announced %d", w.Code, w.Body, len(ann.messages))
		}
		seen := map[notify.UserID]bool{}
		for _, m := range ann.messages {
			if m.ID == "" || m.To == "" || len(m.To) > 32 || seen[m.To] || m.From != "" || m.Lasts < 0 || m.Lasts > 168*time.Hour {
				t.Errorf("announced %+v", m)
			}
			seen[m.To] = true
			n := notify.Notice{ID: m.Identity(), Kind: m.Kind, SentAt: m.SentAt, Announcement: m.Announcement}
			if card, err := ts.For(m.Kind).Render(notify.DefaultRules(), "c", "o", []notify.Notice{n}, nil, false, now.Add(time.Hour)); err != nil {
				t.Errorf("accepted, and no card can be made of it: %v", err)
			} else if at := m.Announcement.Fields["time"]; at != "" && !strings.Contains(card.Data["time2"], ":") {
				t.Errorf("time %q is shown as %q", at, card.Data["time2"])
			}
			for name, text := range m.Announcement.Fields {
				if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 200 {
					t.Errorf("%s is %q", name, text)
				}
			}
		}
	})
}
