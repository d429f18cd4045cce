package store

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"wxnotify/shared/stopwatch"
)

// A recent is the reply that a look would give after this process has written a record: whoever goes on
// with a card changes the same two records again, and need not look first. It is used once. It may be out
// of date, which the version tells when that change is committed.
type recent struct {
	found []any // the reply to a look, but for the time
	bytes int
	at    time.Time // the server's, when it was decided
	since stopwatch.Watch
}

const (
	// recentFor is for how long a record counts as recent: TTLs count on.
	recentFor = 10 * time.Second
	// recentBytes bounds what all recent records hold.
	recentBytes = 8 << 20
)

// recents are the recent records of a store. They are safe for concurrent use.
type recents struct {
	mu    sync.Mutex
	of    map[string]recent
	bytes int
}

// keep keeps what was written of a record, and forgets all others if there is no room.
func (r *recents) keep(record string, kept recent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += kept.bytes - r.of[record].bytes
	if r.of == nil || r.bytes > recentBytes {
		r.of, r.bytes = map[string]recent{}, kept.bytes
	}
	r.of[record] = kept
}

// take returns a recent record, once.
func (r *recents) take(record string) (recent, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept, there := r.of[record]
	delete(r.of, record)
	r.bytes -= kept.bytes
	return kept, there && kept.since.Elapsed() < recentFor
}

// lookRecent returns what a look for c would find if nobody has written the record since this process has.
// A change that reads more, or other hashes, looks: of changes of one kind of record the number tells.
func (s *Store) lookRecent(c *change) (reply, bool) {
	kept, there := s.recents.take(c.record)
	if !there || len(kept.found) != 1+len(c.guards)+len(c.reads) {
		return reply{}, false
	}
	now := kept.at.Add(kept.since.Elapsed())
	if s.server != nil {
		now = s.server()
	}
	return reply{value: append([]any{strconv.FormatInt(now.UnixMilli(), 10)}, kept.found...)}, true
}

// remember keeps what d has written, if its process goes on with the record.
func (s *Store) remember(d decision) {
	if !d.goesOn || d.leaves == nil || d.apart != "" {
		return
	}
	kept := recent{found: slices.Clone(d.leaves), at: d.at, since: d.since}
	for i, v := range append([]string{d.next}, d.versions[1:]...) {
		kept.found[i] = append([]any{v}, kept.found[i].([]any)...)
	}
	kept.bytes = len(d.record) + sizeOf(kept.found)
	s.recents.keep(d.record, kept)
}

// sizeOf returns about how many bytes a reply holds.
func sizeOf(v any) int {
	list, ok := v.([]any)
	if !ok {
		return 16 + len(text(v))
	}
	n := 24
	for _, e := range list {
		n += sizeOf(e)
	}
	return n
}
