package erase_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"wxnotify/trust"
	"wxnotify/trust/erase/scan"
	"wxnotify/trust/fixture"
)

// names are the texts that must be nowhere.
func (s *system) names() []string {
	return []string{s.alice.UserID, s.alice.OpenID, unionID, nick, said, heard, reportID}
}

// entries reads all that the store holds.
func (s *system) entries() []scan.Entry {
	s.Helper()
	all, err := scan.All(s.ctx(), s.raw)
	s.Must(err)
	trust.Count(s.T, trust.Scanned, len(all))
	return all
}

// unnamed wants nothing to name alice, in whatever form.
func (s *system) unnamed(when string) {
	s.Helper()
	s.nowhere(when, hashKinds)
}

// forgotten wants not even a hash of alice to be left.
func (s *system) forgotten(when string) {
	s.Helper()
	s.nowhere(when, nil)
}

func (s *system) nowhere(when string, hashed *regexp.Regexp) {
	s.Helper()
	all := s.entries()
	wrong := func(what string, e scan.Entry) {
		trust.Broken(s.T, trust.Violated, "%s %s is still there: %v", when, what, e)
	}
	for _, name := range s.names() {
		for _, form := range scan.Forms(name) {
			for _, e := range all {
				if e.Contains(form) {
					wrong(name, e)
				}
			}
		}
	}
	for _, hash := range s.hashes() {
		for _, e := range all {
			if e.Contains(hash) && (hashed == nil || !hashed.MatchString(kindOf(e))) {
				wrong("a hash of alice", e)
			}
		}
	}
}

// The hashes under which the store knows somebody, and where it may: nowhere else, and none
// lasts.
//
//	x     the tombstone: keeps late permits and reports of the openid out for a day
//	xu    its counterpart in every shard: keeps the user's name out of what comes late
//	gone  openids unknown to WeChat, to tell ten different ones in a row; a day
//	lim   how often they called the permits function; a minute
//	rd    of others: that they have read the conversation; about a day
//	cl    of others: that they were called; a day
//	r:m r:c dl  of others: who sent what waits, so that a recall still finds it
//	d     of others: that the message came before; two days
var hashKinds = regexp.MustCompile(`^(x|xu|gone|lim|rd|cl|r:m|r:c|dl|d)$`)

// hashes are the forms that the store makes of her names, and those that anybody would make.
func (s *system) hashes() []string {
	user, openID := s.alice.UserID, s.alice.OpenID
	out := []string{fixture.Digest("user:" + user)}
	for _, name := range []string{user, openID} {
		s1, s2, m := sha1.Sum([]byte(name)), sha256.Sum256([]byte(name)), md5.Sum([]byte(name))
		out = append(out, fixture.Digest(name))
		for _, sum := range [][]byte{s1[:], s2[:], m[:]} {
			out = append(out, hex.EncodeToString(sum)[:12], base64.RawURLEncoding.EncodeToString(sum)[:10], base64.RawStdEncoding.EncodeToString(sum)[:10])
		}
	}
	return out
}

// kindOf is what a key is for, by the letters after its tag. What waits for a recipient, in the
// queue of messages or of calls, is a field of their record, and a kind of its own.
func kindOf(entry scan.Entry) string {
	_, rest, _ := strings.Cut(entry.Key, "}:")
	kind, _, _ := strings.Cut(rest, ":")
	if kind == "r" && (entry.Field == "m" || entry.Field == "c") {
		return kind + ":" + entry.Field
	}
	return kind
}

// kinds are the kinds of keys with an entry that holds any of texts.
func (s *system) kinds(texts ...string) []string {
	s.Helper()
	var out []string
	for _, entry := range s.entries() {
		if slices.ContainsFunc(texts, entry.Contains) && !slices.Contains(out, kindOf(entry)) {
			out = append(out, kindOf(entry))
		}
	}
	slices.Sort(out)
	return out
}
