// Package nexus is a filesystem for AI agents that a program embeds: files by virtual path, every
// content stored once, metadata, tenants and agents that see their own directories, and files as
// work items with dependencies.
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
// A call that returns an error changed nothing. Only [Store.GC], [Store.Backup] and [Store.Verify]
// with [VerifyRepair] work in steps: completed steps stay, even if a context or a progress function
// ends the call.
//
// Every error is an [*Error] with a status, a message, and, if they apply, the path and the
// operation of a batch. [errors.Is] compares it with the Err values of this package ([ErrConflict],
// [ErrCycle], ...) and with those of io/fs: [fs.ErrNotExist], [fs.ErrExist], [fs.ErrPermission]
// (denied, or read-only), [fs.ErrInvalid] and [fs.ErrClosed].
//
// # Contexts
//
// Calls that may run long take a context. When it ends, the call is interrupted, and returns within
// milliseconds an error that matches both ErrCancelled and the error of the context. Other calls on
// the store are not affected. [Store.WithContext] does the same for calls without a context, for
// streams, batches, and the view of [Store.FS].
//
// # Concurrency
//
// Any number of goroutines may use a Store at once, and may open a store more than once. Goroutines
// use a Reader, Writer or Batch one after the other; each has a lock. A call in flight occupies a
// thread of the operating system, as a call of package os does.
//
// # Closing
//
// Close every Store, Reader, Writer and Batch. The garbage collector closes those that were
// forgotten. Entries, work items and all other values are Go values and need no Close.
package nexus

//go:generate go run ./internal/constants
