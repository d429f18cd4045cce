package store

import (
	"crypto/sha256"
	"encoding/base64"
	"hash/fnv"
	"strconv"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// DefaultPrefix begins the keys of a deployment that names no other: of that which
// `scf deploy` makes without --stage.
const DefaultPrefix = "wxnotify-dev"

// Keys begin with the prefix of their deployment, so that several can share a server, and carry a
// hash tag, so that all keys of one shard are in one slot of a clustered store and one script may
// change them together. Below, wxn stands for the prefix:
//
//	wxn{n}:q            queue: recipient -> when due, ms           sorted set
//	wxn{n}:cq           the same for calls                         sorted set
//	wxn{n}:r:<user>     v version; o openid, on presence, ab absence,
//	                     p preferences; m, c messages and calls
//	                     that wait; s their timeline until then;
//	                     l 1 if there are dead letters              hash
//	wxn{n}:rd:<user>    hash of a peer, or of "@" and a group,
//	                     -> read up to, s                           hash
//	wxn{n}:d:<user>:<d> marks of messages of day d                 hash
//	wxn{n}:cl:<user>    calls of late                              string
//	wxn{n}:dl:<user>    dead letters                               hash
//	wxn{n}:t:<user>     timeline: entries, newest first            list
//	wxn{n}:dead         who has dead letters -> since when, ms     sorted set
//	wxn{n}:i:<quarter>  index: messages of a quarter of a day, with
//	                     their recipients                           sorted set
//	wxn{n}:mc           v version; what was counted of late, by the
//	                     minute of the day                          hash
//	wxn{n}:counts       final state -> messages                    hash
//	wxn{n}:mm:<piece>   metrics of the minutes of a piece of an hour hash
//	wxn{n}:mh:<day>     metrics of the hours of a day              hash
//	wxn{n}:mt           metrics since ever, but for ends           hash
//	wxn{n}:td:<digest>  v version: the end of a card was told      hash
//	wxn{n}:at:<version> v version of a change of no record         hash
//	wxn{n}:xu           v version; hash of a user who was erased
//	                     of late -> until when not named, ms        hash
//
//	wxn{n}:s:<openid>   v version; d user, ledgers, cards being
//	                     sent                                       hash
//	wxn{n}:c:<openid>   card -> how it stands                      hash
//	wxn{n}:u            openid, card -> when its end is to be told sorted set
//	wxn{n}:mv           openids with cards of somebody whose they
//	                     are no more -> until when, ms              sorted set
//	wxn{n}:g:<openid>   marks of grants                            hash
//	wxn{n}:x:<digest>   v until when this erased openid is kept out hash
//
//	wxn{n}:le:<token>   until when what was handed out by it is hidden,
//	                     ms                                         string
//	wxn{n}:tok:<appid>  v version; t token, e expiry, l renewed
//	                     until, ms                                  hash
//	wxn{n}:lim:<digest> attempts in the window that its TTL ends   set
//	wxn{0}:watch        until when somebody watches, ms; who       string
//
// The keys of group messages (sq, sp, gm), circuits (circuits, gone), names (nm), paces (pace) and
// of the store itself (id) are in their own files.
type keys struct{ tag string }

// keysOf returns the keys of the shard that id belongs to.
func (s *Store) keysOf(id string) keys {
	h := fnv.New32a()
	h.Write([]byte(id))
	return s.shardKeys(int(h.Sum32() % uint32(s.shards)))
}

func (s *Store) shardKeys(shard int) keys {
	return keys{s.prefix + "{" + strconv.Itoa(shard) + "}:"}
}

// ofEachShard returns a command for each.
func (s *Store) ofEachShard(of func(keys) command) []command {
	out := make([]command, s.shards)
	for i := range out {
		out[i] = of(s.shardKeys(i))
	}
	return out
}

func (k keys) queue() string       { return k.tag + "q" }
func (k keys) callsQueue() string  { return k.tag + "cq" }
func (k keys) counts() string      { return k.tag + "counts" }
func (k keys) dead() string        { return k.tag + "dead" }
func (k keys) erasedUsers() string { return k.tag + "xu" }
func (k keys) overdue() string     { return k.tag + "u" }
func (k keys) moved() string       { return k.tag + "mv" }

// once is where a change that concerns no record has its version.
func (k keys) once(version string) string { return k.tag + "at:" + version }

func (k keys) lease(token string) string { return k.tag + "le:" + token }

// queueOf is the key of a queue.
func (k keys) queueOf(q card.Queue) string {
	if q == card.QueueCalls {
		return k.callsQueue()
	}
	return k.queue()
}

func (k keys) index(quarter int64) string { return k.tag + "i:" + strconv.FormatInt(quarter, 10) }

func (k keys) recipient(u fact.UserID) string { return k.tag + "r:" + string(u) }
func (k keys) timeline(u fact.UserID) string  { return k.tag + "t:" + string(u) }
func (k keys) reads(u fact.UserID) string     { return k.tag + "rd:" + string(u) }
func (k keys) ringLog(u fact.UserID) string   { return k.tag + "cl:" + string(u) }
func (k keys) letters(u fact.UserID) string   { return k.tag + "dl:" + string(u) }

func (k keys) marks(u fact.UserID, day int64) string {
	return k.tag + "d:" + string(u) + ":" + strconv.FormatInt(day, 10)
}

// told is named so that it may outlive the user who was told.
func (k keys) told(c card.ID, end fact.State) string {
	return k.tag + "td:" + digest(string(c), string(end))
}

func (k keys) subscriber(o fact.OpenID) string { return k.tag + "s:" + string(o) }
func (k keys) cards(o fact.OpenID) string      { return k.tag + "c:" + string(o) }
func (k keys) grants(o fact.OpenID) string     { return k.tag + "g:" + string(o) }
func (k keys) erased(o fact.OpenID) string     { return k.tag + "x:" + digest(string(o)) }
func (k keys) token(appID string) string       { return k.tag + "tok:" + appID }
func (k keys) limit(name string) string        { return k.tag + "lim:" + digest(name) }

// digest shortens parts to 12 characters from which they cannot be read.
func digest(parts ...string) string {
	b := make([]byte, 0, 128)
	for _, p := range parts {
		b = append(append(strconv.AppendInt(b, int64(len(p)), 10), ':'), p...)
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// day numbers the days of the caller's clock. Marks are looked for in the days before
// and after too, so the clocks of instances may differ by hours.
func day(t time.Time) int64 { return t.Unix() / 86400 }

// quarter numbers the quarters of the days of the caller's clock: the index dies in such pieces.
func quarter(t time.Time) int64 { return t.Unix() / (86400 / 4) }
