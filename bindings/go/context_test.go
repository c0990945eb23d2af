package nexus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nexus"
)

// The longest that a call may take to return after its context was cancelled.
const promptly = 50 * time.Millisecond

// lateness returns a function that says how late the machine itself was since, in the median: by how much a goroutine that only sleeps
// oversleeps, which other processes have taken. A call has a few such steps from one thread to another.
func lateness() func() time.Duration {
	stop, stopped := make(chan struct{}), make(chan time.Duration)
	go func() {
		var late []time.Duration
		for {
			began := time.Now()
			time.Sleep(time.Millisecond)
			late = append(late, time.Since(began)-time.Millisecond)
			select {
			case <-stop:
				slices.Sort(late)
				stopped <- 3 * late[len(late)/2]
				return
			default:
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-stopped
	}
}

// manyFiles fills a store so that calls over all of it take a while.
func manyFiles(t testing.TB, store *nexus.Store, files int) {
	t.Helper()
	for from := 0; from < files; from += 1000 {
		batch, err := store.NewBatch()
		must(t, err)
		for i := from; i < from+1000; i++ {
			path := fmt.Sprintf("/many/%03d/%06d.txt", i/1000, i)
			must(t, batch.Write(path, []byte(fmt.Sprintf("the first line of %d\nand the second\n", i)), nexus.WriteOptions{}))
			must(t, batch.SetMeta(path, "even", i%2 == 0))
		}
		_, err = batch.Commit()
		must(t, err)
		must(t, batch.Close())
	}
}

func TestACancelledContextEndsALongCallWithin50ms(t *testing.T) {
	store := newStore(t)
	manyFiles(t, store, 20_000)
	everything := nexus.ListOptions{Recursive: true}
	exported := filepath.Join(t.TempDir(), "exported.jsonl")
	_, err := store.ExportMetadata(context.Background(), exported, nexus.ExportOptions{})
	must(t, err)
	copied := filepath.Join(t.TempDir(), "copied.jsonl")

	calls := map[string]func(context.Context) error{
		"ListPage": func(ctx context.Context) error {
			_, _, err := store.ListPage(ctx, everything, nexus.Page{})
			return err
		},
		"List": func(ctx context.Context) error { return second(collected(store.List(ctx, everything))) },
		"List by WithContext": func(ctx context.Context) error {
			_, _, err := store.WithContext(ctx).ListPage(context.Background(), everything, nexus.Page{})
			return err
		},
		"GlobPage": func(ctx context.Context) error {
			_, _, err := store.GlobPage(ctx, "**/*7.txt", nexus.FindOptions{}, nexus.Page{})
			return err
		},
		"FindByMetaPage": func(ctx context.Context) error {
			_, _, err := store.FindByMetaPage(ctx, "even", true, nexus.FindOptions{}, nexus.Page{})
			return err
		},
		"Grep": func(ctx context.Context) error {
			return second(store.Grep(ctx, "neither here nor there", nexus.GrepOptions{}))
		},
		"ExportMetadata": func(ctx context.Context) error {
			return second(store.ExportMetadata(ctx, copied, nexus.ExportOptions{}))
		},
		"ImportMetadata": func(ctx context.Context) error {
			return second(store.ImportMetadata(ctx, exported, nexus.ImportOptions{DryRun: true}))
		},
		"StorageStats": func(ctx context.Context) error { return second(store.StorageStats(ctx)) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			// Cancelled at several moments of the call. The median says how prompt it is: a busy machine may delay single ones.
			began := time.Now()
			must(t, call(context.Background()))
			whole := time.Since(began)
			late := lateness()
			var took []time.Duration
			for i := range 30 {
				ctx, cancel := context.WithCancel(context.Background())
				cancelled := make(chan time.Time, 1)
				time.AfterFunc(whole*time.Duration(i%5)/10, func() {
					cancelled <- time.Now()
					cancel()
				})
				err := call(ctx)
				returned := time.Now()
				at := <-cancelled
				cancel()
				if err == nil {
					continue // it was faster
				}
				if !errors.Is(err, context.Canceled) || !errors.Is(err, nexus.ErrCancelled) {
					t.Fatalf("a cancelled call returned %v", err)
				}
				if took = append(took, returned.Sub(at)); len(took) == 9 {
					break
				}
			}
			if len(took) < 5 {
				t.Fatalf("only %d calls of %v were cancelled", len(took), whole)
			}
			slices.Sort(took)
			if median := took[len(took)/2]; median > promptly+late() {
				t.Errorf("a call of %v returned %v after it was cancelled, in the median of %v", whole, median, took)
			}
			must(t, call(context.Background())) // the store goes on working
		})
	}
}

func TestOnlyTheCallOfTheContextIsCancelled(t *testing.T) {
	store := newStore(t)
	manyFiles(t, store, 2000)
	ctx, cancel := context.WithCancel(context.Background())
	bound := store.WithContext(ctx)
	stop := make(chan struct{})
	others := make(chan error, 4)
	for range 4 {
		go func() {
			other := background(t)
			for {
				select {
				case <-stop:
					others <- nil
					return
				default:
				}
				if _, _, err := store.ListPage(other, nexus.ListOptions{Recursive: true}, nexus.Page{}); err != nil {
					others <- err
					return
				}
				if err := store.Write("/other", []byte("x")); err != nil {
					others <- err
					return
				}
			}
		}()
	}
	for i := range 200 {
		call, end := context.WithCancel(context.Background())
		go end()
		if _, _, err := store.ListPage(call, nexus.ListOptions{Recursive: true}, nexus.Page{}); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	cancel()
	mustBe(t, bound.Write("/bound", nil), context.Canceled)
	close(stop)
	for range 4 {
		if err := <-others; err != nil {
			t.Errorf("a call with another context: %v", err)
		}
	}
}

func TestEveryCallOfABoundStoreEndsWithItsContext(t *testing.T) {
	store := newStore(t)
	write(t, store, "/a", "1")
	ctx, cancel := context.WithCancelCause(context.Background())
	bound := store.WithContext(ctx)
	reader, err := bound.Open("/a")
	must(t, err)
	defer reader.Close()
	writer, err := bound.Create("/b", nexus.WriteOptions{})
	must(t, err)
	defer writer.Close()
	batch, err := bound.NewBatch()
	must(t, err)
	defer batch.Close()
	must(t, batch.Write("/c", nil, nexus.WriteOptions{}))
	view := bound.FS("/")

	why := errors.New("the request is over")
	cancel(why)
	_, viewErr := view.Open("a")
	for what, err := range map[string]error{
		"Write": bound.Write("/a", nil), "Read": second(bound.Read("/a")), "Open": second(bound.Open("/a")),
		"NewBatch": second(bound.NewBatch()), "Clone": second(bound.Clone()), "the reader": second(reader.Read(make([]byte, 1))),
		"the writer": second(writer.Write([]byte("x"))), "its commit": second(writer.Commit()),
		"the batch": second(batch.Commit()), "the view": viewErr,
		"a call with another context": second(bound.StorageStats(context.Background())),
	} {
		if !errors.Is(err, context.Canceled) || !errors.Is(err, nexus.ErrCancelled) || !errors.Is(err, why) {
			t.Errorf("%s: %v", what, err)
		}
		if !strings.Contains(fmt.Sprint(err), why.Error()) {
			t.Errorf("%s: %v does not say why", what, err)
		}
	}
	equal(t, "the content", content(t, store, "/a"), "1")
	expired, done := context.WithTimeout(context.Background(), 0)
	defer done()
	mustBe(t, second(store.StorageStats(expired)), context.DeadlineExceeded)
}

func TestAContextLeavesAnAdminItsRights(t *testing.T) {
	config := quick(t)
	config.IsAdmin, config.AllowReadonlyWrites = true, true
	config.TenantID = nexus.Ptr("acme")
	config.Namespaces = []nexus.Namespace{{Name: "audit", AdminOnly: true, NoTenant: true}}
	admin := open(t, config)
	ctx := background(t)
	bound := admin.WithContext(ctx)
	must(t, bound.Write("/system/motd", []byte("hi")))
	must(t, bound.Write("/audit/log", []byte("x")))
	entries, err := collected(admin.Glob(ctx, "/**", nexus.FindOptions{}))
	must(t, err)
	equal(t, "the number of files", len(entries), 2)
	_, err = admin.GC(ctx, nil)
	must(t, err)
	stats, err := admin.StorageStats(ctx)
	must(t, err)
	equal(t, "the number of files", stats.Files, 2)

	plain, err := admin.WithoutAdmin()
	must(t, err)
	defer plain.Close()
	mustBe(t, plain.WithContext(ctx).Write("/system/motd", nil), nexus.ErrAccessDenied)
	_, err = plain.GC(ctx, nil)
	mustBe(t, err, nexus.ErrAccessDenied)
}

func TestAContextOpensNoClosedStoreOfAnAdmin(t *testing.T) {
	config := quick(t)
	config.IsAdmin = true
	admin := open(t, config)
	bound := admin.WithContext(background(t))
	must(t, bound.Write("/f", nil))
	must(t, admin.Close())
	must(t, os.RemoveAll(config.DataDir))
	for what, err := range map[string]error{
		"Write": bound.Write("/f", nil), "Open": second(bound.Open("/f")), "StorageStats": second(admin.StorageStats(background(t))),
	} {
		if !errors.Is(err, fs.ErrClosed) || !errors.Is(err, nexus.ErrMisuse) {
			t.Errorf("%s on a closed store: %v", what, err)
		}
	}
	if _, err := os.Stat(config.DataDir); err == nil {
		t.Error("a call made a new store")
	}
}

func TestAContextReachesAnAdminsStoreAfterItWasMoved(t *testing.T) {
	admin, directory := adminWithMounts(t)
	write(t, admin, "/queue/a", "1")
	must(t, admin.SetMeta("/queue/a", "status", "ready"))
	moved := directory + "-moved"
	must(t, os.Rename(directory, moved))
	for name, ctx := range map[string]context.Context{"plain": context.Background(), "with a context": background(t)} {
		items, err := admin.ClaimWork(ctx, "w", nexus.ClaimOptions{})
		if err != nil || len(items) != 1 {
			t.Fatalf("a claim, %s: %d items, %v", name, len(items), err)
		}
		must(t, admin.ReleaseWork(items[0].Lease))
	}
	bound := admin.WithContext(background(t))
	must(t, bound.Write("/system/motd", nil))
	if _, err := os.Stat(directory); err == nil {
		t.Fatal("a call made a new store")
	}
	other := open(t, nexus.Config{DataDir: directory, Durability: "normal"})
	must(t, bound.Write("/f", nil)) // not to the store that is there now
	mustBe(t, second(other.Stat("/f")), fs.ErrNotExist)
	must(t, second(admin.Stat("/f")))
}

func TestCloseEndsCallsInFlight(t *testing.T) {
	for name, ctx := range map[string]context.Context{"plain": context.Background(), "with a context": background(t)} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			manyFiles(t, store, 5000)
			inside := make(chan struct{})
			ended := make(chan error)
			go func() {
				first := true
				_, err := store.ExportMetadata(ctx, filepath.Join(t.TempDir(), "x"), nexus.ExportOptions{
					Progress: func(nexus.Progress) error {
						if first {
							first = false
							close(inside)
						}
						time.Sleep(time.Microsecond)
						return nil
					},
				})
				ended <- err
			}()
			<-inside
			closed := store.Close()
			err := <-ended
			must(t, closed)
			if err != nil && !errors.Is(err, nexus.ErrCancelled) {
				t.Errorf("the call in flight returned %v", err)
			}
		})
	}
}

