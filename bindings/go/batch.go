package nexus

// #include "bridge.h"
import "C"

import (
	"runtime"
	"sync"
	"time"
)

// Batch is a set of changes that one transaction makes, all or none. Each call adds one; an error
// means that it was not added. The commit reports whether the operations are possible.
type Batch struct {
	mu    sync.Mutex
	scope scope
	batch *C.nexus_batch // nil when closed
}

// NewBatch begins a batch. Close it, also after Commit.
func (s *Store) NewBatch() (*Batch, error) {
	var result C.bridge_batch
	scope, err := s.open(func(fs *C.nexus_fs) C.bridge_outcome {
		result = C.bridge_batch_new(fs)
		return result.outcome
	})
	if err != nil {
		return nil, err
	}
	b := &Batch{scope: scope, batch: result.batch}
	runtime.SetFinalizer(b, func(b *Batch) { go b.Close() })
	return b, nil
}

// add adds an operation whose arguments were made without error.
func (b *Batch) add(a *arguments, do func(batch *C.nexus_batch) C.bridge_outcome) error {
	if a.err != nil {
		return a.err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batch == nil {
		return errClosed("batch")
	}
	return check(do(b.batch))
}

// Write adds a write; see [Store.WriteWith]. The bytes are copied.
func (b *Batch) Write(path string, content []byte, options WriteOptions) error {
	var a arguments
	file, c := a.path(path), a.conditions(options)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_write(batch, file, data(content), C.size_t(len(content)),
			c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
	})
}

// Append adds an append; see [Store.AppendWith]. The bytes are copied.
func (b *Batch) Append(path string, content []byte, options WriteOptions) error {
	var a arguments
	file, c := a.path(path), a.conditions(options)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_append(batch, file, data(content), C.size_t(len(content)),
			c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
	})
}

// Delete adds a deletion; see [Store.Delete].
func (b *Batch) Delete(path string) error {
	var a arguments
	file := a.path(path)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome { return C.bridge_batch_delete(batch, file) })
}

// Rename adds a rename; see [Store.RenameWith].
func (b *Batch) Rename(from, to string, flags MoveFlags) error {
	var a arguments
	source, target := a.path(from), a.path(to)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_rename(batch, source, target, C.uint32_t(flags))
	})
}

// Copy adds a copy; see [Store.CopyWith].
func (b *Batch) Copy(from, to string, flags MoveFlags) error {
	var a arguments
	source, target := a.path(from), a.path(to)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_copy(batch, source, target, C.uint32_t(flags))
	})
}

// Mkdir adds the creation of a directory; see [Store.MkdirWith].
func (b *Batch) Mkdir(path string, flags MkdirFlags) error {
	var a arguments
	directory := a.path(path)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_mkdir(batch, directory, C.uint32_t(flags))
	})
}

// SetMeta adds a change of one metadata key; see [Store.SetMeta].
func (b *Batch) SetMeta(path, key string, value any) error {
	var a arguments
	file, name, text := a.path(path), a.text("a key", key), a.json(value)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_set_meta(batch, file, name, text)
	})
}

// SetMetaMany adds a change of several metadata keys; see [Store.SetMetaMany].
func (b *Batch) SetMetaMany(path string, object any) error {
	var a arguments
	file, text := a.path(path), a.json(object)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_set_meta_many(batch, file, text)
	})
}

// DeleteMeta adds the deletion of one metadata key; see [Store.DeleteMeta].
func (b *Batch) DeleteMeta(path, key string) error {
	var a arguments
	file, name := a.path(path), a.text("a key", key)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_delete_meta(batch, file, name)
	})
}

// RequireETag adds a condition: at this point of the batch, the file has this etag. Otherwise the
// commit returns ErrConflict.
func (b *Batch) RequireETag(path, etag string) error {
	var a arguments
	file, text := a.path(path), a.text("an etag", etag)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_require_etag(batch, file, text)
	})
}

// RequireAbsent adds a condition: at this point of the batch, the file does not exist. Otherwise
// the commit returns ErrConflict.
func (b *Batch) RequireAbsent(path string) error {
	var a arguments
	file := a.path(path)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_require_etag(batch, file, nil)
	})
}

// RequireLease adds a condition: the lease token is valid. Otherwise the commit returns
// ErrLeaseLost.
func (b *Batch) RequireLease(lease Lease) error {
	var a arguments
	file := a.path(lease.Path)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_require_lease(batch, file, C.uint64_t(lease.Token))
	})
}

// CompleteWork adds [Store.CompleteWork]. The batch then stores the files that the worker wrote if
// and only if it completes the item.
func (b *Batch) CompleteWork(lease Lease, result any) error {
	var a arguments
	file, text := a.path(lease.Path), a.optionalJSON(result)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_complete_work(batch, file, C.uint64_t(lease.Token), text)
	})
}

// FailWork adds [Store.FailWork].
func (b *Batch) FailWork(lease Lease, reason string, retryAfter time.Duration) error {
	var a arguments
	file, text := a.path(lease.Path), a.text("a reason", reason)
	after := a.milliseconds("a time to wait", retryAfter)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_fail_work(batch, file, C.uint64_t(lease.Token), text, after)
	})
}

// ReleaseWork adds [Store.ReleaseWork].
func (b *Batch) ReleaseWork(lease Lease) error {
	var a arguments
	file := a.path(lease.Path)
	return b.add(&a, func(batch *C.nexus_batch) C.bridge_outcome {
		return C.bridge_batch_release_work(batch, file, C.uint64_t(lease.Token))
	})
}

// Commit makes all changes in one transaction, in the order of their additions; each operation sees
// the earlier ones. It returns one entry for each operation: the entry it left, or one of KindNone.
// A failed commit changes nothing, Error.Index is the failed operation, and the caller may retry.
// After success, only Close may follow.
func (b *Batch) Commit() ([]Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batch == nil {
		return nil, errClosed("batch")
	}
	var result C.bridge_entries
	err := b.scope.call(func() C.bridge_outcome {
		result = C.bridge_batch_commit(b.batch)
		return result.outcome
	})
	if err != nil {
		return nil, err
	}
	entries, _ := takeEntries(&result)
	return entries, nil
}

// Close frees the batch and discards uncommitted changes. It never fails; a second Close does
// nothing.
func (b *Batch) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batch != nil {
		C.nexus_batch_free(b.batch)
		b.batch = nil
		b.scope.end()
		runtime.SetFinalizer(b, nil)
	}
	return nil
}
