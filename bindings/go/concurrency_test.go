package nexus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"nexus"
)

const (
	goroutines = 64
	operations = 1000
)

// Each goroutine works on files of its own, whose state it knows, and asks for what fails; so every answer, and every
// message, is known. What one thread's error or result would be for another is a failure.
func TestManyGoroutinesGetTheirOwnAnswers(t *testing.T) {
	before := nexus.LiveObjects()
	store := newStore(t)
	ctx := background(t)
	var group sync.WaitGroup
	for g := range goroutines {
		group.Add(1)
		go func() {
			defer group.Done()
			own := store
			if g%4 == 1 {
				own = store.WithContext(ctx)
			}
			w := worker{t: t, store: own, ctx: ctx, dir: fmt.Sprintf("/g/%02d", g), random: rand.New(rand.NewPCG(1, uint64(g)))}
			for range operations {
				if !w.operate() {
					return
				}
			}
			w.checkAll()
		}()
	}
	group.Wait()
	must(t, store.Close())
	equal(t, "the number of objects that are open", nexus.LiveObjects(), before)
}

type worker struct {
	t      *testing.T
	store  *nexus.Store
	ctx    context.Context
	dir    string
	random *rand.Rand
	files  [8][]byte // nil: absent
	count  int
}

func (w *worker) failed(format string, arguments ...any) bool {
	w.t.Errorf(w.dir+": "+format, arguments...)
	return false
}

// operate does one operation and returns whether the answer was right.
func (w *worker) operate() bool {
	i := w.random.IntN(len(w.files))
	path := fmt.Sprintf("%s/%d.txt", w.dir, i)
	want := w.files[i]
	w.count++
	unique := fmt.Sprintf("%s-%d-%s", w.dir, w.count, strings.Repeat("x", w.random.IntN(200)))
	switch w.random.IntN(9) {
	case 0, 1:
		if err := w.store.Write(path, []byte(unique)); err != nil {
			return w.failed("write: %v", err)
		}
		w.files[i] = []byte(unique)
	case 2:
		got, err := w.store.Read(path)
		if want == nil {
			return w.isMissing("read", path, err)
		}
		if err != nil || !bytes.Equal(got, want) {
			return w.failed("read %q (%v), but wrote %q", got, err, want)
		}
	case 3:
		err := w.store.Delete(path)
		if want == nil {
			return w.isMissing("delete", path, err)
		}
		if err != nil {
			return w.failed("delete: %v", err)
		}
		w.files[i] = nil
	case 4:
		entry, err := w.store.Stat(path)
		if want == nil {
			return w.isMissing("stat", path, err)
		}
		if err != nil || entry.Path != path || entry.Size != int64(len(want)) {
			return w.failed("stat %+v (%v), but wrote %q", entry, err, want)
		}
	case 5:
		missing := fmt.Sprintf("%s/none-%d", w.dir, w.count)
		_, err := w.store.PathID(missing)
		return w.isMissing("path_id", missing, err)
	case 6:
		entries, err := collected(w.store.List(w.ctx, nexus.ListOptions{Prefix: w.dir + "/", Recursive: true}))
		there := 0
		for _, content := range w.files {
			if content != nil {
				there++
			}
		}
		if err != nil || len(entries) != there {
			return w.failed("list gives %d files (%v), but there are %d", len(entries), err, there)
		}
	case 7:
		if want == nil {
			return true
		}
		reader, err := w.store.Open(path)
		if err != nil {
			return w.failed("open: %v", err)
		}
		defer reader.Close()
		if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, want) {
			return w.failed("a reader gives %q (%v), but %q was written", got, err, want)
		}
	case 8:
		if want == nil {
			return true
		}
		if err := w.store.SetMeta(path, "unique", unique); err != nil {
			return w.failed("set_meta: %v", err)
		}
		var got string
		if err := w.store.GetMeta(path, "unique", &got); err != nil || got != unique {
			return w.failed("get_meta gives %q (%v), but %q was set", got, err, unique)
		}
	}
	return true
}

func (w *worker) isMissing(what, path string, err error) bool {
	var failed *nexus.Error
	if !errors.As(err, &failed) || !errors.Is(err, fs.ErrNotExist) || failed.Path != path || !strings.Contains(failed.Message, path) {
		return w.failed("%s of the missing %s: %v", what, path, err)
	}
	return true
}

func (w *worker) checkAll() {
	for i, want := range w.files {
		got, err := w.store.Read(fmt.Sprintf("%s/%d.txt", w.dir, i))
		if (want == nil) != errors.Is(err, fs.ErrNotExist) || want != nil && !bytes.Equal(got, want) {
			w.failed("in the end file %d has %q (%v), but should have %q", i, got, err, want)
		}
	}
}