func TestInterruptEndsCallsWithoutAContext(t *testing.T) {
	store := newStore(t)
	manyFiles(t, store, 3000)
	_, err := store.ExportMetadata(context.Background(), filepath.Join(t.TempDir(), "x"), nexus.ExportOptions{
		Progress: func(nexus.Progress) error { return store.Interrupt() },
	})
	mustBe(t, err, nexus.ErrCancelled)
	must(t, store.Write("/a", nil))
}

func TestACloneKeepsTheIdentityAndHasInterruptsOfItsOwn(t *testing.T) {
	admin, _ := adminWithMounts(t)
	clone, err := admin.Clone()
	must(t, err)
	defer clone.Close()
	must(t, clone.Write("/system/motd", []byte("hi")))
	manyFiles(t, clone, 3000)
	exported := filepath.Join(t.TempDir(), "x")
	exportDuring := func(store *nexus.Store, ctx context.Context, disturb func() error) error {
		first := true
		_, err := store.ExportMetadata(ctx, exported, nexus.ExportOptions{Progress: func(nexus.Progress) error {
			if !first {
				return nil
			}
			first = false
			return disturb()
		}})
		if first {
			t.Fatal("the call told of no progress")
		}
		return err
	}
	for name, ctx := range map[string]context.Context{"plain": context.Background(), "with a context": background(t)} {
		for what, err := range map[string]error{
			"an interrupt of the clone":    exportDuring(admin, ctx, clone.Interrupt),
			"an interrupt of the original": exportDuring(clone, ctx, admin.Interrupt),
		} {
			if err != nil {
				t.Errorf("%s ended a call on the other, %s: %v", what, name, err)
			}
		}
	}
	mustBe(t, exportDuring(clone, context.Background(), clone.Interrupt), nexus.ErrCancelled)
	must(t, exportDuring(clone, context.Background(), admin.Close))
	equal(t, "what the clone reads after the original was closed", content(t, clone, "/system/motd"), "hi")
	must(t, clone.Close())
	mustBe(t, second(clone.Clone()), fs.ErrClosed)
}

