package nexus_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"nexus"
)

func TestAFileIsWrittenReadAppendedRenamedCopiedDeleted(t *testing.T) {
	store := newStore(t)
	began := time.Now().Add(-time.Second)
	write(t, store, "/docs/a.txt", "hello")
	must(t, store.Append("/docs/a.txt", []byte(", world")))
	equal(t, "the content", content(t, store, "/docs/a.txt"), "hello, world")

	entry, err := store.Stat("/docs/a.txt")
	must(t, err)
	sum := sha256.Sum256([]byte("hello, world"))
	equal(t, "the etag", entry.ETag, hex.EncodeToString(sum[:]))
	equal(t, "the path", entry.Path, "/docs/a.txt")
	equal(t, "the kind", entry.Kind, nexus.KindFile)
	equal(t, "the size", entry.Size, 12)
	equal(t, "the version", entry.Version, 2)
	equal(t, "the MIME type", entry.MIMEType, "text/plain")
	equal(t, "the backend", entry.BackendName, "local")
	equal(t, "the length of the id", len(entry.PathID), 36)
	if entry.CreatedAt.Before(began) || entry.ModifiedAt.Before(entry.CreatedAt) || time.Now().Before(entry.ModifiedAt) {
		t.Errorf("created at %v, modified at %v, but it began at %v", entry.CreatedAt, entry.ModifiedAt, began)
	}

	must(t, store.Rename("/docs/a.txt", "/docs/b.txt"))
	must(t, store.Copy("/docs/b.txt", "/docs/c.txt"))
	copied, err := store.Stat("/docs/c.txt")
	must(t, err)
	equal(t, "the etag of the copy", copied.ETag, entry.ETag)
	if copied.PathID == entry.PathID {
		t.Error("the copy has the id of the original")
	}
	must(t, store.Delete("/docs/b.txt"))
	exists, err := store.Exists("/docs/b.txt")
	must(t, err)
	equal(t, "whether it exists", exists, false)
	mustBe(t, store.Delete("/docs/b.txt"), fs.ErrNotExist)

	directory, err := store.Stat("/docs")
	must(t, err)
	if !directory.IsDirectory() || directory.ETag != "" || !directory.CreatedAt.IsZero() {
		t.Errorf("an implied directory is described as %+v", directory)
	}
}

func TestEmptyContentIsContent(t *testing.T) {
	store := newStore(t)
	for _, empty := range [][]byte{nil, {}} {
		must(t, store.Write("/empty", empty))
		got, err := store.Read("/empty")
		must(t, err)
		if got == nil || len(got) != 0 {
			t.Errorf("%#v is read back as %#v", empty, got)
		}
	}
}

func TestConditionsHoldOrChangeNothing(t *testing.T) {
	store := newStore(t)
	first, err := store.WriteWith("/a", []byte("1"), nexus.WriteOptions{IfNoneMatch: true, MIMEType: "text/x-one"})
	must(t, err)
	equal(t, "the MIME type", first.MIMEType, "text/x-one")
	second, err := store.AppendWith("/a", []byte("2"), nexus.WriteOptions{IfMatch: &first.ETag})
	must(t, err)
	equal(t, "the version", second.Version, 2)

	stale := nexus.WriteOptions{IfMatch: &first.ETag}
	_, writeErr := store.WriteWith("/a", []byte("x"), stale)
	_, appendErr := store.AppendWith("/a", []byte("x"), stale)
	for what, err := range map[string]error{
		"write": writeErr, "append": appendErr, "delete": store.DeleteWith("/a", stale),
		"rename": store.RenameWith("/a", "/b", 0, stale), "copy": store.CopyWith("/a", "/b", 0, stale),
		"set_meta": store.SetMetaWith("/a", "k", 1, stale),
	} {
		if !errors.Is(err, nexus.ErrConflict) {
			t.Errorf("%s with a stale etag: %v", what, err)
		}
	}
	equal(t, "the content", content(t, store, "/a"), "12")

	write(t, store, "/taken", "")
	mustBe(t, store.RenameWith("/a", "/taken", nexus.NoReplace, nexus.WriteOptions{}), fs.ErrExist)
	mustBe(t, store.CopyWith("/a", "/taken", nexus.NoReplace, nexus.WriteOptions{}), fs.ErrExist)

	fresh := nexus.WriteOptions{IfMatch: &second.ETag}
	must(t, store.SetMetaWith("/a", "k", 1, fresh))
	must(t, store.CopyWith("/a", "/b", nexus.NoReplace, fresh))
	must(t, store.RenameWith("/a", "/c", nexus.NoReplace, fresh))
	must(t, store.DeleteWith("/c", fresh))

	// The etag of a directory is empty, and so is that of an entry that was never filled: no condition, but a wrong one.
	if _, err := store.WriteWith("/b", nil, nexus.WriteOptions{IfMatch: nexus.Ptr("")}); err == nil {
		t.Error("an empty etag was taken for no condition")
	}
	if _, err := store.WriteWith("/b", nil, nexus.WriteOptions{Lease: &nexus.Lease{Path: "/b"}}); err == nil {
		t.Error("a lease without token was taken for no condition")
	}
}

