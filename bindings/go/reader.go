package nexus

// #include "bridge.h"
import "C"

import (
	"io"
	"runtime"
	"sync"
)

// Reader reads a file piece by piece: the content that the file had at Open, even if the file
// changes meanwhile. It is an io.Reader, io.Seeker, io.ReaderAt, io.WriterTo and io.Closer. It may
// be used by several goroutines, which wait for each other.
type Reader struct {
	mu     sync.Mutex
	scope  scope
	reader *C.nexus_reader // nil when closed
	size   int64
	offset int64 // where Read goes on
	at     int64 // where C's reader stands
}

// Open opens a file for reading.
func (s *Store) Open(path string) (*Reader, error) {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return nil, a.err
	}
	var result C.bridge_reader
	scope, err := s.open(func(fs *C.nexus_fs) C.bridge_outcome {
		result = C.bridge_reader_open(fs, file)
		return result.outcome
	})
	if err != nil {
		if result.reader != nil {
			C.nexus_reader_close(result.reader, nil)
		}
		return nil, err
	}
	r := &Reader{scope: scope, reader: result.reader, size: int64(result.size)}
	runtime.SetFinalizer(r, func(r *Reader) { go r.Close() })
	return r, nil
}

// Size returns the size of the content.
func (r *Reader) Size() int64 {
	return r.size
}

// Read reads the next bytes from the position of the reader.
func (r *Reader) Read(buf []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(buf) == 0 && r.reader != nil {
		return 0, nil
	}
	n, err := r.readFrom(r.offset, buf)
	r.offset += int64(n)
	return n, err
}

// ReadAt reads from an offset, and does not move the reader.
func (r *Reader) ReadAt(buf []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, newError(StatusInvalidArgument, "an offset cannot be negative")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	done := 0
	for {
		n, err := r.readFrom(offset+int64(done), buf[done:])
		done += n
		if done == len(buf) && (err == nil || err == io.EOF) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
}

// WriteTo writes the rest of the content to w.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	piece := make([]byte, min(pieceBytes, max(1, r.size)))
	var written int64
	for {
		n, err := r.Read(piece)
		if n > 0 {
			put, err := w.Write(piece[:n])
			written += int64(put)
			if err != nil {
				return written, err
			}
			if put < n {
				return written, io.ErrShortWrite
			}
		}
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}

// pieceBytes is how much WriteTo and ReadFrom move at once: what the store checks at once.
const pieceBytes = 256 << 10

// readFrom makes one call of C; the lock is held.
func (r *Reader) readFrom(offset int64, buf []byte) (int, error) {
	if r.reader == nil {
		return 0, errClosed("reader")
	}
	if offset >= r.size {
		return 0, io.EOF
	}
	var result C.bridge_number
	err := r.scope.call(func() C.bridge_outcome {
		if r.at != offset {
			if outcome := C.bridge_reader_seek(r.reader, C.uint64_t(offset)); outcome.status != C.NEXUS_STATUS_OK {
				return outcome
			}
			r.at = offset
		}
		result = C.bridge_reader_read(r.reader, data(buf), C.size_t(len(buf)))
		return result.outcome
	})
	n := int(result.number)
	if err != nil {
		r.at = -1 // where it stands after an error is not said
		return 0, err
	}
	r.at += int64(n)
	if n == 0 && len(buf) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Seek sets the position of the reader. Reads after the end return [io.EOF].
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reader == nil {
		return 0, errClosed("reader")
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	default:
		return 0, newError(StatusInvalidArgument, "seek from nowhere that is known")
	}
	if offset < 0 {
		return 0, newError(StatusInvalidArgument, "seek to before the beginning")
	}
	r.offset = offset
	return offset, nil
}

// Close closes the reader. A second Close is fs.ErrClosed.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reader == nil {
		return errClosed("reader")
	}
	err := check(C.bridge_reader_close(r.reader))
	r.reader = nil
	r.scope.end()
	runtime.SetFinalizer(r, nil)
	return err
}