func TestProgressIsToldAndMayCancel(t *testing.T) {
	store := newStore(t)
	manyFiles(t, store, 3000)
	for name, ctx := range map[string]context.Context{"plain": context.Background(), "with a context": background(t)} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x")
			var told []nexus.Progress
			count, err := store.ExportMetadata(ctx, file, nexus.ExportOptions{Progress: func(p nexus.Progress) error {
				told = append(told, p)
				_, err := store.Read("/many/000/000000.txt") // it may use the store
				return err
			}})
			must(t, err)
			equal(t, "the number of lines", count, 3000)
			if len(told) == 0 || told[len(told)-1].Done != 3000 || told[0].What == "" {
				t.Errorf("it was told %v", told)
			}

			enough := errors.New("enough")
			_, err = store.ImportMetadata(ctx, file, nexus.ImportOptions{Progress: func(nexus.Progress) error { return enough }})
			mustBe(t, err, enough)
			mustBe(t, err, nexus.ErrCancelled)

			_, err = store.GC(ctx, func(nexus.Progress) error { return enough })
			mustBe(t, err, enough)

			_, err = store.GC(ctx, func(nexus.Progress) error { return store.Close() })
			mustBe(t, err, nexus.ErrMisuse)
			must(t, store.Write("/a", nil)) // it is still open
			must(t, store.Delete("/a"))

			func() {
				defer func() { equal(t, "what the call panicked with", recover(), any("help")) }()
				store.GC(ctx, func(nexus.Progress) error { panic("help") })
			}()
		})
	}
}