func TestReadAtIsThatOfIO(t *testing.T) {
	store := newStore(t)
	write(t, store, "/a", "0123456789")
	buf := make([]byte, 4)
	n, err := store.ReadAt("/a", buf, 3)
	must(t, err)
	equal(t, "what was read", string(buf[:n]), "3456")
	n, err = store.ReadAt("/a", buf, 8)
	equal(t, "the end", err, io.EOF)
	equal(t, "what was read", string(buf[:n]), "89")
	n, err = store.ReadAt("/a", buf, 100)
	equal(t, "behind the end", err, io.EOF)
	equal(t, "the number of bytes", n, 0)
	_, err = store.ReadAt("/a", nil, 0)
	must(t, err)
	_, err = store.ReadAt("/a", buf, -1)
	mustBe(t, err, fs.ErrInvalid)
}

func TestDirectoriesAreMadeAndRemoved(t *testing.T) {
	store := newStore(t)
	mustBe(t, store.Mkdir("/a/b"), fs.ErrNotExist)
	must(t, store.MkdirAll("/a/b"))
	must(t, store.MkdirAll("/a/b"))
	mustBe(t, store.Mkdir("/a/b"), fs.ErrExist)
	must(t, store.MkdirWith("/a/b", nexus.MkdirExistOK))
	mustBe(t, store.MkdirWith("/c", 1<<20), fs.ErrInvalid)
	is, err := store.IsDirectory("/a/b")
	must(t, err)
	equal(t, "whether it is a directory", is, true)
	mustBe(t, store.RemoveDir("/a"), nexus.ErrNotEmpty)
	must(t, store.RemoveDir("/a/b"))
	write(t, store, "/a/c/d", "1")
	must(t, store.RemoveTree("/a"))
	is, err = store.IsDirectory("/a")
	must(t, err)
	equal(t, "whether it is a directory", is, false)
}

