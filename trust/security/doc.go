// Package security has the tests that docs/security.md names and that cross packages: altered,
// replayed and endless requests to every function, comparisons in constant time,
// and a look through all that the functions log and answer for secrets that were planted around them.
package security
