// Package nexus is a filesystem for AI agents that a program embeds: files by virtual path, every content stored once,
// metadata, tenants and agents that see their own part, and files as work items with dependencies.
//
//	store, err := nexus.Open(nexus.Config{DataDir: "./nexus-data"})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	if err := store.Write("/notes/hello.txt", []byte("hello")); err != nil {
//		return err
//	}
//
// # Errors
//
// A call that returns an error changed nothing. Only [Store.GC], [Store.Backup] and [Store.Verify] with [VerifyRepair] work
// in steps: what they did before the error stays, also where a context or a progress function ends them.
//
// Every error is an [*Error] with a status, a message, and where they apply the path and the operation of a batch.
// [errors.Is] compares it with the Err values of this package ([ErrConflict], [ErrCycle], ...) and with those of io/fs:
// [fs.ErrNotExist], [fs.ErrExist], [fs.ErrPermission] (denied, or read-only), [fs.ErrInvalid] and [fs.ErrClosed].
//
// # Contexts
//
// Calls that may run long take a context. When it ends, the call is interrupted, and returns within milliseconds an
// error that answers both ErrCancelled and what the context says; other calls on the store are not disturbed.
// [Store.WithContext] does the same for the calls that take none, for streams, batches, and the view of [Store.FS].
//
// # Concurrency
//
// Any number of goroutines may use a Store at once, and may open a store more than once. A Reader, Writer or Batch is
// used by one goroutine after the other; each locks itself. A call in flight occupies a thread of the operating system, as
// a call of package os does.
//
// # Closing
//
// Store, Reader, Writer and Batch are to be closed. What is forgotten is closed when the garbage collector finds it.
// Entries, work items and all other values are Go's own and need nothing.
package nexus

//go:generate go run ./internal/constants
