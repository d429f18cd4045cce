package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// figures are all that a run has seen.
type figures struct {
	Date    string
	Machine machine

	Functions map[string]function
	Fleet     int // instances of each function

	Callbacks map[string]count
	Cards     cardCount

	Backlog, Unpaced  drain
	Crowd             crowd
	Load, UnpacedLoad loaded
	Lead              loaded
	Growth            []stage
}

// A record is what is kept of a run, so that later runs can be shown beside it: the figures
// that have goals, by the names of their goals.
type record struct {
	Date    string             `json:"date"`
	Machine machine            `json:"machine"`
	Seen    map[string]float64 `json:"seen"`
}

func (f figures) record() record {
	r := record{Date: f.Date, Machine: f.Machine, Seen: map[string]float64{}}
	for _, g := range goals {
		r.Seen[g.name] = g.seen(f)
	}
	return r
}

const recordFile = "performance.json"

// recorded reads the record in a folder; where there is none it is empty.
func recorded(dir string) (r record, err error) {
	b, err := os.ReadFile(filepath.Join(dir, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

func (r record) write(dir string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, recordFile), append(b, '\n'), 0o644)
}
