package notify

import (
	"fmt"
	"time"
)

// QuietHours are a time of each day, such as "22:30-07:00", in which nobody is told
// anything but calls. Empty: none.
type QuietHours string

// Check returns an error that says how quiet hours are written.
func (q QuietHours) Check() error {
	_, _, err := q.parse()
	return err
}

func (q QuietHours) parse() (from, to time.Duration, err error) {
	if q == "" {
		return 0, 0, nil
	}
	var fh, fm, th, tm int
	n, err := fmt.Sscanf(string(q), "%02d:%02d-%02d:%02d", &fh, &fm, &th, &tm)
	from, to = clockTime(fh, fm), clockTime(th, tm)
	legal := fh >= 0 && fh < 24 && th >= 0 && th < 24 && fm >= 0 && fm < 60 && tm >= 0 && tm < 60
	if err != nil || n != 4 || !legal || from == to || string(q) != fmt.Sprintf("%02d:%02d-%02d:%02d", fh, fm, th, tm) {
		return 0, 0, fmt.Errorf("%.40q: write two different times of day, such as 22:30-07:00", string(q))
	}
	return from, to, nil
}

func clockTime(hour, minute int) time.Duration {
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

// End returns when the quiet hours that now lies in end, in zone; the zero time if it
// lies in none. Quiet hours that cannot be read are none.
func (q QuietHours) End(now time.Time, zone *time.Location) time.Time {
	from, to, err := q.parse()
	if err != nil || from == to {
		return time.Time{}
	}
	local := now.In(zone)
	y, m, d := local.Date()
	at := func(day int, t time.Duration) time.Time {
		return time.Date(y, m, day, int(t/time.Hour), int(t%time.Hour/time.Minute), 0, 0, zone)
	}
	for _, day := range []int{d - 1, d} { // those that began yesterday, those that begin today
		start, end := at(day, from), at(day, to)
		if to < from {
			end = at(day+1, to)
		}
		if !local.Before(start) && local.Before(end) {
			return end
		}
	}
	return time.Time{}
}
