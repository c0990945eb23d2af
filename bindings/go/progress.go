package nexus

// #include "bridge.h"
import "C"

import "runtime/cgo"

// Progress is the progress of a long call.
type Progress struct {
	// Done of Total; Total is 0 if it is not known.
	Done, Total uint64
	// What names the current step.
	What string
}

// ProgressFunc receives the progress of a long call. It runs in the goroutine that made the call
// and may use the store, but not close it, nor end the goroutine ([runtime.Goexit], and so the
// FailNow of a test). An error ends the call with ErrCancelled, which wraps that error; so does a
// panic, which continues after the call. The call then changed nothing, except calls that work in
// steps: [Store.GC], [Store.Backup] and [Store.Verify] with [VerifyRepair].
type ProgressFunc func(Progress) error

// observer passes progress from C to a ProgressFunc, and what that says back to the call.
type observer struct {
	tell     ProgressFunc
	err      error
	panicked any
}

// observed makes a call with a progress function, which may be nil.
func observed(tell ProgressFunc, call func(observer C.uintptr_t) error) error {
	if tell == nil {
		return call(0)
	}
	o := &observer{tell: tell}
	handle := cgo.NewHandle(o)
	defer handle.Delete()
	err := call(C.uintptr_t(handle))
	if o.panicked != nil {
		panic(o.panicked)
	}
	if failed, ok := err.(*Error); ok && o.err != nil && failed.Status == StatusCancelled {
		failed.Message = o.err.Error()
		failed.cause = o.err
	}
	return err
}

//export nexusGoProgress
func nexusGoProgress(handle C.uintptr_t, done, total C.uint64_t, what *C.char) (answer C.int32_t) {
	o := cgo.Handle(handle).Value().(*observer)
	// A panic would pass over the frames of the library.
	defer func() {
		if o.panicked = recover(); o.panicked != nil {
			answer = 1
		}
	}()
	if o.err = o.tell(Progress{uint64(done), uint64(total), C.GoString(what)}); o.err != nil {
		return 1
	}
	return 0
}
