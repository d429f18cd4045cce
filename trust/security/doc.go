// Package security has the tests that docs/security.md names: forged, replayed, stripped,
// oversized and misleading requests to every door of wxnotify, and a look through all that
// the functions log and answer for secrets that were planted in their surroundings.
package security
