package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"math"
	"time"
)

// ClaimOptions say what a worker claims.
type ClaimOptions struct {
	// Prefix: only items whose paths begin with these bytes.
	Prefix string
	// Max is the most items to take. 0: one.
	Max int
	// Lease is how long the lease lasts. 0: 30 s.
	Lease time.Duration
}

// ClaimWork gives a worker the first ready items that this store may change, by priority, then creation; none where
// nothing can be claimed. Each is given to this worker alone, whatever others claim at the same time. It is in_progress
// from then on, and its Lease is what the worker finishes it with:
//
//	for {
//		items, err := store.ClaimWork(ctx, "worker-7", nexus.ClaimOptions{})
//		if err != nil {
//			return err
//		}
//		if len(items) == 0 {
//			if err := store.WaitForWork(ctx, ""); err != nil {
//				return err
//			}
//			continue
//		}
//		result, err := do(items[0])
//		if err != nil {
//			err = store.FailWork(items[0].Lease, err.Error(), 0)
//		} else {
//			err = store.CompleteWork(items[0].Lease, result)
//		}
//		if err != nil && !errors.Is(err, nexus.ErrLeaseLost) {
//			return err
//		}
//	}
func (s *Store) ClaimWork(ctx context.Context, workerID string, options ClaimOptions) ([]WorkItem, error) {
	var a arguments
	worker, prefix := a.text("a worker id", workerID), a.optional("a prefix", options.Prefix)
	lease := a.milliseconds("a lease", options.Lease)
	if (options.Max < 0 || options.Max > math.MaxInt32) && a.err == nil {
		a.err = newError(StatusInvalidArgument, "max is out of range")
	}
	if a.err != nil {
		return nil, a.err
	}
	return s.workCall(ctx, func(fs *C.nexus_fs) C.bridge_work {
		return C.bridge_work_claim(fs, worker, prefix, C.uint32_t(options.Max), lease)
	})
}

// WaitForWork returns when something may be claimable, because of a change by any process, or because an item has fallen
// due or a lease has ended; at once where something is claimable already. Another worker may be faster: so claim and wait
// by turns. It waits as long as ctx lasts, and occupies a thread of the operating system meanwhile.
func (s *Store) WaitForWork(ctx context.Context, prefix string) error {
	var a arguments
	text := a.optional("a prefix", prefix)
	if a.err != nil {
		return a.err
	}
	return s.call(ctx, func(fs *C.nexus_fs) C.bridge_outcome {
		const forEver = -1
		return C.bridge_work_wait(fs, text, forEver).outcome
	})
}

// Heartbeat lets a lease last that long from now on. ErrLeaseLost says that another may have the item.
func (s *Store) Heartbeat(lease Lease, length time.Duration) error {
	var a arguments
	file, milliseconds := a.path(lease.Path), a.milliseconds("a lease", length)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_work_heartbeat(fs, file, C.uint64_t(lease.Token), milliseconds)
	})
}

// CompleteWork completes an item and ends its lease. What came of it, anything that [encoding/json] can write, is kept as
// its metadata "result"; nil: nothing. Items that wait for nothing else become ready. To store files in the same
// transaction, use [Batch.CompleteWork].
func (s *Store) CompleteWork(lease Lease, result any) error {
	var a arguments
	file, text := a.path(lease.Path), a.optionalJSON(result)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_work_complete(fs, file, C.uint64_t(lease.Token), text)
	})
}

// FailWork gives up an attempt and ends the lease. The reason is kept as the item's metadata "last_error". The item is
// ready again after retryAfter; 0: after a time that doubles with each attempt. With its max_attempts used up it is failed.
func (s *Store) FailWork(lease Lease, reason string, retryAfter time.Duration) error {
	var a arguments
	file, text := a.path(lease.Path), a.text("a reason", reason)
	after := a.milliseconds("a time to wait", retryAfter)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_work_fail(fs, file, C.uint64_t(lease.Token), text, after)
	})
}

// ReleaseWork gives an item back as if it had not been claimed: it is ready again, and the attempt does not count.
func (s *Store) ReleaseWork(lease Lease) error {
	var a arguments
	file := a.path(lease.Path)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_work_release(fs, file, C.uint64_t(lease.Token))
	})
}
