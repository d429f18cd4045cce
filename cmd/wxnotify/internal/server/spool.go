package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// What a spool holds at most.
const (
	maxEvents = 100_000
	maxBytes  = 1 << 30
	// maxBatch is how many events one file holds that came together.
	maxBatch = 256
)

const (
	spoolSuffix  = ".jsonl"
	failedSuffix = ".failed" // of what a person has to look at
	tempSuffix   = ".tmp"    // of what nobody was told is safe
)

var (
	errSpoolFull   = fmt.Errorf("the folder of --state holds %d events or %d MiB, and takes no more", maxEvents, maxBytes>>20)
	errSpoolClosed = errors.New("the server has stopped")
)

// A spool keeps events on the disk until they are done with. A file has the events that came together, a
// line each, and never changes.
type spool struct {
	dir     string
	in      chan *waiting
	waiting chan *spoolFile // those that nobody works on; it has room for one of each event
	quit    chan struct{}
	ended   chan struct{}

	mu     sync.Mutex
	events int
	bytes  int
	number uint64 // of the next file
}

// A spoolFile is one file of a spool.
type spoolFile struct {
	name          string
	events, bytes int
	failures      int
}

// waiting is an event that is to be kept.
type waiting struct {
	event []byte
	kept  chan error
}

// openSpool opens the spool in a folder, and makes it if it is not there.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &spool{dir: dir, in: make(chan *waiting, maxBatch), waiting: make(chan *spoolFile, maxEvents), quit: make(chan struct{}), ended: make(chan struct{})}
	names, err := os.ReadDir(dir) // in the order of their names
	if err != nil {
		return nil, err
	}
	for _, entry := range names {
		if err := s.find(entry.Name()); err != nil {
			return nil, err
		}
	}
	probe, err := os.CreateTemp(dir, "*"+tempSuffix)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, err
	}
	go s.write()
	return s, nil
}

// find takes a file of an earlier process in.
func (s *spool) find(name string) error {
	if strings.HasSuffix(name, tempSuffix) {
		return os.Remove(filepath.Join(s.dir, name))
	}
	if !strings.HasSuffix(name, spoolSuffix) {
		return nil
	}
	events, err := s.read(&spoolFile{name: name})
	if err != nil {
		return err
	}
	f := &spoolFile{name: name, events: len(events), bytes: size(events)}
	if len(events) == 0 {
		return s.done(f)
	}
	if s.events+f.events > maxEvents {
		return fmt.Errorf("%s: %w", s.dir, errSpoolFull)
	}
	s.events, s.bytes = s.events+f.events, s.bytes+f.bytes
	fmt.Sscanf(name, "%x-", &s.number)
	s.number++
	s.waiting <- f
	return nil
}

// count returns how many events there are.
func (s *spool) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// put keeps an event, of one line. When it returns nil, the event is on the disk; with an error of ctx it may be.
func (s *spool) put(ctx context.Context, event []byte) error {
	w := &waiting{event, make(chan error, 1)}
	select {
	case s.in <- w:
	case <-s.quit:
		return errSpoolClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-w.kept:
		return err
	case <-s.ended:
		return errSpoolClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the writing, after what is being written.
func (s *spool) close() {
	close(s.quit)
	<-s.ended
}

// write keeps what comes in: all that waits goes into one file, because a disk takes as long for one event.
func (s *spool) write() {
	defer close(s.ended)
	for {
		var batch []*waiting
		select {
		case w := <-s.in:
			batch = append(batch, w)
		case <-s.quit:
			return
		}
		for len(batch) < maxBatch && len(s.in) > 0 {
			batch = append(batch, <-s.in)
		}
		err := s.keep(batch)
		for _, w := range batch {
			w.kept <- err
		}
	}
}

// keep writes one file.
func (s *spool) keep(batch []*waiting) error {
	var events [][]byte
	for _, w := range batch {
		events = append(events, w.event)
	}
	f := &spoolFile{events: len(events), bytes: size(events)}
	s.mu.Lock()
	if s.events+f.events > maxEvents || s.bytes+f.bytes > maxBytes {
		s.mu.Unlock()
		return errSpoolFull
	}
	s.events, s.bytes = s.events+f.events, s.bytes+f.bytes
	f.name = fmt.Sprintf("%016x-%s%s", s.number, rand.Text()[:8], spoolSuffix)
	s.number++
	s.mu.Unlock()
	if err := s.store(f.name, bytes.Join(events, []byte("\n"))); err != nil {
		s.forget(f)
		return fmt.Errorf("--state: %w", err)
	}
	s.waiting <- f
	return nil
}

// store makes a file that is there as a whole, after a power cut too, or is not.
func (s *spool) store(name string, text []byte) error {
	temp, err := os.CreateTemp(s.dir, "*"+tempSuffix)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after the renaming it is gone
	_, err = temp.Write(append(text, '\n'))
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), filepath.Join(s.dir, name)); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// read returns the events of a file.
func (s *spool) read(f *spoolFile) ([][]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, f.name))
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(text, []byte("\n"))
	return slices.DeleteFunc(lines, func(line []byte) bool { return len(line) == 0 }), nil
}

// done deletes a file.
func (s *spool) done(f *spoolFile) error {
	s.forget(f)
	err := os.Remove(filepath.Join(s.dir, f.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// setAside keeps a file from being worked on again.
func (s *spool) setAside(f *spoolFile) error {
	s.forget(f)
	return os.Rename(filepath.Join(s.dir, f.name), filepath.Join(s.dir, f.name+failedSuffix))
}

// again has a file worked on later.
func (s *spool) again(f *spoolFile) { s.waiting <- f }

func (s *spool) forget(f *spoolFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events, s.bytes = s.events-f.events, s.bytes-f.bytes
}

func size(events [][]byte) (n int) {
	for _, e := range events {
		n += len(e) + 1
	}
	return n
}
