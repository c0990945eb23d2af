package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"runtime"
	"time"
)

// An interrupt in C hits every call on a handle. So a call that a context may end is made on a handle of its own, a clone
// of the store's, and the interrupt hits nothing else.

// derived is a handle for one call, or for an object that was opened with a context.
type derived struct {
	fs    *C.nexus_fs
	taken bool // somebody closes it; guarded by the mutex of the store's handle
}

// call makes a call that ctx (nil for none) and the context of the store may end.
func (s *Store) call(ctx context.Context, do func(fs *C.nexus_fs) C.bridge_outcome) error {
	h := s.handle
	defer runtime.KeepAlive(h)
	ctx, release := joined(s.ctx, ctx)
	defer release()
	if ctx == nil || ctx.Done() == nil {
		return h.noteClosed(check(do(h.fs)))
	}
	if ctx.Err() != nil {
		return errContext(ctx)
	}
	own, err := h.derive()
	if err != nil {
		return err
	}
	if err := h.begin(own); err != nil {
		return err
	}
	defer h.end(own)
	// A Close may come before the call has begun in C.
	return h.noteClosed(interruptible(ctx, own.fs, func() C.bridge_outcome { return do(own.fs) }))
}

// jsonCall makes a call that returns a JSON text, and reads it into value; nil takes no value.
func (s *Store) jsonCall(ctx context.Context, value any, do func(fs *C.nexus_fs) C.bridge_text) error {
	text, err := s.textCall(ctx, do)
	if err != nil || value == nil {
		return err
	}
	return decodeJSON(text, value)
}

func (s *Store) textCall(ctx context.Context, do func(fs *C.nexus_fs) C.bridge_text) (string, error) {
	var result C.bridge_text
	err := s.call(ctx, func(fs *C.nexus_fs) C.bridge_outcome {
		result = do(fs)
		return result.outcome
	})
	return takeText(result.text), err
}

func decodeJSON(text string, value any) error {
	if err := json.Unmarshal([]byte(text), value); err != nil {
		return newError(StatusInternal, "the library returned other JSON than expected: "+err.Error())
	}
	return nil
}

// interruptible makes a call on a handle that is interrupted when ctx ends.
func interruptible(ctx context.Context, fs *C.nexus_fs, do func() C.bridge_outcome) error {
	over := make(chan struct{})
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		// An interrupt that comes before the call has begun in C is lost: so again, until the call is over.
		for {
			C.nexus_interrupt(fs, nil)
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	// The handle is closed or used again when this returns: no interrupt may come later.
	defer func() {
		if !stop() {
			close(over)
			<-interrupted
		}
	}()
	err := check(do())
	if failed, ok := err.(*Error); ok && failed.Status == StatusCancelled && ctx.Err() != nil {
		return cancelledBy(ctx, failed)
	}
	return err
}

// joined returns a context that ends with the first of two, either of which may be nil, and what to call when it is no
// longer needed.
func joined(a, b context.Context) (context.Context, func()) {
	switch {
	case a == nil || a.Done() == nil:
		return b, func() {}
	case b == nil || b.Done() == nil:
		return a, func() {}
	}
	both, cancel := context.WithCancelCause(b)
	stop := context.AfterFunc(a, func() { cancel(context.Cause(a)) })
	return both, func() {
		stop()
		cancel(nil)
	}
}

// derive makes a handle with the identity of h.
func (h *handle) derive() (*derived, error) {
	if h.closed.Load() {
		return nil, errClosed("store")
	}
	result := C.bridge_clone(h.fs)
	if err := check(result.outcome); err != nil {
		return nil, h.noteClosed(err)
	}
	return &derived{fs: result.fs}, nil
}

// begin makes the handle of a call known to Close.
func (h *handle) begin(own *derived) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed.Load() {
		C.nexus_close(own.fs, nil)
		return errClosed("store")
	}
	h.calls[own] = struct{}{}
	return nil
}

func (h *handle) end(own *derived) {
	h.mu.Lock()
	taken := own.taken
	delete(h.calls, own)
	h.mu.Unlock()
	if !taken {
		C.nexus_close(own.fs, nil)
	}
}

// closeCalls ends the calls in flight that have a handle of their own, and waits for them.
func (h *handle) closeCalls() error {
	h.mu.Lock()
	var inFlight []*derived
	for own := range h.calls {
		if !own.taken {
			own.taken = true
			inFlight = append(inFlight, own)
		}
	}
	h.mu.Unlock()
	var first error
	for _, own := range inFlight {
		// It waits for the call; in a progress function of that call it would wait for itself, and is refused.
		if err := check(C.bridge_close(own.fs)); err != nil {
			h.mu.Lock()
			own.taken = false
			h.mu.Unlock()
			first = err
		}
	}
	return first
}