func TestAReaderIsThatOfIO(t *testing.T) {
	store := newStore(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 4_500) // more than lives in the database
	must(t, store.Write("/large", want))
	for name, store := range map[string]*nexus.Store{"plain": store, "with a context": store.WithContext(background(t))} {
		reader, err := store.Open("/large")
		must(t, err)
		equal(t, "the size", reader.Size(), int64(len(want)))
		if err := iotest.TestReader(reader, want); err != nil {
			t.Errorf("%s: %v", name, err)
		}

		// It sees what it opened.
		must(t, store.Write("/large", []byte("other")))
		_, err = reader.Seek(0, io.SeekStart)
		must(t, err)
		var all bytes.Buffer
		n, err := io.Copy(&all, reader)
		must(t, err)
		equal(t, "the number of bytes", n, int64(len(want)))
		if !bytes.Equal(all.Bytes(), want) {
			t.Errorf("%s: the reader does not see what it opened", name)
		}
		for what, err := range map[string]error{
			"before the beginning": second(reader.Seek(-1, io.SeekStart)), "from nowhere": second(reader.Seek(0, 7)),
			"a negative offset": second(reader.ReadAt(make([]byte, 1), -1)),
		} {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		must(t, reader.Close())
		_, err = reader.Read(make([]byte, 1))
		mustBe(t, err, fs.ErrClosed)
		mustBe(t, reader.Close(), fs.ErrClosed)
		must(t, store.Write("/large", want))
	}
}

func TestAReaderMovesBetweenTheBlocksOfALargeFile(t *testing.T) {
	store := newStore(t)
	want := make([]byte, 1_000_000)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	must(t, store.Write("/large", want))
	reader, err := store.Open("/large")
	must(t, err)
	defer reader.Close()
	for _, at := range []int64{900_000, 0, 262_143, 262_144, 999_999, 500_000} {
		buf := make([]byte, min(300_000, 1_000_000-at))
		_, err := reader.ReadAt(buf, at)
		must(t, err)
		if !bytes.Equal(buf, want[at:at+int64(len(buf))]) {
			t.Errorf("other bytes at %d", at)
		}
	}
	var all bytes.Buffer
	_, err = reader.WriteTo(&all) // reading at an offset has not moved it
	must(t, err)
	if !bytes.Equal(all.Bytes(), want) {
		t.Error("other bytes from the beginning")
	}
}

func second[T any](_ T, err error) error { return err }

func TestAWriterPublishesAtCommitOnly(t *testing.T) {
	store := newStore(t)
	large := strings.Repeat("0123456789abcdef", 100_000)
	for name, store := range map[string]*nexus.Store{"plain": store, "with a context": store.WithContext(background(t))} {
		w, err := store.Create("/w", nexus.WriteOptions{MIMEType: "text/x-w", IfNoneMatch: true})
		must(t, err)
		n, err := io.Copy(w, strings.NewReader(large))
		must(t, err)
		equal(t, "the number of bytes", n, int64(len(large)))
		if exists, _ := store.Exists("/w"); exists {
			t.Errorf("%s: the file is there before the commit", name)
		}
		entry, err := w.Commit()
		must(t, err)
		equal(t, "the MIME type", entry.MIMEType, "text/x-w")
		equal(t, "the size", entry.Size, int64(len(large)))
		must(t, w.Close())
		_, err = w.Write([]byte("more"))
		mustBe(t, err, fs.ErrClosed)
		_, err = w.Commit()
		mustBe(t, err, fs.ErrClosed)
		if content(t, store, "/w") != large {
			t.Errorf("%s: other bytes are read back", name)
		}

		w, err = store.Create("/w", nexus.WriteOptions{})
		must(t, err)
		_, err = w.Write([]byte("forgotten"))
		must(t, err)
		must(t, w.Close())
		if content(t, store, "/w") != large {
			t.Errorf("%s: a writer that was closed without commit has written", name)
		}

		w, err = store.Create("/w", nexus.WriteOptions{IfNoneMatch: true})
		must(t, err)
		_, err = w.Commit()
		mustBe(t, err, nexus.ErrConflict)
		must(t, w.Close())
		must(t, store.Delete("/w"))
	}
}

func TestWriteFromChangesNothingIfTheSourceFails(t *testing.T) {
	store := newStore(t)
	entry, err := store.WriteFrom("/a", iotest.OneByteReader(strings.NewReader("abc")), nexus.WriteOptions{})
	must(t, err)
	equal(t, "the size", entry.Size, 3)
	broken := errors.New("broken")
	_, err = store.WriteFrom("/a", io.MultiReader(strings.NewReader("xyz"), iotest.ErrReader(broken)), nexus.WriteOptions{})
	mustBe(t, err, broken)
	equal(t, "the content", content(t, store, "/a"), "abc")
}

func TestABatchIsAllOrNothing(t *testing.T) {
	store := newStore(t)
	write(t, store, "/old", "old")
	old, err := store.Stat("/old")
	must(t, err)
	for _, store := range []*nexus.Store{store, store.WithContext(background(t))} {
		batch, err := store.NewBatch()
		must(t, err)
		none := nexus.WriteOptions{}
		must(t, batch.RequireETag("/old", old.ETag))
		must(t, batch.RequireAbsent("/new"))
		must(t, batch.Write("/new", []byte("1"), none))
		must(t, batch.Append("/new", []byte("2"), none))
		must(t, batch.Copy("/new", "/copy", nexus.NoReplace))
		must(t, batch.Rename("/copy", "/moved", 0))
		must(t, batch.Mkdir("/dir/below", nexus.MkdirParents))
		must(t, batch.SetMeta("/new", "k", "v"))
		must(t, batch.SetMetaMany("/new", map[string]any{"a": 1, "b": 2}))
		must(t, batch.DeleteMeta("/new", "a"))
		must(t, batch.Write("/gone", nil, none))
		must(t, batch.Delete("/gone"))
		mustBe(t, batch.Write("/a/../b", nil, none), nexus.ErrInvalidPath) // not added
		entries, err := batch.Commit()
		must(t, err)
		var kinds []nexus.Kind
		for _, entry := range entries {
			kinds = append(kinds, entry.Kind)
		}
		f, d, n := nexus.KindFile, nexus.KindDirectory, nexus.KindNone
		if want := []nexus.Kind{n, n, f, f, f, f, d, f, f, f, f, n}; !slices.Equal(kinds, want) {
			t.Errorf("the kinds of the results are %v, but should be %v", kinds, want)
		}
		_, err = batch.Commit()
		mustBe(t, err, nexus.ErrMisuse)
		must(t, batch.Close())
		must(t, batch.Close())
		mustBe(t, batch.Delete("/new"), fs.ErrClosed)
		_, err = batch.Commit()
		mustBe(t, err, fs.ErrClosed)
		equal(t, "the content", content(t, store, "/moved"), "12")

		for _, path := range []string{"/new", "/moved"} {
			must(t, store.Delete(path))
		}
		must(t, store.RemoveTree("/dir"))
	}

	batch, err := store.NewBatch()
	must(t, err)
	defer batch.Close()
	must(t, batch.Write("/old", []byte("new"), nexus.WriteOptions{}))
	must(t, batch.RequireLease(nexus.Lease{Path: "/old", Token: 9}))
	_, err = batch.Commit()
	mustBe(t, err, nexus.ErrLeaseLost)
	equal(t, "the content", content(t, store, "/old"), "old")
}

func TestAMillionBytesOfEveryValueComeBack(t *testing.T) {
	store := newStore(t)
	want := make([]byte, 1_000_003)
	for i := range want {
		want[i] = byte(i * 7)
	}
	must(t, store.Write("/bytes", want))
	got, err := store.Read("/bytes")
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Error("other bytes are read back")
	}
}

// Bytes may stand within anything: cgo refuses memory with pointers in it where it cannot tell the bytes from the rest.
func TestBytesWithinAStructWithPointersArePassed(t *testing.T) {
	type packet struct {
		next  *packet
		bytes [8]byte
	}
	p := &packet{next: &packet{}, bytes: [8]byte([]byte("12345678"))}
	store := newStore(t)
	must(t, store.Write("/a", p.bytes[:]))
	must(t, store.Append("/a", p.bytes[:4]))
	_, err := store.ReadAt("/a", p.next.bytes[:], 4)
	must(t, err)
	equal(t, "what was read", string(p.next.bytes[:]), "56781234")
	w, err := store.Create("/b", nexus.WriteOptions{})
	must(t, err)
	_, err = w.Write(p.bytes[:])
	must(t, err)
	_, err = w.Commit()
	must(t, err)
	r, err := store.Open("/b")
	must(t, err)
	defer r.Close()
	_, err = r.Read(p.next.bytes[:])
	must(t, err)
	equal(t, "what was read", p.next.bytes, p.bytes)
}
