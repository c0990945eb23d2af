//go:build cgo

package nexus

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"time"
)

// dirFS is a directory of a store as an [fs.FS].
type dirFS struct {
	store *Store
	root  string // begins with a slash, and ends with one only where it is "/"
}

var (
	_ fs.ReadDirFS  = dirFS{}
	_ fs.ReadFileFS = dirFS{}
	_ fs.StatFS     = dirFS{}
	_ fs.GlobFS     = dirFS{}
	_ fs.ReadDirFS  = listed{}
	_ fs.SubFS      = dirFS{}

	_ fs.ReadDirFile = (*openDir)(nil)
	_ io.ReaderAt    = (*openFile)(nil)
	_ io.Seeker      = (*openFile)(nil)
	_ io.WriterTo    = (*openFile)(nil)
)

// FS returns a directory of the store as a file system of the standard library, for [fs.WalkDir], [net/http.FileServerFS],
// [text/template.ParseFS] and the like. It is for reading. It implements [fs.ReadDirFS], [fs.ReadFileFS], [fs.StatFS],
// [fs.GlobFS] (with the patterns of [path.Match], not those of [Store.Glob]) and [fs.SubFS]; its files are io.Seeker and
// io.ReaderAt too, and keep the content that they opened. FileInfo.Sys returns an [*Entry].
//
// [net/http.FileServerFS] has no way to learn an ETag from a file system; nexus/httpfs has a FileServer that sends it.
//
// The directory need not exist until it is used. With [Store.WithContext], a context ends the calls.
//
// A backslash is a character like any other in the names of a store, as it is for [fs.ValidPath]. Programs that take it for
// a separator, and [testing/fstest.TestFS], do not like such names.
func (s *Store) FS(directory string) fs.FS {
	return dirFS{s, path.Join("/", directory)}
}

// at returns where a name of the view is in the store.
func (d dirFS) at(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(d.root, name), nil
}

