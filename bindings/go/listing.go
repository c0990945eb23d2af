package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"iter"
	"unsafe"
)

// ListOptions are the options of [Store.List].
type ListOptions struct {
	// Path is the directory to list. Empty: "/". Together with Prefix it is ErrInvalidArgument.
	Path string
	// Prefix: only paths that begin with these bytes, which need not end on a segment: "/data" matches "/database". Such a
	// listing is always a recursive one.
	Prefix string
	// Recursive: everything below, files only. Else direct children, files and directories. Ignored with Prefix.
	Recursive bool
	// IncludeDirectories: in a recursive listing, directories too.
	IncludeDirectories bool
}

// FindOptions say where to search.
type FindOptions struct {
	// Base is the directory to search. Empty: "/".
	Base string
}

// Page is one page of a listing.
type Page struct {
	// Limit is the most rows to return. 0: all.
	Limit int
	// Cursor is the cursor of the previous page. Empty: begin at the first row.
	Cursor string
}

// List lists a directory, or the paths with a prefix, ordered by the bytes of the paths. The cost
// is proportional to the rows returned. It reads page by page while the loop runs, so concurrent
// changes may be visible. An error ends the loop.
//
//	for entry, err := range store.List(ctx, nexus.ListOptions{Path: "/reports"}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(entry.Path)
//	}
func (s *Store) List(ctx context.Context, options ListOptions) iter.Seq2[Entry, error] {
	return pages(func(page Page) ([]Entry, string, error) { return s.ListPage(ctx, options, page) })
}

// ListPage lists as [Store.List] does, one page. It returns the rows, and the cursor of the next page; empty at the end.
func (s *Store) ListPage(ctx context.Context, options ListOptions, page Page) (entries []Entry, next string, err error) {
	var a arguments
	path, prefix := a.optional("a path", options.Path), a.optional("a prefix", options.Prefix)
	limit, cursor := a.limit("a limit", page.Limit), a.optional("a cursor", page.Cursor)
	if a.err != nil {
		return nil, "", a.err
	}
	recursive, directories := flag(options.Recursive), flag(options.IncludeDirectories)
	return s.entriesCall(ctx, func(fs *C.nexus_fs) C.bridge_entries {
		return C.bridge_list(fs, path, prefix, recursive, directories, limit, cursor)
	})
}

// Glob finds files whose path matches a pattern: * and ? match within a segment, ** matches across
// segments, and [a-z], [!a-z] and {a,b} have their usual meaning. It reads page by page like
// [Store.List].
func (s *Store) Glob(ctx context.Context, pattern string, options FindOptions) iter.Seq2[Entry, error] {
	return pages(func(page Page) ([]Entry, string, error) { return s.GlobPage(ctx, pattern, options, page) })
}

// GlobPage finds as [Store.Glob] does, one page.
func (s *Store) GlobPage(ctx context.Context, pattern string, options FindOptions, page Page) (
	entries []Entry, next string, err error,
) {
	var a arguments
	glob, base := a.text("a pattern", pattern), a.optional("a path", options.Base)
	limit, cursor := a.limit("a limit", page.Limit), a.optional("a cursor", page.Cursor)
	if a.err != nil {
		return nil, "", a.err
	}
	return s.entriesCall(ctx, func(fs *C.nexus_fs) C.bridge_entries {
		return C.bridge_glob(fs, glob, base, limit, cursor)
	})
}

// FindByMeta finds the files whose metadata key has a value, by an index. The value is anything
// that [encoding/json] can write. It reads page by page like [Store.List].
func (s *Store) FindByMeta(ctx context.Context, key string, value any, options FindOptions) iter.Seq2[Entry, error] {
	return pages(func(page Page) ([]Entry, string, error) { return s.FindByMetaPage(ctx, key, value, options, page) })
}

// FindByMetaPage finds as [Store.FindByMeta] does, one page.
func (s *Store) FindByMetaPage(ctx context.Context, key string, value any, options FindOptions, page Page) (
	entries []Entry, next string, err error,
) {
	var a arguments
	name, text, base := a.text("a key", key), a.json(value), a.optional("a path", options.Base)
	limit, cursor := a.limit("a limit", page.Limit), a.optional("a cursor", page.Cursor)
	if a.err != nil {
		return nil, "", a.err
	}
	return s.entriesCall(ctx, func(fs *C.nexus_fs) C.bridge_entries {
		return C.bridge_find_by_meta(fs, name, text, base, limit, cursor)
	})
}

func (s *Store) entriesCall(ctx context.Context, do func(fs *C.nexus_fs) C.bridge_entries) ([]Entry, string, error) {
	var result C.bridge_entries
	err := s.call(ctx, func(fs *C.nexus_fs) C.bridge_outcome {
		result = do(fs)
		return result.outcome
	})
	if err != nil {
		return nil, "", err
	}
	entries, cursor := takeEntries(&result)
	return entries, cursor, nil
}

// The pages of an iteration: small at first, for loops that end early.
const (
	firstPage = 64
	largePage = 4096
)

// pages yields the rows of one page after the other. Nothing of C's is held while the loop's body runs.
func pages(read func(page Page) ([]Entry, string, error)) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for page := (Page{Limit: firstPage}); ; page.Limit = min(4*page.Limit, largePage) {
			entries, next, err := read(page)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			page.Cursor = next
		}
	}
}

// ContentIDs returns the etags of many files, in the order of the paths; empty if the file does not
// exist or may not be read.
func (s *Store) ContentIDs(paths []string) ([]string, error) {
	var a arguments
	size := 1
	for _, path := range paths {
		size += len(path) + 1
	}
	texts := make([]byte, 0, size)
	for _, path := range paths {
		a.path(path)
		texts = append(append(texts, path...), 0)
	}
	if a.err != nil {
		return nil, a.err
	}
	var result C.bridge_strings
	err := s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		result = C.bridge_content_ids(fs, (*C.char)(unsafe.Pointer(unsafe.SliceData(texts))), C.size_t(len(paths)))
		return result.outcome
	})
	if err != nil {
		return nil, err
	}
	defer C.nexus_strings_free(result.list)
	ids := make([]string, 0, result.len)
	rows := make([]*C.char, rowsAtOnce)
	for len(ids) < int(result.len) {
		got := int(C.bridge_strings_rows(result.list, C.size_t(len(ids)), unsafe.SliceData(rows), C.size_t(len(rows))))
		if got == 0 {
			break
		}
		for _, row := range rows[:got] {
			ids = append(ids, C.GoString(row)) // "" for NULL
		}
	}
	return ids, nil
}
