package nexus

// #include "bridge.h"
import "C"

import (
	"time"
	"unsafe"
)

// Entry describes one file or directory.
type Entry struct {
	// Path is the virtual path; empty only for KindNone.
	Path string
	// Kind is KindFile, KindDirectory, or KindNone for an operation of a batch that leaves no entry.
	Kind Kind
	// Size is the bytes of content; 0 for a directory.
	Size int64
	// ETag is the SHA-256 of the content, 64 hexadecimal digits; empty for a directory.
	ETag string
	// Version is 1 at creation, and each change of content adds 1; 0 for a directory.
	Version uint64
	// MIMEType is empty for a directory.
	MIMEType string
	// PathID is a UUID that renames and overwrites keep; empty for an implicit directory.
	PathID string
	// BackendName is the backend that holds the content, "local" for the store's own; empty for a
	// directory.
	BackendName string
	// CreatedAt and ModifiedAt are in UTC; zero for a directory without id.
	CreatedAt  time.Time
	ModifiedAt time.Time
}

// IsDirectory says whether the entry is a directory's.
func (e *Entry) IsDirectory() bool {
	return e.Kind == KindDirectory
}

// entryCall makes a call that hands out one entry.
func (s *Store) entryCall(do func(fs *C.nexus_fs) C.bridge_one_entry) (Entry, error) {
	var result C.bridge_one_entry
	err := s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		result = do(fs)
		return result.outcome
	})
	return takeEntry(result.row), err
}

// takeEntry copies an entry that C handed out, and frees it.
func takeEntry(row C.bridge_entry) Entry {
	if row.entry == nil {
		return Entry{}
	}
	entry := copyEntry(&row, nil)
	C.nexus_entry_free(row.entry)
	return entry
}

// copyEntry copies a row. Its texts share one piece of memory, but for those that neighbours in a list mostly have in common:
// these are taken from the entry before.
func copyEntry(row *C.bridge_entry, before *Entry) Entry {
	c := row.entry
	entry := Entry{
		Kind:       Kind(c.kind),
		Size:       int64(c.size),
		Version:    uint64(c.version),
		CreatedAt:  fromMicros(c.created_at),
		ModifiedAt: fromMicros(c.modified_at),
	}
	texts := make([]byte, 0, row.path+row.etag+row.path_id)
	texts = append(texts, view(c.path, row.path)...)
	texts = append(texts, view(c.etag, row.etag)...)
	texts = append(texts, view(c.path_id, row.path_id)...)
	all := unsafe.String(unsafe.SliceData(texts), len(texts)) // nothing writes to it any more
	entry.Path, all = all[:row.path], all[row.path:]
	entry.ETag, entry.PathID = all[:row.etag], all[row.etag:]

	mimeType, backendName := view(c.mime_type, row.mime_type), view(c.backend_name, row.backend_name)
	if before != nil && before.MIMEType == string(mimeType) {
		entry.MIMEType = before.MIMEType
	} else {
		entry.MIMEType = string(mimeType)
	}
	if before != nil && before.BackendName == string(backendName) {
		entry.BackendName = before.BackendName
	} else {
		entry.BackendName = string(backendName)
	}
	return entry
}

// view returns the bytes of C's text, valid as long as the text.
func view(text *C.char, length C.uint32_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(text)), length)
}

// rowsAtOnce is how many rows one call of C takes out of a list.
const rowsAtOnce = 256

// takeEntries copies the rows of a list, and frees it.
func takeEntries(result *C.bridge_entries) (entries []Entry, cursor string) {
	defer C.nexus_entries_free(result.list)
	if result.cursor != nil {
		cursor = C.GoString(result.cursor)
	}
	n := int(result.len)
	if n == 0 {
		return nil, cursor
	}
	entries = make([]Entry, 0, n)
	rows := make([]C.bridge_entry, min(n, rowsAtOnce))
	var before *Entry
	for len(entries) < n {
		got := int(C.bridge_entries_rows(result.list, C.size_t(len(entries)), &rows[0], C.size_t(len(rows))))
		if got == 0 {
			break
		}
		for i := range rows[:got] {
			entries = append(entries, copyEntry(&rows[i], before))
			before = &entries[len(entries)-1]
		}
	}
	return entries, cursor
}
