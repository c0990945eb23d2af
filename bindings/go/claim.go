package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"math"
	"time"
)

// ClaimOptions are the options of [Store.ClaimWork].
type ClaimOptions struct {
	// Prefix: only items whose paths begin with these bytes.
	Prefix string
	// Max is the most items to take. 0: one.
	Max int
	// Lease is the duration of the lease. 0: 30 s.
	Lease time.Duration
}

// ClaimWork claims the first ready items that this store may change for a worker, ordered by
// priority, then creation. It returns no item if none can be claimed. Only one worker gets an item,
// even if others claim at the same time. The item is then in_progress, and the worker needs its
// Lease to finish it:
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

// WaitForWork returns when an item may be claimable: because any process has changed the store, a
// not_before has been reached, or a lease has expired. It returns at once if an item is claimable
// already. Another worker may claim the item first, so alternate between claims and waits. It waits
// until ctx ends, and occupies a thread of the operating system meanwhile.
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

// Heartbeat extends a lease by that much from now. ErrLeaseLost means that another worker may have
// the item.
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

// CompleteWork completes an item and ends its lease. The result, anything that [encoding/json] can
// write, is stored as its metadata key "result"; nil: none. Items that depend on nothing else
// become ready. Use [Batch.CompleteWork] to store files in the same transaction.
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

// FailWork ends an attempt as failed, and ends the lease. The reason is stored as the metadata key
// "last_error". The item is ready again after retryAfter; 0: after a delay that doubles with each
// attempt. If it has used up its max_attempts, its status becomes failed.
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

// ReleaseWork releases an item as if it had not been claimed: it is ready again, and the attempt
// does not count.
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
