// Command work_items shows files as work items: a small pipeline whose dependencies resolve step by step.
//
//	work_items [DATA_DIR]
//
// A file with the metadata key status is a work item. depends_on names the items that must be completed first; an item
// that is blocked becomes ready by itself when the last of them is, in the same transaction.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"nexus"
)

const jobs = "/shared/acme/jobs"

type keys map[string]any

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// refused says that an error is the expected one, and prints it.
func refused(expected, err error) {
	var failed *nexus.Error
	if !errors.Is(err, expected) || !errors.As(err, &failed) {
		log.Fatalf("refused with %v, but expected %v", err, expected)
	}
	fmt.Println("  refused:", failed.Message)
}

// add makes the job and sets its work metadata, both or neither.
func add(store *nexus.Store, name, content string, metadata keys) {
	batch, err := store.NewBatch()
	check(err)
	defer batch.Close()
	check(batch.Write(jobs+name, []byte(content), nexus.WriteOptions{}))
	check(batch.SetMetaMany(jobs+name, metadata))
	_, err = batch.Commit()
	check(err)
}

func printView(title string, query func(limit int) ([]nexus.WorkItem, error)) {
	items, err := query(10)
	check(err)
	fmt.Printf("  %-12s", title)
	for i, item := range items {
		if i > 0 {
			fmt.Print(", ")
		}
		fmt.Print(item.Path)
		if item.BlockerCount > 0 {
			fmt.Printf(" (waits for %d)", item.BlockerCount)
		}
		if item.WorkerID != "" {
			fmt.Printf(" (by %s)", item.WorkerID)
		}
	}
	if len(items) == 0 {
		fmt.Print("-")
	}
	fmt.Println()
}

func printViews(title string, store *nexus.Store) {
	fmt.Printf("\n%s\n", title)
	printView("ready", store.ReadyWork)
	printView("blocked", store.BlockedWork)
	printView("pending", store.PendingWork)
	printView("in progress", store.InProgressWork)
}

func explain(store *nexus.Store, name string) {
	explanation, err := store.ExplainWork(jobs + name)
	check(err)
	text, err := json.Marshal(explanation)
	check(err)
	fmt.Printf("  %s: %s\n", jobs+name, text)
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
	store, err := nexus.Open(nexus.Config{DataDir: dataDir, TenantID: nexus.Ptr("acme")})
	check(err)
	defer store.Close()
	set := func(name, status string) { check(store.SetMeta(jobs+name, "status", status)) }

	// fetch -> clean -> train -> report, where train also needs the labels. Lower priorities come first.
	add(store, "/fetch", "get the data", keys{"status": "ready", "priority": 1})
	add(store, "/label", "ask the experts", keys{"status": "ready", "priority": 5})
	add(store, "/clean", "drop the noise", keys{"status": "blocked", "depends_on": jobs + "/fetch"})
	add(store, "/train", "fit the model", keys{"status": "blocked", "depends_on": []string{jobs + "/clean", jobs + "/label"}})
	add(store, "/report", "write it up", keys{"status": "blocked", "depends_on": jobs + "/train"})
	// Blocked without a dependency: held until someone sets it free. Pending: not yet released. Delayed: not due.
	add(store, "/publish", "tell the world", keys{"status": "blocked"})
	add(store, "/retro", "look back", keys{"status": "pending"})
	add(store, "/renew", "renew the licence", keys{"status": "ready", "not_before": "2999-01-01T00:00:00Z"})
	printViews("At first", store)
	explain(store, "/train")

	// A dependency that would close a circle is refused, and nothing of the change is stored.
	refused(nexus.ErrCycle, store.SetMeta(jobs+"/fetch", "depends_on", jobs+"/report"))
	refused(os.ErrInvalid, store.SetMeta(jobs+"/fetch", "priority", "high"))

	check(store.SetMetaMany(jobs+"/fetch", keys{"status": "in_progress", "worker_id": "worker-1"}))
	printViews("worker-1 fetches", store)

	set("/fetch", "completed")
	printViews("fetch is completed: clean is ready by itself", store)

	set("/clean", "completed")
	printViews("clean is completed: train still waits for label", store)
	explain(store, "/train")

	// A failed dependency is not a satisfied one.
	set("/label", "failed")
	printViews("label has failed: train does not start", store)
	explain(store, "/train")

	set("/label", "completed")
	set("/train", "completed")
	set("/report", "completed")
	printViews("label was mended, train and report are completed", store)

	set("/publish", "ready")
	set("/retro", "ready")
	printViews("publish and retro are set free by hand", store)

	stats, err := store.WorkStats(jobs)
	check(err)
	text, err := json.Marshal(stats)
	check(err)
	fmt.Printf("\nStatistics: %s\n", text)
}