// Of goroutines that write under the same condition, one wins; no change is lost.
func TestConditionsDecideBetweenGoroutines(t *testing.T) {
	store := newStore(t)
	write(t, store, "/counter", "0")
	const each = 50
	var conflicts atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for done := 0; done < each; {
				entry, err := store.Stat("/counter")
				if err != nil {
					t.Error(err)
					return
				}
				text, err := store.Read("/counter")
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(text))
				_, err = store.WriteWith("/counter", []byte(strconv.Itoa(n+1)), nexus.WriteOptions{IfMatch: &entry.ETag})
				switch {
				case err == nil:
					done++
				case errors.Is(err, nexus.ErrConflict):
					conflicts.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		}()
	}
	group.Wait()
	equal(t, "the counter", content(t, store, "/counter"), strconv.Itoa(8*each))
}

// A reader, writer and batch may be shared; nothing breaks, and what is written is all there.
func TestSharedObjectsLockThemselves(t *testing.T) {
	store := newStore(t)
	w, err := store.Create("/shared-writer", nexus.WriteOptions{})
	must(t, err)
	batch, err := store.NewBatch()
	must(t, err)
	defer batch.Close()
	var group sync.WaitGroup
	for g := range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range 50 {
				if _, err := w.Write([]byte("0123456789")); err != nil {
					t.Error(err)
				}
				if err := batch.Write(fmt.Sprintf("/batch/%d-%d", g, i), nil, nexus.WriteOptions{}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	entry, err := w.Commit()
	must(t, err)
	equal(t, "the size", entry.Size, 16*50*10)
	entries, err := batch.Commit()
	must(t, err)
	equal(t, "the number of operations", len(entries), 16*50)

	r, err := store.Open("/shared-writer")
	must(t, err)
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			buf := make([]byte, 10)
			for i := range 100 {
				if _, err := r.ReadAt(buf, int64(i*10)); err != nil || string(buf) != "0123456789" {
					t.Errorf("%q, %v", buf, err)
				}
			}
		}()
	}
	group.Wait()
	must(t, r.Close())
}

// Stores may be closed while others use them: each call works, or says that the store is closed or the call cancelled.
func TestClosingRacesWithCalls(t *testing.T) {
	config := quick(t)
	keep := open(t, config) // so that the engine stays
	write(t, keep, "/a", "1")
	for range 30 {
		store := open(t, config)
		var group sync.WaitGroup
		for g := range 8 {
			group.Add(1)
			go func() {
				defer group.Done()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				for {
					var err error
					switch g % 4 {
					case 0:
						_, err = store.Read("/a")
					case 1:
						_, _, err = store.ListPage(ctx, nexus.ListOptions{}, nexus.Page{})
					case 2:
						err = store.WithContext(ctx).Write(fmt.Sprintf("/%d", g), nil)
					case 3:
						var r *nexus.Reader
						if r, err = store.WithContext(ctx).Open("/a"); err == nil {
							r.Close()
						}
					}
					if err != nil {
						if !errors.Is(err, nexus.ErrMisuse) && !errors.Is(err, nexus.ErrCancelled) {
							t.Errorf("a call while the store is closed: %v", err)
						}
						return
					}
				}
			}()
		}
		runtime.Gosched()
		must(t, store.Close())
		group.Wait()
	}
}

// Memory comes back: C's by the count of its objects and the size of the process, Go's by its collector.
func TestNothingLeaks(t *testing.T) {
	store := newStore(t)
	ctx := background(t)
	write(t, store, "/a", strings.Repeat("x", 10_000))
	must(t, store.SetMetaMany("/a", map[string]any{"status": "ready", "tags": []string{"a", "b"}, "long": strings.Repeat("y", 8000)}))
	pass := func() {
		store.Read("/a")
		store.Read(strings.Repeat("/missing", 400))
		store.Stat("/a")
		store.WithContext(ctx).Read("/a")
		store.ListPage(ctx, nexus.ListOptions{}, nexus.Page{})
		store.Grep(ctx, "x", nexus.GrepOptions{})
		store.Grep(ctx, "(", nexus.GrepOptions{})
		store.ListMeta("/a")
		var long string
		store.GetMeta("/a", "long", &long)
		store.ReadyWork(10)
		store.ContentIDs([]string{"/a", "/b"})
		if batch, err := store.NewBatch(); err == nil {
			batch.Write("/b", make([]byte, 1000), nexus.WriteOptions{})
			batch.Delete("/missing")
			batch.Commit()
			batch.Close()
		}
		if narrow, err := store.WithTenant("acme"); err == nil {
			narrow.Close()
		}
	}
	round := func() {
		var group sync.WaitGroup
		for range goroutines {
			group.Add(1)
			go func() {
				defer group.Done()
				for range 4 {
					pass()
				}
			}()
		}
		group.Wait()
		runtime.GC()
	}
	for range 3 {
		round()
	}
	objects, memory := nexus.LiveObjects(), residentBytes(t)
	for range 10 {
		round()
	}
	equal(t, "the number of objects that are open", nexus.LiveObjects(), objects)
	// 2,560 passes handle 10 KB of each kind, so that 25 MB would be left. The allocator of C keeps some for each of
	// the many threads.
	if grown := residentBytes(t) - memory; grown > 16<<20 {
		t.Errorf("the process has grown by %d KiB", grown>>10)
	}
}

func residentBytes(t *testing.T) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	must(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	must(t, err)
	return pages * int64(os.Getpagesize())
}
