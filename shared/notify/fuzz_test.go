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
