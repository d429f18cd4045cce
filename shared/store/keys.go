package store

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"wxnotify/shared/notify"
)

// DefaultPrefix begins the keys of a deployment that names no other: of that which
// `scf deploy` makes without --stage.
const DefaultPrefix = "wxnotify-dev"

// Keys begin with the prefix of their deployment, so that several can share a server, and carry a
// hash tag, so that all keys of one shard are in one slot of a clustered store and one script may
// change them together. Below, wxn stands for the prefix:
//
//	wxn{n}:q            queue: recipient -> when due, ms           sorted set
//	wxn{n}:w            recipient -> what waits for them           hash of documents
//	wxn{n}:cq, cw       the same for calls                         sorted set, hash
//	wxn{n}:watch        until when a run is watching, ms           string
//	wxn{n}:counts       final state -> messages                    hash
//	wxn{n}:meters       drift: cards that WeChat had no permit for hash
//	wxn{n}:i:<d>        index: message of day d -> recipients      hash
//	wxn{n}:dead         who has dead letters -> since when, ms     sorted set
//	wxn{n}:r:<user>     o openid, on, at presence, ab absence,
//	                     p preferences                              hash
//	wxn{n}:t:<user>     timeline, newest first                     list
//	wxn{n}:rd:<user>    hash of a peer, or of "@" and a group,
//	                     -> read up to, s                           hash
//	wxn{n}:d:<user>:<d> marks of messages of day d                 hash
//	wxn{n}:cl:<user>    ring log: call -> how it stands            hash
//	wxn{n}:dl:<user>    dead letters                               hash
//	wxn{n}:s:<openid>   user, ledgers, cards being sent            document
//	wxn{n}:c:<openid>   card -> how it stands                      hash
//	wxn{n}:u            openid, card -> when its end is to be told sorted set
//	wxn{n}:mv           openids with cards of somebody whose they
//	                     are no more -> until when, ms              sorted set
//	wxn{n}:td:<digest>  mark: the end of a card was told           string
//	wxn{n}:g:<openid>   marks of grants                            hash
//	wxn{n}:x:<digest>   until when this erased openid is kept out  string
//	wxn{n}:xu           hash of a user who was erased of late
//	                     -> until when he is not named, ms          hash
//	wxn{n}:le:<token>   until when what was handed out by it is hidden,
//	                     ms                                         string
//	wxn{n}:at:<n>       attempt -> answer, of ten seconds           hash
//	wxn{n}:tok:<appid>  t token, e expiry, l renewed until         hash
//	wxn{n}:lim:<digest> attempts in the window that its TTL ends   set
//
// The keys of group messages, circuits, names and paces are in their own files.
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

func (k keys) queue() string       { return k.tag + "q" }
func (k keys) waiting() string     { return k.tag + "w" }
func (k keys) watch() string       { return k.tag + "watch" }
func (k keys) counts() string      { return k.tag + "counts" }
func (k keys) meters() string      { return k.tag + "meters" }
func (k keys) dead() string        { return k.tag + "dead" }
func (k keys) erasedUsers() string { return k.tag + "xu" }
func (k keys) overdue() string     { return k.tag + "u" }
func (k keys) moved() string       { return k.tag + "mv" }

// answers is one key for the same call at any time: a repeat has the same keys.
func (k keys) answers(now time.Time) string {
	return k.tag + "at:" + strconv.FormatInt(now.Unix()/10, 10)
}

func (k keys) lease(token string) string { return k.tag + "le:" + token }

// lane returns where what waits in a lane is kept: the documents, and the queue.
func (k keys) lane(l notify.Lane) (waiting, queue string) {
	if l == notify.LaneCalls {
		return k.tag + "cw", k.tag + "cq"
	}
	return k.waiting(), k.queue()
}

func (k keys) callsWaiting() string { w, _ := k.lane(notify.LaneCalls); return w }
func (k keys) callsQueue() string   { _, q := k.lane(notify.LaneCalls); return q }

func (k keys) index(day int64) string { return fmt.Sprintf("%si:%d", k.tag, day) }

func (k keys) recipient(u notify.UserID) string { return k.tag + "r:" + string(u) }
func (k keys) timeline(u notify.UserID) string  { return k.tag + "t:" + string(u) }
func (k keys) reads(u notify.UserID) string     { return k.tag + "rd:" + string(u) }
func (k keys) ringLog(u notify.UserID) string   { return k.tag + "cl:" + string(u) }
func (k keys) letters(u notify.UserID) string   { return k.tag + "dl:" + string(u) }

func (k keys) marks(u notify.UserID, day int64) string {
	return fmt.Sprintf("%sd:%s:%d", k.tag, u, day)
}

// told is named so that it may outlive whoever was told.
func (k keys) told(c notify.CardID, end notify.State) string {
	return k.tag + "td:" + digest(string(c), string(end))
}

func (k keys) subscriber(o notify.OpenID) string { return k.tag + "s:" + string(o) }
func (k keys) cards(o notify.OpenID) string      { return k.tag + "c:" + string(o) }
func (k keys) grants(o notify.OpenID) string     { return k.tag + "g:" + string(o) }
func (k keys) erased(o notify.OpenID) string     { return k.tag + "x:" + digest(string(o)) }
func (k keys) token(appID string) string         { return k.tag + "tok:" + appID }
func (k keys) limit(name string) string          { return k.tag + "lim:" + digest(name) }

// digest shortens parts to 12 characters from which they cannot be read.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// day numbers the days of the caller's clock. Marks are looked for in the days before
// and after too, so the clocks of instances may differ by hours.
func day(t time.Time) int64 { return t.Unix() / 86400 }
