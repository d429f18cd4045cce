// Package faults lets things go wrong around the functions: a store that is slow, away, full,
// behind, or has forgotten; a WeChat and an IM that fail in each way they have; clocks that
// disagree; a platform that does not answer. Its tests run the real handlers and look, when all
// is well again, for what was lost, told twice or miscounted.
package faults
