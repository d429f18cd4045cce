package scf

import (
	"net/url"
	"strings"
)

// A query is a decoded query string in the order of the event.
type query struct {
	pairs []pair
	at    map[string]int // where a key is; used from manyPairs on
}

type pair struct {
	key    string
	values []string
}

// manyPairs is from where on a search through all pairs would cost more than a map.
const manyPairs = 16

// query reads an object of values; true stands for a key without a value.
func (s *scanner) query() (q query, err error) {
	if null, err := s.null(); null || err != nil {
		return q, err
	}
	values := make([]string, 0, 8)
	q.pairs = make([]pair, 0, 8)
	for first := true; ; first = false {
		key, ok, err := s.member(first)
		if !ok || err != nil {
			return q, err
		}
		n := len(values)
		if values, err = s.values(values, ""); err != nil {
			return query{}, err
		}
		q.set(key, values[n:])
	}
}

// set replaces what key had.
func (q *query) set(key string, values []string) {
	if i := q.find(key); i >= 0 {
		q.pairs[i].values = values
		return
	}
	q.pairs = append(q.pairs, pair{key, values})
	if q.at != nil {
		q.at[key] = len(q.pairs) - 1
		return
	}
	if len(q.pairs) == manyPairs {
		q.at = make(map[string]int, 2*manyPairs)
		for i, p := range q.pairs {
			q.at[p.key] = i
		}
	}
}

// find returns the place of key, or -1.
func (q *query) find(key string) int {
	if q.at != nil {
		if i, ok := q.at[key]; ok {
			return i
		}
		return -1
	}
	for i := range q.pairs {
		if q.pairs[i].key == key {
			return i
		}
	}
	return -1
}

func (q *query) encode() string {
	if len(q.pairs) == 0 {
		return ""
	}
	var b strings.Builder
	b.Grow(256)
	for _, p := range q.pairs {
		name := url.QueryEscape(p.key)
		for _, value := range p.values {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(name)
			b.WriteByte('=')
			b.WriteString(url.QueryEscape(value))
		}
	}
	return b.String()
}
