// Package model holds a reference model against the real thing: random histories of messages,
// calls, presence, reads, recalls, permits, reports and erasures, told in any order and more
// than once, worked by up to four runs of deliver that are interleaved step by step, slowed
// down, cut off and killed.
//
//	model_test.go       what the promises say of a history, and nothing else
//	world_test.go       time, the store, the runs, and who goes next
//	ports_test.go       IM, WeChat and the store as a run meets them
//	machine_test.go     what can happen
//	prompt_test.go      the delays that the rules name, where nothing goes wrong
//	snapshot_test.go    what is in the store
//	invariants_test.go  what must hold after every step, and at the end
//	regressions_test.go histories that once broke a promise, shrunk
//
// Nothing in a history is left to chance but what rapid draws: time is synctest's, of the
// requests on their way one at a time gets through, and the store's names come from a seeded
// source. So a history can be repeated and shrunk; rapid says how when it fails.
package model
