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

// What a spool holds at most. What was set aside has bytes, and is no event any more.
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
	dir   string
	in    chan *pendingEvent
	files chan *spoolFile // those that nobody works on; each has an event at least, so it has room for all
	quit  chan struct{}
	ended chan struct{}

	mu     sync.Mutex
	events int
	bytes  int64
	number uint64 // of the next file
}

// A spoolFile is one file of a spool.
type spoolFile struct {
	name     string
	events   int
	bytes    int64
	failures int
}

// A pendingEvent is to be written.
type pendingEvent struct {
	event []byte
	kept  chan error
}

// openSpool opens the spool in a folder, and makes it if it is not there.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &spool{dir: dir, in: make(chan *pendingEvent, maxBatch), files: make(chan *spoolFile, maxEvents), quit: make(chan struct{}), ended: make(chan struct{})}
	names, err := os.ReadDir(dir) // in the order of their names
	if err != nil {
		return nil, err
	}
	for _, entry := range names {
		if err := s.adopt(entry); err != nil {
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

// adopt takes a file of an earlier process in.
func (s *spool) adopt(entry fs.DirEntry) error {
	name := entry.Name()
	if strings.HasSuffix(name, tempSuffix) {
		return os.Remove(filepath.Join(s.dir, name))
	}
	if strings.HasSuffix(name, failedSuffix) {
		info, err := entry.Info()
		if err == nil {
			s.bytes += info.Size()
		}
		return err
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
	s.files <- f
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
	w := &pendingEvent{event, make(chan error, 1)}
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
		var batch []*pendingEvent
		select {
		case w := <-s.in:
			batch = append(batch, w)
		case <-s.quit:
			return
		}
		for len(batch) < maxBatch && len(s.in) > 0 {
			batch = append(batch, <-s.in)
		}
		err := s.writeFile(batch)
		for _, w := range batch {
			w.kept <- err
		}
	}
}

// writeFile writes what came together.
func (s *spool) writeFile(batch []*pendingEvent) error {
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
	if err := s.writeWhole(f.name, bytes.Join(events, []byte("\n"))); err != nil {
		s.uncount(f.events, f.bytes)
		return fmt.Errorf("--state: %w", err)
	}
	s.files <- f
	return nil
}

// writeWhole makes a file that is there as a whole, after a power cut too, or is not.
func (s *spool) writeWhole(name string, text []byte) error {
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
	s.uncount(f.events, f.bytes)
	err := os.Remove(filepath.Join(s.dir, f.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// setAside keeps a file from being worked on again. It still takes up room.
func (s *spool) setAside(f *spoolFile) error {
	s.uncount(f.events, 0)
	return os.Rename(filepath.Join(s.dir, f.name), filepath.Join(s.dir, f.name+failedSuffix))
}

// again has a file worked on later.
func (s *spool) again(f *spoolFile) { s.files <- f }

func (s *spool) uncount(events int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events, s.bytes = s.events-events, s.bytes-bytes
}

func size(events [][]byte) (n int64) {
	for _, e := range events {
		n += int64(len(e)) + 1
	}
	return n
}
