package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"unsafe"
)

// GrepOptions are the options of [Store.Grep].
type GrepOptions struct {
	// Base is the directory or file to search. FilePattern does not apply if it is a file. Empty: "/".
	Base string
	// FilePattern: only files that match this glob pattern; without a "/" by their name at any depth below Base, with one
	// by their path below Base, with one at the beginning by their whole path. Empty: all.
	FilePattern string
	// IgnoreCase: ignore the case of letters.
	IgnoreCase bool
	// Literal: the pattern is literal text, not a regular expression.
	Literal bool
	// MaxMatches is the most rows to return. 0: 1,000.
	MaxMatches int
	// MaxBytes is the most bytes of content to search. 0: no limit.
	MaxBytes int64
}

// Matches are the lines that [Store.Grep] found.
type Matches struct {
	// Lines are ordered by path and line.
	Lines []Match
	// SkippedFiles is the number of binary files skipped.
	SkippedFiles uint64
	// Truncated: MaxMatches or MaxBytes ended the search early.
	Truncated bool
}

// Match is one line that [Store.Grep] found.
type Match struct {
	// Path is the file.
	Path string
	// Line is the number of the line, from 1.
	Line uint64
	// Text is the line without its line end; bytes that are not UTF-8 are replaced by U+FFFD.
	Text string
	// Start and End are the bounds of the first match in the line: Text[Start:End].
	Start, End int
}

// Grep searches the lines of files for a regular expression or a text, in time linear in their
// size. A byte-order mark at the start of a file does not belong to its first line.
func (s *Store) Grep(ctx context.Context, pattern string, options GrepOptions) (Matches, error) {
	var a arguments
	expression := a.text("a pattern", pattern)
	base, files := a.optional("a path", options.Base), a.optional("a pattern", options.FilePattern)
	most, bytes := a.limit("a limit", options.MaxMatches), a.limit("a limit", int(options.MaxBytes))
	if a.err != nil {
		return Matches{}, a.err
	}
	var result C.bridge_matches
	err := s.call(ctx, func(fs *C.nexus_fs) C.bridge_outcome {
		result = C.bridge_grep(fs, expression, base, files, flag(options.IgnoreCase), flag(options.Literal), most, bytes)
		return result.outcome
	})
	if err != nil {
		return Matches{}, err
	}
	defer C.nexus_matches_free(result.list)
	matches := Matches{SkippedFiles: uint64(result.skipped), Truncated: result.truncated != 0}
	matches.Lines = make([]Match, 0, result.len)
	rows := make([]*C.nexus_match, min(int(result.len)+1, rowsAtOnce))
	for len(matches.Lines) < int(result.len) {
		from := C.size_t(len(matches.Lines))
		got := int(C.bridge_matches_rows(result.list, from, unsafe.SliceData(rows), C.size_t(len(rows))))
		if got == 0 {
			break
		}
		for _, row := range rows[:got] {
			matches.Lines = append(matches.Lines, Match{
				Path:  C.GoString(row.path),
				Line:  uint64(row.line),
				Text:  C.GoString(row.text),
				Start: int(row.match_start),
				End:   int(row.match_end),
			})
		}
	}
	return matches, nil
}
