package nexus

// #include "bridge.h"
import "C"

import (
	"io"
	"unsafe"
)

// WriteOptions are conditions on a change, checked in the transaction that makes it, and the MIME
// type of what is written. A condition that is not met is ErrConflict, an invalid lease token
// ErrLeaseLost.
type WriteOptions struct {
	// IfMatch: the file must exist with this etag. Nil: no condition.
	IfMatch *string
	// IfNoneMatch: the file must not exist.
	IfNoneMatch bool
	// MIMEType: if it is empty, an existing file keeps its MIME type, and that of a new file is
	// guessed from its name.
	MIMEType string
	// Lease must be valid. Nil: no condition.
	Lease *Lease
}

// Lease is the right of one worker to a work item for a limited time.
type Lease struct {
	// Path is the work item.
	Path string
	// Token is from 1; 0 if an item has no lease.
	Token uint64
}

// Write writes a whole file and replaces an existing one atomically: a reader sees the old or the
// new bytes. It creates missing parent directories.
func (s *Store) Write(path string, content []byte) error {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_write(fs, file, data(content), C.size_t(len(content)))
	})
}

// WriteWith is [Store.Write] under conditions; it returns the new entry.
func (s *Store) WriteWith(path string, content []byte, options WriteOptions) (Entry, error) {
	var a arguments
	file, c := a.path(path), a.conditions(options)
	if a.err != nil {
		return Entry{}, a.err
	}
	return s.entryCall(func(fs *C.nexus_fs) C.bridge_one_entry {
		return C.bridge_write_with(fs, file, data(content), C.size_t(len(content)),
			c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
	})
}

// Append appends to a file, or creates it. The cost is that of writing the whole file.
func (s *Store) Append(path string, content []byte) error {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_append(fs, file, data(content), C.size_t(len(content)))
	})
}

// AppendWith is [Store.Append] under conditions; it returns the new entry.
func (s *Store) AppendWith(path string, content []byte, options WriteOptions) (Entry, error) {
	var a arguments
	file, c := a.path(path), a.conditions(options)
	if a.err != nil {
		return Entry{}, a.err
	}
	return s.entryCall(func(fs *C.nexus_fs) C.bridge_one_entry {
		return C.bridge_append_with(fs, file, data(content), C.size_t(len(content)),
			c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
	})
}

// Read reads a whole file and checks it against its etag.
func (s *Store) Read(path string) ([]byte, error) {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return nil, a.err
	}
	var result C.bridge_buffer
	err := s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		result = C.bridge_read(fs, file)
		return result.outcome
	})
	if err != nil {
		return nil, err
	}
	defer C.nexus_buffer_free(result.buffer)
	content := make([]byte, result.len)
	copy(content, unsafe.Slice((*byte)(result.data), result.len))
	return content, nil
}

// ReadAt reads and verifies a part of a file, as [io.ReaderAt] does: it returns fewer bytes than
// the length of buf with [io.EOF]. After another error the bytes in buf are undefined. [Store.Open]
// returns an io.ReaderAt of one content.
func (s *Store) ReadAt(path string, buf []byte, offset int64) (int, error) {
	var a arguments
	file := a.path(path)
	if offset < 0 && a.err == nil {
		a.err = newError(StatusInvalidArgument, "an offset cannot be negative")
	}
	if a.err != nil {
		return 0, a.err
	}
	var result C.bridge_number
	err := s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		result = C.bridge_read_at(fs, file, C.uint64_t(offset), data(buf), C.size_t(len(buf)))
		return result.outcome
	})
	if err == nil && int(result.number) < len(buf) {
		err = io.EOF
	}
	return int(result.number), err
}

// Stat returns the entry of a file or directory.
func (s *Store) Stat(path string) (Entry, error) {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return Entry{}, a.err
	}
	return s.entryCall(func(fs *C.nexus_fs) C.bridge_one_entry { return C.bridge_stat(fs, file) })
}

// Exists returns whether a file or directory exists. A path that the identity may not see does not
// exist for it.
func (s *Store) Exists(path string) (bool, error) {
	return s.question(path, func(fs *C.nexus_fs, path *C.char) C.bridge_number { return C.bridge_exists(fs, path) })
}

// IsDirectory returns whether a directory exists. A path that the identity may not see does not
// exist for it.
func (s *Store) IsDirectory(path string) (bool, error) {
	return s.question(path, func(fs *C.nexus_fs, path *C.char) C.bridge_number { return C.bridge_is_directory(fs, path) })
}

func (s *Store) question(path string, ask func(fs *C.nexus_fs, path *C.char) C.bridge_number) (bool, error) {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return false, a.err
	}
	var answer C.bridge_number
	err := s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		answer = ask(fs, file)
		return answer.outcome
	})
	return answer.number != 0, err
}

// Delete deletes a file and its metadata.
func (s *Store) Delete(path string) error {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome { return C.bridge_delete(fs, file) })
}

// DeleteWith is [Store.Delete] under conditions.
func (s *Store) DeleteWith(path string, options WriteOptions) error {
	var a arguments
	file, c := a.path(path), a.conditions(options)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_delete_with(fs, file, c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
	})
}

// Rename renames a file, or a directory with everything in it, atomically. Metadata moves along. A
// file may replace a file. A directory needs a target that does not exist or is an empty directory.
func (s *Store) Rename(from, to string) error {
	var a arguments
	source, target := a.path(from), a.path(to)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome { return C.bridge_rename(fs, source, target) })
}

// RenameWith is [Store.Rename] with flags (0 or [NoReplace]) and conditions on from.
func (s *Store) RenameWith(from, to string, flags MoveFlags, options WriteOptions) error {
	var a arguments
	source, target, c := a.path(from), a.path(to), a.conditions(options)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_rename_with(fs, source, target, C.uint32_t(flags),
			c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
	})
}

// Copy copies a file, or a directory with everything in it, atomically. Within a backend it copies
// no content bytes. It copies metadata, but not the running state of a work item.
func (s *Store) Copy(from, to string) error {
	var a arguments
	source, target := a.path(from), a.path(to)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome { return C.bridge_copy(fs, source, target) })
}

// CopyWith is [Store.Copy] with flags (0 or [NoReplace]) and conditions on from.
func (s *Store) CopyWith(from, to string, flags MoveFlags, options WriteOptions) error {
	var a arguments
	source, target, c := a.path(from), a.path(to), a.conditions(options)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_copy_with(fs, source, target, C.uint32_t(flags),
			c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
	})
}

// Mkdir creates a directory, which exists even while it is empty. A write does not need one.
func (s *Store) Mkdir(path string) error {
	return s.MkdirWith(path, 0)
}

// MkdirAll creates a directory and its missing parents. It succeeds if the directory exists.
func (s *Store) MkdirAll(path string) error {
	return s.MkdirWith(path, MkdirParents|MkdirExistOK)
}

// MkdirWith is [Store.Mkdir] with flags: a bitwise OR of [MkdirParents] and [MkdirExistOK].
func (s *Store) MkdirWith(path string, flags MkdirFlags) error {
	var a arguments
	directory := a.path(path)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_mkdir(fs, directory, C.uint32_t(flags))
	})
}

// RemoveDir removes an empty directory.
func (s *Store) RemoveDir(path string) error {
	return s.rmdir(path, false)
}

// RemoveTree removes a directory with everything in it.
func (s *Store) RemoveTree(path string) error {
	return s.rmdir(path, true)
}

func (s *Store) rmdir(path string, recursive bool) error {
	var a arguments
	directory := a.path(path)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_rmdir(fs, directory, flag(recursive))
	})
}
