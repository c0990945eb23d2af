package nexus

// #include "bridge.h"
import "C"

import "context"

// scope is what the calls of a Reader, Writer or Batch run in. Where the store had a context, the object was opened on a
// handle of its own, so that the context interrupts nothing else; C lets the object outlive the store's.
type scope struct {
	ctx   context.Context
	own   *derived // nil where no context may end the calls
	ended bool
}

// open opens an object; the scope is to be ended when the object is closed, and is ended already if this fails.
func (s *Store) open(do func(fs *C.nexus_fs) C.bridge_outcome) (scope, error) {
	if s.ctx == nil || s.ctx.Done() == nil {
		return scope{}, s.call(nil, do)
	}
	if s.ctx.Err() != nil {
		return scope{}, errContext(s.ctx)
	}
	own, err := s.derive()
	if err != nil {
		return scope{}, err
	}
	if s.closed.Load() { // meanwhile
		C.nexus_close(own.fs, nil)
		return scope{}, errClosed("store")
	}
	opened := scope{ctx: s.ctx, own: own}
	if err := opened.call(func() C.bridge_outcome { return do(own.fs) }); err != nil {
		opened.end()
		return scope{}, err
	}
	return opened, nil
}

// call makes a call on the object.
func (s *scope) call(do func() C.bridge_outcome) error {
	switch {
	case s.own == nil:
		return check(do())
	case s.ctx.Err() != nil:
		return errContext(s.ctx)
	default:
		return interruptible(s.ctx, s.own.fs, do)
	}
}

func (s *scope) end() {
	if s.own != nil && !s.ended {
		C.nexus_close(s.own.fs, nil)
	}
	s.ended = true
}
