package faults_test

import (
	"flag"
	"os"
	"testing"
)

// These tests wait more than they work, so many run side by side.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "16")
	os.Exit(m.Run())
}
