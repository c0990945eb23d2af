package nexus

// #include "bridge.h"
import "C"

import (
	"strings"
	"time"
	"unsafe"
)

// arguments makes C's arguments of Go's. The texts are in Go's memory, NUL-terminated, and C borrows them for the call.
// What cannot be passed is remembered in err, which is to be looked at before the call.
type arguments struct {
	err error
}

// path makes a path of the store. Like every path that breaks a rule of names, one with a NUL is ErrInvalidPath; C would
// see its beginning only.
func (a *arguments) path(path string) *C.char {
	return a.terminated(StatusInvalidPath, "a path", path)
}

// text makes a text that is never absent; what names it in messages.
func (a *arguments) text(what, text string) *C.char {
	return a.terminated(StatusInvalidArgument, what, text)
}

// optional makes a text that is absent where it is empty.
func (a *arguments) optional(what, text string) *C.char {
	if text == "" {
		return nil
	}
	return a.text(what, text)
}

func (a *arguments) terminated(status Status, what, text string) *C.char {
	if strings.IndexByte(text, 0) >= 0 && a.err == nil {
		a.err = newError(status, what+" cannot have a NUL: \""+printable(text)+"\"")
	}
	bytes := make([]byte, len(text)+1)
	copy(bytes, text)
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes)))
}

// limit makes a number of rows of which 0 means all.
func (a *arguments) limit(what string, limit int) C.uint64_t {
	if limit < 0 && a.err == nil {
		a.err = newError(StatusInvalidArgument, what+" cannot be negative")
	}
	return C.uint64_t(limit)
}

// milliseconds makes a length of time; a part of a millisecond counts as one, so that it does not become 0.
func (a *arguments) milliseconds(what string, length time.Duration) C.uint64_t {
	if length < 0 && a.err == nil {
		a.err = newError(StatusInvalidArgument, what+" cannot be negative")
	}
	return C.uint64_t((length + time.Millisecond - 1) / time.Millisecond)
}

// conditions are the fields of nexus_write_options.
type conditions struct {
	ifNoneMatch C.int32_t
	ifMatch     *C.char
	leasePath   *C.char
	lease       C.uint64_t
	mimeType    *C.char
}

func (a *arguments) conditions(options WriteOptions) conditions {
	c := conditions{ifNoneMatch: flag(options.IfNoneMatch), mimeType: a.optional("a MIME type", options.MIMEType)}
	if options.IfMatch != nil {
		c.ifMatch = a.text("an etag", *options.IfMatch)
	}
	if lease := options.Lease; lease != nil {
		if lease.Token == 0 && a.err == nil {
			a.err = newError(StatusInvalidArgument, "a lease without a token was never held")
		}
		c.leasePath = a.path(lease.Path)
		c.lease = C.uint64_t(lease.Token)
	}
	return c
}

func flag(set bool) C.int32_t {
	if set {
		return 1
	}
	return 0
}

// data returns where the bytes of a slice are; C takes nil where there are none. With this type, cgo looks at nothing
// else: with unsafe.Pointer it would refuse bytes within a struct that has pointers.
func data(bytes []byte) *C.uchar {
	return (*C.uchar)(unsafe.SliceData(bytes))
}

// takeText copies a text that C handed out, and frees it.
func takeText(text *C.char) string {
	if text == nil {
		return ""
	}
	defer C.nexus_string_free(text)
	return C.GoString(text)
}

// fromMicros returns a time that C counts in microseconds; the zero Time for 0, which says there is none.
func fromMicros(micros C.int64_t) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(micros)).UTC()
}
