package notify_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
)

// FuzzStep: a step of a timeline reads back as it was written, and what a store may hold
// instead is refused or read as something that writes back the same.
func FuzzStep(f *testing.F) {
	f.Add([]byte(`{"t":1795305600123,"k":"final","c":"card","m":["m1","m2"],"s":"delivered","r":"read_report","d":"2"}`))
	f.Add([]byte(`{"t":1.7953056e+12,"k":"\ud800"}`))
	f.Add([]byte(`{"t":-9223372036854775808,"m":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again notify.Step
		if json.Unmarshal(b, &s) != nil {
			return
		}
		kept, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", s, err)
		}
		if err := json.Unmarshal(kept, &again); err != nil {
			t.Fatalf("%s cannot be read: %v", kept, err)
		}
		if len(s.Messages) == 0 {
			s.Messages = nil // left out
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Errorf("(-was +is)\n%s", diff)
		}
		if len(kept) > 6*len(b)+64 {
			t.Errorf("%d bytes became %d", len(b), len(kept))
		}
		if s.Before(again) || again.Before(s) {
			t.Error("a step comes before itself")
		}
	})
}

// FuzzPreferences: what passes the check is bounded and survives its JSON; what does not
// names the field. Quiet hours end after they began, within a day.
func FuzzPreferences(f *testing.F) {
	for _, s := range []string{`{"muted":true,"quietHours":"22:30-07:00","mutedPeers":["bob","@TGS#1"]}`, `{"quietHours":"24:00-01:00"}`,
		`{"quietHours":"+1:00-02:00"}`, `{"quietHours":"01:00-01:00"}`, `{"mutedPeers":["",null]}`, `{"quietHours":"00:00-23:59"}`, `{"quietHours":"23:59-00:00"}`} {
		f.Add([]byte(s), int64(1795305600), int8(8))
	}
	clock := regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$`)
	f.Fuzz(func(t *testing.T, b []byte, at int64, offset int8) {
		var p, again notify.Preferences
		if json.Unmarshal(b, &p) != nil {
			return
		}
		err := p.Check()
		end := p.QuietHours.End(time.Unix(at%4102444800, 0), time.FixedZone("", int(offset)*900))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "preferences.") {
				t.Errorf("a fault that names no field: %v", err)
			}
			if p.QuietHours.Check() != nil && !end.IsZero() {
				t.Errorf("%q is refused, and ends at %v", p.QuietHours, end)
			}
			return
		}
		if p.QuietHours != "" && (!clock.MatchString(string(p.QuietHours)) || p.QuietHours[:5] == p.QuietHours[6:]) {
			t.Errorf("accepted quiet hours %q", p.QuietHours)
		}
		if left := time.Until(end) - time.Until(time.Unix(at%4102444800, 0)); !end.IsZero() && (left <= -time.Second || left > 24*time.Hour+time.Second) {
			t.Errorf("%q at %v ends at %v", p.QuietHours, time.Unix(at%4102444800, 0).UTC(), end)
		}
		kept, err := json.Marshal(p)
		if err != nil || json.Unmarshal(kept, &again) != nil || !cmp.Equal(p, again) || len(kept) > 100*64*6+200 {
			t.Errorf("%+v became %+v in %d bytes, %v", p, again, len(kept), err)
		}
	})
}
