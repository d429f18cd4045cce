// Package model holds a reference model against the real thing: random histories of messages,
// calls, presence, reads, recalls, permits, reports and erasures, told in any order and more
// than once, worked by up to four runs of deliver that are interleaved step by step, slowed
// down, cut off and killed.
//
//	model_test.go       what the promises say of a history, and nothing else;
//	                    with calls, ledger and bindings
//	machine_test.go     what can happen; with actions_*
//	invariants_test.go  what must hold after every step, and at the end; with ends, and watch,
//	                    which looks at the requests of runs
//	system_test.go       time, the runs, and whose request gets through next
//	ports_test.go       IM, WeChat and the store as a run meets them
//	snapshot_test.go    what is in the store
//	storage_test.go         the Redis, and connections that can be cut
//	run_test.go         the tests
//
// Nothing in a history is left to chance but what rapid draws: time is synctest's, of the
// requests on their way one at a time gets through, and the names that the store makes come
// from a seeded source. So a history can be repeated and shrunk; rapid says how when it fails:
//
//	go test ./trust/model -run TestHistoriesOnRedis -rapid.seed=N
//
// A history that broke a promise leaves a test behind beside the code that was wrong.
package model
