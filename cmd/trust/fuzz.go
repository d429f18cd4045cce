package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// fuzzSummary is the last line of tools/fuzz.sh.
var fuzzSummary = regexp.MustCompile(`^fuzz: (\d+) targets, (\d+) inputs$`)

// fuzzed runs each fuzz target for so long. A failing target is no error.
func fuzzed(ctx context.Context, out io.Writer, each string) (suite, error) {
	s := suite{name: "fuzz targets", counts: map[string]int{}}
	cmd := exec.CommandContext(ctx, "tools/fuzz.sh", each)
	cmd.Stderr = out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return s, err
	}
	if err := cmd.Start(); err != nil {
		return s, err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		fmt.Fprintln(out, lines.Text())
		if m := fuzzSummary.FindStringSubmatch(lines.Text()); m != nil {
			s.tests, _ = strconv.Atoi(m[1])
			s.counts[fuzzInputs], _ = strconv.Atoi(m[2])
		}
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	if err != nil || s.tests == 0 {
		s.failed = append(s.failed, fmt.Sprintf("see above (%v)", err))
	}
	return s, nil
}
