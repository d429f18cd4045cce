package fact

import "time"

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Earlier returns the earlier of two times.
func Earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Beijing is where WeChat's users read the time, whatever the zone of the machine.
var Beijing = time.FixedZone("Asia/Shanghai", 8*60*60)
