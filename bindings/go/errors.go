package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"io/fs"
	"strings"
)

// Error describes why one call failed.
type Error struct {
	// Status is the kind of error.
	Status Status
	// Message is one line for people, without the name of the call.
	Message string
	// Path is the path in the store that the error is about; empty if it is about none.
	Path string
	// Index is the operation of a batch that failed, from 0; -1 if the error is about none.
	Index int

	closed bool  // the object was closed before the call
	cause  error // why a call was cancelled
}

// Error returns the message.
func (e *Error) Error() string {
	return "nexus: " + e.Message
}

// Is lets [errors.Is] compare the error with a [Status] (the Err values of this package are such) and with the errors
// of io/fs.
func (e *Error) Is(target error) bool {
	if status, ok := target.(Status); ok {
		return e.Status == status
	}
	switch target {
	case fs.ErrNotExist:
		return e.Status == StatusNotFound
	case fs.ErrExist:
		return e.Status == StatusAlreadyExists || e.Status == StatusNotEmpty
	case fs.ErrPermission:
		return e.Status == StatusAccessDenied || e.Status == StatusReadOnly
	case fs.ErrInvalid:
		return e.Status == StatusInvalidArgument || e.Status == StatusInvalidPath || e.Status == StatusInvalidConfig
	case fs.ErrClosed:
		return e.closed
	case errors.ErrUnsupported:
		return e.Status == StatusUnsupported
	}
	return false
}

// Unwrap returns why a call was cancelled: the error of the context or of the progress function.
func (e *Error) Unwrap() error {
	return e.cause
}

func newError(status Status, message string) *Error {
	return &Error{Status: status, Message: message, Index: -1}
}

func errClosed(what string) *Error {
	err := newError(StatusMisuse, "the "+what+" is closed")
	err.closed = true
	return err
}

func errContext(ctx context.Context) *Error {
	return cancelledBy(ctx, newError(StatusCancelled, ""))
}

// cancelledBy names the end of the context as the cause of an error.
func cancelledBy(ctx context.Context, err *Error) *Error {
	err.cause = ctx.Err()
	err.Message = err.cause.Error()
	if cause := context.Cause(ctx); cause != err.cause {
		err.cause = errors.Join(err.cause, cause)
		err.Message += ": " + cause.Error()
	}
	return err
}

// check returns the error of a call that C made, and frees C's.
func check(outcome C.bridge_outcome) error {
	if outcome.status == C.NEXUS_STATUS_OK {
		return nil
	}
	err := newError(Status(outcome.status), "")
	if outcome.error == nil {
		err.Message = err.Status.String()
		return err
	}
	parts := C.bridge_error_parts(outcome.error)
	err.Message = C.GoString(parts.message)
	err.Path = C.GoString(parts.path)
	err.Index = int(parts.index)
	C.nexus_error_free(outcome.error)
	return err
}

// printable keeps a message about a text with odd bytes on one line.
func printable(text string) string {
	return strings.ReplaceAll(text, "\x00", `\x00`)
}
