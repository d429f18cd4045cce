// Package browser has the tests of the pages of cmd/wxnotify in a real browser: Chromium without a window,
// driven by its own protocol. They run by `make test-browser` only, which installs what they need.
package browser
