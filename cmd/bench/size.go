package main

import "time"

// A size is how much is measured.
type size struct {
	people int // who are written to while functions take turns
	colds  int // starts of each function
	fleet  int // instances of each function, memory permitting
	turns  int // of each function
	events int // of a turn; of functions that take long, a fifth

	callbacks int // of each kind, counted in Redis
	cards     int
	wakes     int

	backlog  int           // recipients
	load     time.Duration // how long callbacks come in
	loadRate int           // callbacks a second
	lead     time.Duration // how long they come in to see how soon cards follow
	leadRate int

	users []int // with so many the next callback is counted
}

// full is what is written down, short is for a look.
var (
	full = size{
		people: 5000, colds: 40, fleet: 64, turns: 8, events: 800, callbacks: 500, cards: 300, wakes: 3,
		backlog: 3000, load: 20 * time.Second, loadRate: 500, lead: 10 * time.Second, leadRate: 200,
		users: []int{1000, 20_000, 100_000},
	}
	short = size{
		people: 500, colds: 4, fleet: 16, turns: 2, events: 250, callbacks: 100, cards: 30, wakes: 1,
		backlog: 150, load: 2 * time.Second, loadRate: 300, lead: time.Second, leadRate: 100,
		users: []int{500, 2000},
	}
)
