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
	"time"

	"nexus"
)

const jobs = "/jobs/"

// task does the work of an item and returns its output. The context ends when the lease is lost.
type task func(ctx context.Context, item nexus.WorkItem) (string, error)

type worker struct {
	store *nexus.Store
	name  string
	lease time.Duration
	do    task
}

// work claims one item after the other, until all are finished or ctx ends.
func (w worker) work(ctx context.Context) error {
	for {
		items, err := w.store.ClaimWork(ctx, w.name, nexus.ClaimOptions{Prefix: jobs, Lease: w.lease})
		if err != nil {
			return err
		}
		for _, item := range items {
			// An overtaken worker has nothing to finish: another has the item.
			if err := w.finish(ctx, item); err != nil && !errors.Is(err, nexus.ErrLeaseLost) {
				return err
			}
		}
		if len(items) > 0 {
			continue
		}
		stats, err := w.store.WorkStats(jobs)
		if err != nil {
			return err
		}
		if stats.Total == stats.ByStatus["completed"]+stats.ByStatus["failed"]+stats.ByStatus["cancelled"] {
			return nil
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
}

// wait returns when something may be claimable, and after a while in any case: nothing becomes claimable when another
// worker finishes the last item.
func (w worker) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	err := w.store.WaitForWork(ctx, jobs)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// finish works on an item and ends its lease.
func (w worker) finish(ctx context.Context, item nexus.WorkItem) error {
	held, stop := context.WithCancel(ctx)
	defer stop()
	heartbeats := make(chan error, 1)
	go func() {
		defer stop() // the work, too, when a heartbeat fails
		heartbeats <- w.keep(held, item.Lease)
	}()
	output, err := w.do(held, item)
	stop()
	if err := <-heartbeats; err != nil {
		return err
	}
	if ctx.Err() != nil {
		return w.store.ReleaseWork(item.Lease) // interrupted: it does not count as an attempt
	}
	if err != nil {
		return w.store.FailWork(item.Lease, err.Error(), 10*time.Millisecond)
	}

	// The output is there exactly if the item is completed.
	batch, err := w.store.NewBatch()
	if err != nil {
		return err
	}
	defer batch.Close()
	target := path.Join("/results", path.Base(item.Path))
	if err := errors.Join(
		batch.Write(target, []byte(output), nexus.WriteOptions{}),
		batch.CompleteWork(item.Lease, map[string]any{"output": target}),
	); err != nil {
		return err
	}
	_, err = batch.Commit()
	return err
}

// keep keeps a lease alive until ctx ends.
func (w worker) keep(ctx context.Context, lease nexus.Lease) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(w.lease / 3):
			if err := w.store.Heartbeat(lease, w.lease); err != nil {
				return err
			}
		}
	}
}

// addJobs adds a chain of jobs, each of which waits for the one before, unless another program has added it.
func addJobs(store *nexus.Store) error {
	batch, err := store.NewBatch()
	if err != nil {
		return err
	}
	defer batch.Close()
	names := []string{"fetch", "clean", "train", "report"}
	for i, name := range names {
		keys := map[string]any{"status": "ready", "max_attempts": 3}
		if i > 0 {
			keys["status"], keys["depends_on"] = "blocked", jobs+names[i-1]
		}
		if err := errors.Join(
			batch.Write(jobs+name, []byte("please "+name), nexus.WriteOptions{IfNoneMatch: true}),
			batch.SetMetaMany(jobs+name, keys),
		); err != nil {
			return err
		}
	}
	if _, err := batch.Commit(); !errors.Is(err, nexus.ErrConflict) {
		return err
	}
	return nil
}

func run() error {
	// From here on an interrupt is an error like others, and what is deferred is done.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var dataDir string
	switch len(os.Args) {
	case 1:
		scratch, err := os.MkdirTemp("", "nexus-example-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(scratch)
		dataDir = filepath.Join(scratch, "store")
	case 2:
		dataDir = os.Args[1]
	default:
		return fmt.Errorf("usage: %s [DATA_DIR]", os.Args[0])
	}
	store, err := nexus.Open(nexus.Config{DataDir: dataDir})
	if err != nil {
		return err
	}
	defer store.Close()

	if err := addJobs(store); err != nil {
		return err
	}
	shout := func(_ context.Context, item nexus.WorkItem) (string, error) {
		content, err := store.Read(item.Path)
		if err != nil {
			return "", err
		}
		fmt.Printf("attempt %d: %s\n", item.Attempts, content)
		if path.Base(item.Path) == "clean" && item.Attempts == 1 {
			return "", errors.New("the broom is broken")
		}
		return strings.ToUpper(string(content)), nil
	}
	w := worker{store, fmt.Sprint("worker-", os.Getpid()), 30 * time.Second, shout}
	if err := w.work(ctx); err != nil {
		return err
	}
	results, err := fs.Glob(store.FS("/"), "results/*")
	if err != nil {
		return err
	}
	fmt.Println("results:", strings.Join(results, " "))
	return nil
}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
