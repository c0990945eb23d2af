package nexus

// #include "bridge.h"
import "C"

import (
	"errors"
	"io"
	"runtime"
	"sync"
)

// Writer writes a file piece by piece, in bounded memory. Commit creates the file, or replaces the
// existing one; Close without Commit discards the written bytes. So this is always safe:
//
//	w, err := store.Create("/large.bin", nexus.WriteOptions{})
//	if err != nil {
//		return err
//	}
//	defer w.Close()
//	if _, err := io.Copy(w, source); err != nil {
//		return err
//	}
//	_, err = w.Commit()
//	return err
type Writer struct {
	mu     sync.Mutex
	scope  scope
	writer *C.nexus_writer // nil when committed or closed
}

// Create begins to write a file. The commit checks the conditions.
func (s *Store) Create(path string, options WriteOptions) (*Writer, error) {
	var a arguments
	file, c := a.path(path), a.conditions(options)
	if a.err != nil {
		return nil, a.err
	}
	var result C.bridge_writer
	scope, err := s.open(func(fs *C.nexus_fs) C.bridge_outcome {
		result = C.bridge_writer_open(fs, file, c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
		return result.outcome
	})
	if err != nil {
		return nil, err
	}
	w := &Writer{scope: scope, writer: result.writer}
	runtime.SetFinalizer(w, func(w *Writer) { go w.Close() })
	return w, nil
}

// WriteFrom writes a whole file from source, in bounded memory. If source fails, the file is
// unchanged.
func (s *Store) WriteFrom(path string, source io.Reader, options WriteOptions) (Entry, error) {
	w, err := s.Create(path, options)
	if err != nil {
		return Entry{}, err
	}
	defer w.Close()
	if _, err := w.ReadFrom(source); err != nil {
		return Entry{}, err
	}
	return w.Commit()
}

// Write writes the next bytes.
func (w *Writer) Write(content []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writer == nil {
		return 0, errClosed("writer")
	}
	err := w.scope.call(func() C.bridge_outcome {
		return C.bridge_writer_write(w.writer, data(content), C.size_t(len(content)))
	})
	if err != nil {
		return 0, err
	}
	return len(content), nil
}

// ReadFrom writes all bytes of source.
func (w *Writer) ReadFrom(source io.Reader) (int64, error) {
	piece := make([]byte, pieceBytes)
	var taken int64
	for {
		n, err := source.Read(piece)
		if n > 0 {
			if _, err := w.Write(piece[:n]); err != nil {
				return taken, err
			}
			taken += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return taken, nil
		}
		if err != nil {
			return taken, err
		}
	}
}

// Commit makes the written bytes the content of the file, and returns its entry. An error leaves
// the file unchanged, and only Close may follow.
func (w *Writer) Commit() (Entry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writer == nil {
		return Entry{}, errClosed("writer")
	}
	var result C.bridge_one_entry
	err := w.scope.call(func() C.bridge_outcome {
		result = C.bridge_writer_commit(w.writer)
		return result.outcome
	})
	if err != nil {
		return Entry{}, err
	}
	w.end()
	return takeEntry(result.row), nil
}

// Close ends the writer and discards uncommitted bytes. After Commit it does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writer == nil {
		return nil
	}
	err := check(C.bridge_writer_abort(w.writer))
	w.end()
	return err
}

func (w *Writer) end() {
	w.writer = nil
	w.scope.end()
	runtime.SetFinalizer(w, nil)
}
