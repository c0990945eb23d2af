package nexus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nexus"
)

func addItem(t testing.TB, store *nexus.Store, path string, keys map[string]any) {
	t.Helper()
	write(t, store, path, "work for "+path)
	must(t, store.SetMetaMany(path, keys))
}

func workPaths(t testing.TB) func([]nexus.WorkItem, error) string {
	return func(items []nexus.WorkItem, err error) string {
		t.Helper()
		must(t, err)
		var paths []string
		for _, item := range items {
			paths = append(paths, item.Path)
		}
		return strings.Join(paths, " ")
	}
}

func TestWorkItemsAreQueriedExplainedAndCounted(t *testing.T) {
	store := newStore(t)
	addItem(t, store, "/shared/acme/a", map[string]any{"status": "ready", "priority": 1, "tags": []string{"x", "y"}})
	addItem(t, store, "/shared/acme/b", map[string]any{"status": "blocked", "depends_on": "/shared/acme/a", "priority": -5})
	addItem(t, store, "/c", map[string]any{"status": "pending"})
	addItem(t, store, "/d", map[string]any{"status": "ready", "not_before": "2999-01-01T00:00:00Z"})
	addItem(t, store, "/e", map[string]any{"status": "in_progress", "worker_id": "w", "started_at": "2026-01-02T03:04:05.000006Z"})

	equal(t, "ready", workPaths(t)(store.ReadyWork(10)), "/shared/acme/a")
	equal(t, "blocked", workPaths(t)(store.BlockedWork(10)), "/shared/acme/b")
	equal(t, "pending", workPaths(t)(store.PendingWork(10)), "/c")
	equal(t, "in progress", workPaths(t)(store.InProgressWork(10)), "/e")
	equal(t, "all", workPaths(t)(store.WorkByPriority(10)), "/shared/acme/b /shared/acme/a /c /d /e")
	equal(t, "none", workPaths(t)(store.ReadyWork(0)), "")
	_, err := store.ReadyWork(-1)
	mustBe(t, err, fs.ErrInvalid)
	_, err = store.WorkJSON(99, 1)
	mustBe(t, err, fs.ErrInvalid)

	items, err := store.WorkByPriority(10)
	must(t, err)
	a, c, e := items[1], items[2], items[4]
	if a.TenantID != "acme" || !a.HasPriority || a.Priority != 1 || !slices.Equal(a.Tags, []string{"x", "y"}) || a.Status != "ready" ||
		a.FileType == "" || a.Size != int64(len("work for /shared/acme/a")) || len(a.ContentHash) != 64 || a.BackendID != "local" {
		t.Errorf("an item is %+v", a)
	}
	if c.HasPriority || c.TenantID != "" || c.Tags != nil || !c.StartedAt.IsZero() || c.Lease.Token != 0 {
		t.Errorf("an item with little is %+v", c)
	}
	if e.WorkerID != "w" || !e.StartedAt.Equal(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)) {
		t.Errorf("an item in progress is %+v", e)
	}

	explanation, err := store.ExplainWork("/shared/acme/b")
	must(t, err)
	if explanation.Claimable || explanation.Dependencies != 1 || *explanation.Open[0].Path != "/shared/acme/a" || *explanation.Status != "blocked" {
		t.Errorf("the explanation is %+v", explanation)
	}
	stats, err := store.WorkStats("/shared/")
	must(t, err)
	equal(t, "the total", stats.Total, 2)
	equal(t, "blocked ones", stats.Views["blocked"], 1)
	stats, err = store.WorkStats("")
	must(t, err)
	equal(t, "delayed ones", stats.Views["delayed"], 1)
	equal(t, "ready ones", stats.ByStatus["ready"], 2)
}

