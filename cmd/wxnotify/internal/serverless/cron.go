package serverless

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// zone is where timers count their hours. The documentation does not say; users
// report Beijing time, which has had no daylight saving since 1991.
var zone = time.FixedZone("Asia/Shanghai", 8*60*60)

var (
	sixFields = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	digits    = regexp.MustCompile(`(^|[^/0-9])[0-9]`) // any number that is not a step
)

// A Schedule says when a timer fires.
type Schedule struct{ fields cron.Schedule }

// Next returns the first time after t, in UTC; the zero time if there is none.
func (s Schedule) Next(t time.Time) time.Time {
	next := s.fields.Next(t.In(zone))
	if next.IsZero() {
		return time.Time{}
	}
	return next.UTC()
}

// ParseCron reads a schedule of seven fields: second, minute, hour, day, month,
// weekday, year. The year must be "*". Weekdays must be names: the platform's page
// counts from Monday as 0, unlike every other cron.
//
// Source: https://cloud.tencent.com/document/product/583/9708
func ParseCron(expr string) (Schedule, error) {
	f := strings.Fields(expr)
	if len(f) != 7 {
		return Schedule{}, fmt.Errorf("%q has %d fields, want 7: second minute hour day month weekday year", expr, len(f))
	}
	if f[6] != "*" {
		return Schedule{}, fmt.Errorf("%q: the year is %q; only * is supported here", expr, f[6])
	}
	if digits.MatchString(f[5]) {
		return Schedule{}, fmt.Errorf("%q: write the weekday %q as MON to SUN; numbers mean different days on different platforms", expr, f[5])
	}
	if strings.Contains(expr, "?") {
		return Schedule{}, fmt.Errorf("%q: use * instead of ?", expr)
	}
	s, err := sixFields.Parse(strings.Join(f[:6], " "))
	if err != nil {
		return Schedule{}, fmt.Errorf("%q: %w", expr, err)
	}
	if s.Next(time.Unix(0, 0)).IsZero() { // it looks five years ahead, and so over a leap year
		return Schedule{}, errors.New("no day matches " + expr)
	}
	return Schedule{s}, nil
}
