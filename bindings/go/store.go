package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"runtime"
	"sync"
	"sync/atomic"
)

// Store is an open store with the identity that uses it.
type Store struct {
	*handle
	ctx context.Context // ends every call; nil where none does
}

// handle is what a Store and what WithContext derives from it share.
type handle struct {
	fs     *C.nexus_fs
	closed atomic.Bool

	mu    sync.Mutex
	calls map[*derived]struct{} // those of calls in flight
}

// Open opens a store, and creates it if it does not exist. It takes no context. It may wait for
// another process that opens or changes the store, at most for Config.BusyTimeout.
func Open(config Config) (*Store, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, newError(StatusInvalidConfig, err.Error())
	}
	return OpenJSON(string(text))
}

// OpenJSON opens a store with the configuration in a JSON object.
func OpenJSON(config string) (*Store, error) {
	var a arguments
	text := a.terminated(StatusInvalidConfig, "a configuration", config)
	if a.err != nil {
		return nil, a.err
	}
	return connected(func() C.bridge_fs { return C.bridge_connect(text) })
}

// OpenFile opens a store with the configuration of a YAML file.
func OpenFile(path string) (*Store, error) {
	var a arguments
	file := a.text("a file name", path)
	if a.err != nil {
		return nil, a.err
	}
	return connected(func() C.bridge_fs { return C.bridge_connect_file(file) })
}

// OpenDiscovered opens the store that the first of ./nexus.yaml, ./nexus.yml and ~/.nexus/config.yaml, and the environment
// name.
func OpenDiscovered() (*Store, error) {
	return connected(func() C.bridge_fs { return C.bridge_connect(nil) })
}

func connected(connect func() C.bridge_fs) (*Store, error) {
	if err := checkLibrary(); err != nil {
		return nil, err
	}
	result := connect()
	if err := check(result.outcome); err != nil {
		return nil, err
	}
	return newStore(result.fs), nil
}

func newStore(fs *C.nexus_fs) *Store {
	h := &handle{fs: fs, calls: make(map[*derived]struct{})}
	// Nothing that h holds may lead back to it: the finalizer of what is part of a cycle never runs.
	// Closing may wait for a checkpoint: not in the one goroutine that runs all finalizers.
	runtime.SetFinalizer(h, func(h *handle) { go C.nexus_close(h.fs, nil) })
	return &Store{handle: h}
}

// WithIdentity derives a store that is bound to a tenant and an agent, never an admin's. The call
// is cheap. The new store may outlive this one and must be closed, too. A tenant or agent that this
// store is bound to cannot be changed (ErrAccessDenied). The empty string is not a valid name.
func (s *Store) WithIdentity(tenant, agent string) (*Store, error) {
	return s.narrowed(&tenant, &agent)
}

// WithTenant is [Store.WithIdentity] with the agent of this store.
func (s *Store) WithTenant(tenant string) (*Store, error) {
	return s.narrowed(&tenant, nil)
}

// WithAgent is [Store.WithIdentity] with the tenant of this store.
func (s *Store) WithAgent(agent string) (*Store, error) {
	return s.narrowed(nil, &agent)
}

// WithoutAdmin derives a store with the same tenant and agent that is no admin's, as [Store.WithIdentity] does.
func (s *Store) WithoutAdmin() (*Store, error) {
	return s.narrowed(nil, nil)
}

func (s *Store) narrowed(tenant, agent *string) (*Store, error) {
	var a arguments
	var tenantText, agentText *C.char
	if tenant != nil {
		tenantText = a.text("a tenant", *tenant)
	}
	if agent != nil {
		agentText = a.text("an agent", *agent)
	}
	if a.err != nil {
		return nil, a.err
	}
	return s.another(func(fs *C.nexus_fs) C.bridge_fs { return C.bridge_with_identity(fs, tenantText, agentText) })
}

// Clone derives a store with the same identity, including an admin's. [Store.Interrupt] and
// [Store.Close] on one of the two do not end calls on the other. The call is cheap. The new store
// may outlive this one and must be closed, too. To end a single call, a context is enough.
func (s *Store) Clone() (*Store, error) {
	return s.another(func(fs *C.nexus_fs) C.bridge_fs { return C.bridge_clone(fs) })
}

// another returns the store of a handle that is derived from that of s. It has the context of s.
func (s *Store) another(derive func(fs *C.nexus_fs) C.bridge_fs) (*Store, error) {
	var result C.bridge_fs
	err := s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		result = derive(fs)
		return result.outcome
	})
	if err != nil {
		return nil, err
	}
	store := newStore(result.fs)
	store.ctx = s.ctx
	return store, nil
}

// WithContext returns the same store for calls that end when ctx does, those that take no context included, and those of
// the readers, writers, batches and views that are opened on it. It replaces the context of an earlier WithContext.
// There is nothing to close: closing it closes s.
func (s *Store) WithContext(ctx context.Context) *Store {
	return &Store{handle: s.handle, ctx: ctx}
}

// Config returns the effective configuration. Secrets are redacted.
func (s *Store) Config() (map[string]Setting, error) {
	var settings map[string]Setting
	err := s.jsonCall(nil, &settings, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_config(fs) })
	return settings, err
}

// Interrupt ends the calls in flight on this store, and on its readers and writers: they return
// ErrCancelled. Later calls work. A writer whose write was interrupted has failed. Interrupt does
// not affect calls with a context, or stores derived from this one.
func (s *Store) Interrupt() error {
	defer runtime.KeepAlive(s.handle)
	return s.noteClosed(check(C.bridge_interrupt(s.fs)))
}

// Close ends the calls in flight, which return ErrCancelled, waits for them, and closes the store.
// Readers, writers, batches and stores derived from this one stay usable. It cannot be called by a
// progress function of a call on the store. A second Close is fs.ErrClosed.
func (s *Store) Close() error {
	h := s.handle
	defer runtime.KeepAlive(h)
	if !h.closed.CompareAndSwap(false, true) { // from now on no call begins
		return errClosed("store")
	}
	err := h.closeCalls()
	if err == nil {
		err = check(C.bridge_close(h.fs))
	}
	if err != nil { // refused, within a call
		h.closed.Store(false)
		return err
	}
	runtime.SetFinalizer(h, nil)
	return nil
}

// noteClosed says of an error whether it comes from using a closed store.
func (h *handle) noteClosed(err error) error {
	if failed, ok := err.(*Error); ok && failed.Status == StatusMisuse && h.closed.Load() {
		failed.closed = true
	}
	return err
}