func TestAClaimedItemIsFinishedWithItsLease(t *testing.T) {
	store := newStore(t)
	ctx := background(t)
	for i := range 4 {
		addItem(t, store, fmt.Sprintf("/jobs/%d", i), map[string]any{"status": "ready", "priority": i})
	}
	addItem(t, store, "/other", map[string]any{"status": "ready"})
	items, err := store.ClaimWork(ctx, "w", nexus.ClaimOptions{Prefix: "/jobs/", Max: 10, Lease: time.Minute})
	must(t, err)
	equal(t, "what was claimed", workPaths(t)(items, nil), "/jobs/0 /jobs/1 /jobs/2 /jobs/3")
	first := items[0]
	if first.Lease.Token == 0 || first.Lease.Path != "/jobs/0" || first.Attempts != 1 || first.WorkerID != "w" || first.Status != "in_progress" ||
		first.LeaseExpired || first.LeaseExpiresAt.Before(time.Now()) || first.StartedAt.IsZero() {
		t.Errorf("a claimed item is %+v", first)
	}
	none, err := store.ClaimWork(ctx, "v", nexus.ClaimOptions{Prefix: "/jobs/"})
	must(t, err)
	equal(t, "what is left", len(none), 0)

	must(t, store.Heartbeat(first.Lease, time.Hour))
	_, err = store.WriteWith("/jobs/0", []byte("with the lease"), nexus.WriteOptions{Lease: &first.Lease})
	must(t, err)
	must(t, store.CompleteWork(first.Lease, map[string]any{"pages": 3}))
	var result struct{ Pages int }
	must(t, store.GetMeta("/jobs/0", "result", &result))
	equal(t, "the result", result.Pages, 3)
	for what, err := range map[string]error{
		"Heartbeat": store.Heartbeat(first.Lease, time.Second), "CompleteWork": store.CompleteWork(first.Lease, nil),
		"FailWork": store.FailWork(first.Lease, "", 0), "ReleaseWork": store.ReleaseWork(first.Lease),
		"WriteWith": second(store.WriteWith("/jobs/0", nil, nexus.WriteOptions{Lease: &first.Lease})),
	} {
		if !errors.Is(err, nexus.ErrLeaseLost) {
			t.Errorf("%s without the lease: %v", what, err)
		}
	}

	must(t, store.FailWork(items[1].Lease, "no luck", time.Hour))
	var reason string
	must(t, store.GetMeta("/jobs/1", "last_error", &reason))
	equal(t, "the reason", reason, "no luck")
	must(t, store.ReleaseWork(items[2].Lease))
	again, err := store.ClaimWork(ctx, "v", nexus.ClaimOptions{Prefix: "/jobs/", Max: 10})
	must(t, err)
	equal(t, "what was released", workPaths(t)(again, nil), "/jobs/2")
	equal(t, "its attempts", again[0].Attempts, 1)

	// The output is there exactly if the item is completed.
	batch, err := store.NewBatch()
	must(t, err)
	defer batch.Close()
	must(t, batch.Write("/out", []byte("output"), nexus.WriteOptions{}))
	must(t, batch.CompleteWork(items[2].Lease, nil)) // overtaken
	_, err = batch.Commit()
	mustBe(t, err, nexus.ErrLeaseLost)
	equal(t, "the operation", err.(*nexus.Error).Index, 1)
	exists, err := store.Exists("/out")
	must(t, err)
	equal(t, "whether there is output", exists, false)
	finish, err := store.NewBatch()
	must(t, err)
	defer finish.Close()
	must(t, finish.RequireLease(items[3].Lease))
	must(t, finish.Write("/out", []byte("output"), nexus.WriteOptions{}))
	must(t, finish.CompleteWork(items[3].Lease, "done"))
	must(t, finish.ReleaseWork(again[0].Lease))
	_, err = finish.Commit()
	must(t, err)
	last, err := store.ClaimWork(ctx, "v", nexus.ClaimOptions{Prefix: "/jobs/"})
	must(t, err)
	fail, err := store.NewBatch()
	must(t, err)
	defer fail.Close()
	must(t, fail.FailWork(last[0].Lease, "why not", time.Millisecond/2))
	_, err = fail.Commit()
	must(t, err)

	for what, err := range map[string]error{
		"a negative lease": second(store.ClaimWork(ctx, "w", nexus.ClaimOptions{Lease: -1})),
		"a negative max":   second(store.ClaimWork(ctx, "w", nexus.ClaimOptions{Max: -1})),
		"no worker":        second(store.ClaimWork(ctx, "", nexus.ClaimOptions{})),
		"a NUL":            second(store.ClaimWork(ctx, "w\x00", nexus.ClaimOptions{})),
		"no time":          store.Heartbeat(again[0].Lease, 0),
		"a negative wait":  store.FailWork(again[0].Lease, "", -time.Second),
		"no token":         store.CompleteWork(nexus.Lease{Path: "/other"}, nil),
	} {
		if !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, nexus.ErrLeaseLost) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWaitingForWorkEndsWithWorkOrTheContext(t *testing.T) {
	store := newStore(t)
	addItem(t, store, "/other", map[string]any{"status": "ready"})
	must(t, store.WaitForWork(background(t), "")) // there is some

	for range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		woken := make(chan error)
		go func() { woken <- store.WaitForWork(ctx, "/jobs/") }()
		addItem(t, store, "/jobs/a", map[string]any{"status": "ready"})
		must(t, <-woken)
		must(t, store.Delete("/jobs/a"))
		cancel()
	}

	late := lateness()
	var took []time.Duration
	for range 9 {
		ctx, cancel := context.WithCancel(context.Background())
		cancelled := make(chan time.Time, 1)
		time.AfterFunc(20*time.Millisecond, func() {
			cancelled <- time.Now()
			cancel()
		})
		err := store.WaitForWork(ctx, "/jobs/")
		took = append(took, time.Since(<-cancelled))
		mustBe(t, err, context.Canceled)
		mustBe(t, err, nexus.ErrCancelled)
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > promptly+late() {
		t.Errorf("a cancelled wait returned after %v, the median of %v", median, took)
	}
	expiring, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	mustBe(t, store.WaitForWork(expiring, "/jobs/"), context.DeadlineExceeded)

	waiting := make(chan error)
	inside := store.WithContext(background(t))
	go func() { waiting <- inside.WaitForWork(context.Background(), "/jobs/") }()
	go func() { waiting <- store.WaitForWork(context.Background(), "/jobs/") }()
	must(t, store.Close())
	for range 2 {
		if err := <-waiting; !errors.Is(err, nexus.ErrCancelled) && !errors.Is(err, fs.ErrClosed) {
			t.Errorf("waiting while the store was closed: %v", err)
		}
	}
}

// Every item is done exactly once, in the order of its dependencies, by whatever worker.
func TestWorkersShareAQueue(t *testing.T) {
	store := newStore(t)
	const chains, length = 10, 10
	for chain := range chains {
		for link := range length {
			keys := map[string]any{"status": "ready"}
			if link > 0 {
				keys = map[string]any{"status": "blocked", "depends_on": fmt.Sprintf("/q/%d/%d", chain, link-1)}
			}
			addItem(t, store, fmt.Sprintf("/q/%d/%d", chain, link), keys)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var mu sync.Mutex
	var done []string
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				items, err := store.ClaimWork(ctx, fmt.Sprint("worker-", w), nexus.ClaimOptions{})
				if err == nil && len(items) == 0 {
					err = store.WaitForWork(ctx, "/q/")
				}
				if errors.Is(err, context.Canceled) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				for _, item := range items {
					mu.Lock()
					done = append(done, item.Path)
					if len(done) == chains*length {
						cancel()
					}
					mu.Unlock()
					if err := store.CompleteWork(item.Lease, nil); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
	}
	workers.Wait()
	equal(t, "how many were done", len(done), chains*length)
	next := map[string]int{}
	for _, path := range done {
		var chain, link int
		fmt.Sscanf(path, "/q/%d/%d", &chain, &link)
		if key := fmt.Sprint(chain); next[key] != link {
			t.Errorf("%s was done when %d of its chain were", path, next[key])
		} else {
			next[key]++
		}
	}
	stats, err := store.WorkStats("/q/")
	must(t, err)
	equal(t, "how many are completed", stats.ByStatus["completed"], chains*length)
}