func pathError(op, name string, err error) error {
	// What no name can be is not there: of a file system one only asks for what it might hold.
	if errors.Is(err, StatusInvalidPath) || errors.Is(err, StatusNotADirectory) {
		err = &absent{err}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// absent is an error of the store that means fs.ErrNotExist in a file system.
type absent struct {
	error
}

func (a *absent) Is(target error) bool { return target == fs.ErrNotExist }
func (a *absent) Unwrap() error        { return a.error }

// Open opens a file or directory.
func (d dirFS) Open(name string) (fs.File, error) {
	file, err := d.at("open", name)
	if err != nil {
		return nil, err
	}
	// A file may be replaced between the two calls: so until the entry that was seen is that of the content.
	for {
		entry, err := d.store.Stat(file)
		if err != nil {
			return nil, pathError("open", name, err)
		}
		if entry.IsDirectory() {
			return &openDir{fs: d, name: name, info: fileInfo{entry, path.Base(name)}}, nil
		}
		reader, err := d.store.Open(file)
		if errors.Is(err, StatusIsADirectory) || errors.Is(err, StatusNotFound) {
			continue
		}
		if err != nil {
			return nil, pathError("open", name, err)
		}
		after, err := d.store.Stat(file)
		if err == nil && after.ETag == entry.ETag {
			return &openFile{reader, fileInfo{entry, path.Base(name)}, name}, nil
		}
		reader.Close()
	}
}

// ReadFile reads a whole file.
func (d dirFS) ReadFile(name string) ([]byte, error) {
	file, err := d.at("readfile", name)
	if err != nil {
		return nil, err
	}
	content, err := d.store.Read(file)
	if err != nil {
		return nil, pathError("readfile", name, err)
	}
	return content, nil
}

// Stat describes a file or directory.
func (d dirFS) Stat(name string) (fs.FileInfo, error) {
	file, err := d.at("stat", name)
	if err != nil {
		return nil, err
	}
	entry, err := d.store.Stat(file)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return fileInfo{entry, path.Base(name)}, nil
}

// ReadDir lists a directory, by name.
func (d dirFS) ReadDir(name string) ([]fs.DirEntry, error) {
	directory, err := d.at("readdir", name)
	if err != nil {
		return nil, err
	}
	var children []fs.DirEntry
	for entry, err := range d.store.List(d.store.ctx, ListOptions{Path: directory}) {
		if err != nil {
			return children, pathError("readdir", name, err)
		}
		children = append(children, dirEntry{entry})
	}
	return children, nil
}

// Sub returns the view of a directory in this one.
func (d dirFS) Sub(name string) (fs.FS, error) {
	directory, err := d.at("sub", name)
	if err != nil {
		return nil, err
	}
	return dirFS{d.store, directory}, nil
}

// Glob returns the names that match a pattern of [path.Match].
func (d dirFS) Glob(pattern string) ([]string, error) {
	return fs.Glob(listed{d}, pattern)
}

// listed is a view without Glob, for the standard library to find names in: the store's own globs have other patterns,
// and find files only.
type listed struct {
	dirFS
}

// Glob hides that of the view: it is no [fs.GlobFS] with this.
func (listed) Glob() {}

// fileInfo is an entry as the standard library describes files. Its name is that by which it was asked for: "." for the
// root of a view.
type fileInfo struct {
	entry Entry
	name  string
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.entry.Size }
func (i fileInfo) ModTime() time.Time { return i.entry.ModifiedAt }
func (i fileInfo) IsDir() bool        { return i.entry.IsDirectory() }
func (i fileInfo) Sys() any           { entry := i.entry; return &entry }
func (i fileInfo) String() string     { return fs.FormatFileInfo(i) }

func (i fileInfo) Mode() fs.FileMode {
	if i.IsDir() {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type dirEntry struct {
	entry Entry
}

func (e dirEntry) Name() string               { return path.Base(e.entry.Path) }
func (e dirEntry) IsDir() bool                { return e.entry.IsDirectory() }
func (e dirEntry) Type() fs.FileMode          { return fileInfo{entry: e.entry}.Mode().Type() }
func (e dirEntry) Info() (fs.FileInfo, error) { return fileInfo{e.entry, e.Name()}, nil }
func (e dirEntry) String() string             { return fs.FormatDirEntry(e) }

// openFile is a file of a view.
type openFile struct {
	*Reader
	info fileInfo
	name string
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *openFile) Read(buf []byte) (int, error) {
	n, err := f.Reader.Read(buf)
	return n, f.failed("read", err)
}

func (f *openFile) ReadAt(buf []byte, offset int64) (int, error) {
	n, err := f.Reader.ReadAt(buf, offset)
	return n, f.failed("read", err)
}

func (f *openFile) Seek(offset int64, whence int) (int64, error) {
	at, err := f.Reader.Seek(offset, whence)
	return at, f.failed("seek", err)
}

func (f *openFile) Close() error {
	return f.failed("close", f.Reader.Close())
}

func (f *openFile) failed(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// openDir is a directory of a view, listed page by page.
type openDir struct {
	fs     dirFS
	name   string
	info   fileInfo
	cursor string
	ended  bool
	closed bool
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: newError(StatusIsADirectory, "is a directory")}
}

func (d *openDir) Close() error {
	if d.closed {
		return &fs.PathError{Op: "close", Path: d.name, Err: fs.ErrClosed}
	}
	d.closed = true
	return nil
}

// ReadDir returns the next n children, or all that are left where n is not positive.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, &fs.PathError{Op: "readdir", Path: d.name, Err: fs.ErrClosed}
	}
	children := []fs.DirEntry{}
	for !d.ended && (n <= 0 || len(children) < n) {
		page := Page{Cursor: d.cursor, Limit: largePage}
		if n > 0 {
			page.Limit = min(n-len(children), largePage)
		}
		options := ListOptions{Path: path.Join(d.fs.root, d.name)}
		entries, next, err := d.fs.store.ListPage(d.fs.store.ctx, options, page)
		if err != nil {
			return children, pathError("readdir", d.name, err)
		}
		for _, entry := range entries {
			children = append(children, dirEntry{entry})
		}
		d.cursor, d.ended = next, next == ""
	}
	if n > 0 && len(children) == 0 {
		return children, io.EOF
	}
	return children, nil
}
