// Command worker shows a worker of a queue: it claims items, keeps their leases alive while it works on them, stores what
// came of it in the transaction that completes the item, and ends when all are finished or it is interrupted.
//
//	worker [DATA_DIR]
//
// Any number of such programs may share a store. An item of one that dies is claimed by another when its lease ends.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"nexus"
)

const lease = 30 * time.Second

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// task does the work of an item and returns its output. The context ends when the lease is lost.
type task func(ctx context.Context, item nexus.WorkItem) (string, error)

// work claims one item after the other, until all are finished or ctx ends.
func work(ctx context.Context, store *nexus.Store, name string, do task) error {
	for {
		items, err := store.ClaimWork(ctx, name, nexus.ClaimOptions{Prefix: "/jobs/", Lease: lease})
		if err != nil {
			return err
		}
		for _, item := range items {
			// An overtaken worker has nothing to finish: another has the item.
			if err := finish(ctx, store, item, do); err != nil && !errors.Is(err, nexus.ErrLeaseLost) {
				return err
			}
		}
		if len(items) > 0 {
			continue
		}
		stats, err := store.WorkStats("/jobs/")
		if err != nil {
			return err
		}
		if stats.Total == stats.ByStatus["completed"]+stats.ByStatus["failed"]+stats.ByStatus["cancelled"] {
			return nil
		}
		if err := store.WaitForWork(ctx, "/jobs/"); err != nil {
			return err
		}
	}
}

// finish works on an item and ends its lease.
func finish(ctx context.Context, store *nexus.Store, item nexus.WorkItem, do task) error {
	held, lost := context.WithCancel(ctx)
	var heartbeats sync.WaitGroup
	heartbeats.Add(1)
	go func() {
		defer heartbeats.Done()
		for {
			select {
			case <-held.Done():
				return
			case <-time.After(lease / 3):
				if err := store.Heartbeat(item.Lease, lease); errors.Is(err, nexus.ErrLeaseLost) {
					lost() // so that the work stops
				}
			}
		}
	}()
	output, err := do(held, item)
	lost()
	heartbeats.Wait()
	if ctx.Err() != nil {
		return store.ReleaseWork(item.Lease) // interrupted: it does not count as an attempt
	}
	if err != nil {
		return store.FailWork(item.Lease, err.Error(), 10*time.Millisecond)
	}

	// The output is there exactly if the item is completed.
	batch, err := store.NewBatch()
	if err != nil {
		return err
	}
	defer batch.Close()
	target := path.Join("/results", path.Base(item.Path))
	check(batch.Write(target, []byte(output), nexus.WriteOptions{}))
	check(batch.CompleteWork(item.Lease, map[string]any{"output": target}))
	_, err = batch.Commit()
	return err
}

func main() {
	log.SetFlags(0)
	var dataDir string
	switch len(os.Args) {
	case 1:
		scratch, err := os.MkdirTemp("", "nexus-example-")
		check(err)
		defer os.RemoveAll(scratch)
		dataDir = filepath.Join(scratch, "store")
	case 2:
		dataDir = os.Args[1]
	default:
		log.Fatalf("usage: %s [DATA_DIR]", os.Args[0])
	}
	store, err := nexus.Open(nexus.Config{DataDir: dataDir})
	check(err)
	defer store.Close()

	// A chain of jobs: each waits for the one before.
	names := []string{"fetch", "clean", "train", "report"}
	for i, name := range names {
		keys := map[string]any{"status": "ready", "max_attempts": 3}
		if i > 0 {
			keys["status"], keys["depends_on"] = "blocked", "/jobs/"+names[i-1]
		}
		check(store.Write("/jobs/"+name, []byte("please "+name)))
		check(store.SetMetaMany("/jobs/"+name, keys))
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	check(work(ctx, store, "worker-1", func(_ context.Context, item nexus.WorkItem) (string, error) {
		content, err := store.Read(item.Path)
		if err != nil {
			return "", err
		}
		fmt.Printf("attempt %d: %s\n", item.Attempts, content)
		if path.Base(item.Path) == "clean" && item.Attempts == 1 {
			return "", errors.New("the broom is broken")
		}
		return strings.ToUpper(string(content)), nil
	}))
	results, err := fs.Glob(store.FS("/"), "results/*")
	check(err)
	fmt.Println("results:", strings.Join(results, " "))
}
