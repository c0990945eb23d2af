package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"time"
	"unsafe"
)

// WorkItem is a file with a status.
type WorkItem struct {
	// Path and PathID are where the item is, and its id.
	Path   string
	PathID string
	// TenantID is the tenant segment of the path; empty if it has none.
	TenantID string
	// BackendID and PhysicalPath say where the content is.
	BackendID    string
	PhysicalPath string
	// FileType is the MIME type.
	FileType string
	// Size and ContentHash describe the content; the hash is the etag.
	Size        int64
	ContentHash string
	// CreatedAt and UpdatedAt are the times of the creation of the file and of the last change of its
	// content; in UTC.
	CreatedAt time.Time
	UpdatedAt time.Time
	// Status is "ready", "pending", "blocked", "in_progress", "completed", "failed" or "cancelled".
	Status string
	// Priority: lower comes first. Items without one (HasPriority) come last.
	Priority    int64
	HasPriority bool
	// BlockerCount is the number of open dependencies.
	BlockerCount uint64
	// WorkerID is the worker that holds the item, since StartedAt; empty and zero if there is none.
	WorkerID  string
	StartedAt time.Time
	// NotBefore is the time before which the item cannot be claimed; zero: no limit.
	NotBefore time.Time
	Tags      []string
	// Attempts is the number of claims so far.
	Attempts uint64
	// Lease is the lease of the item; its Token is 0 if there is none. LeaseExpiresAt is for display.
	Lease          Lease
	LeaseExpiresAt time.Time
	// LeaseExpired: the lease has expired, and the item can be claimed.
	LeaseExpired bool
}

// ReadyWork returns at most limit items that can be claimed: ready, no open dependency, NotBefore
// reached. Ordered by priority, then creation.
func (s *Store) ReadyWork(limit int) ([]WorkItem, error) {
	return s.workCall(nil, func(fs *C.nexus_fs) C.bridge_work { return C.bridge_ready_work(fs, C.int64_t(limit)) })
}

// PendingWork returns at most limit pending items without open dependencies. Ordered by priority,
// then creation.
func (s *Store) PendingWork(limit int) ([]WorkItem, error) {
	return s.workCall(nil, func(fs *C.nexus_fs) C.bridge_work { return C.bridge_pending_work(fs, C.int64_t(limit)) })
}

// BlockedWork returns at most limit blocked items: with open dependencies, or set to blocked. Those
// with the most open dependencies come first.
func (s *Store) BlockedWork(limit int) ([]WorkItem, error) {
	return s.workCall(nil, func(fs *C.nexus_fs) C.bridge_work { return C.bridge_blocked_work(fs, C.int64_t(limit)) })
}

// InProgressWork returns at most limit items in progress, those started last first.
func (s *Store) InProgressWork(limit int) ([]WorkItem, error) {
	return s.workCall(nil, func(fs *C.nexus_fs) C.bridge_work { return C.bridge_in_progress_work(fs, C.int64_t(limit)) })
}

// WorkByPriority returns at most limit items of any status. Ordered by priority, then creation.
func (s *Store) WorkByPriority(limit int) ([]WorkItem, error) {
	return s.workCall(nil, func(fs *C.nexus_fs) C.bridge_work { return C.bridge_work_by_priority(fs, C.int64_t(limit)) })
}

func (s *Store) workCall(ctx context.Context, do func(fs *C.nexus_fs) C.bridge_work) ([]WorkItem, error) {
	var result C.bridge_work
	err := s.call(ctx, func(fs *C.nexus_fs) C.bridge_outcome {
		result = do(fs)
		return result.outcome
	})
	if err != nil {
		return nil, err
	}
	return takeWork(&result)
}

// takeWork copies the rows of a list, and frees it.
func takeWork(result *C.bridge_work) ([]WorkItem, error) {
	defer C.nexus_work_list_free(result.list)
	items := make([]WorkItem, 0, result.len)
	rows := make([]*C.nexus_work_item, min(int(result.len)+1, rowsAtOnce))
	for len(items) < int(result.len) {
		from := C.size_t(len(items))
		got := int(C.bridge_work_rows(result.list, from, unsafe.SliceData(rows), C.size_t(len(rows))))
		if got == 0 {
			break
		}
		for _, row := range rows[:got] {
			item, err := copyWorkItem(row)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
	}
	return items, nil
}

func copyWorkItem(row *C.nexus_work_item) (WorkItem, error) {
	item := WorkItem{
		Path:           C.GoString(row.virtual_path),
		PathID:         C.GoString(row.path_id),
		TenantID:       C.GoString(row.tenant_id),
		BackendID:      C.GoString(row.backend_id),
		PhysicalPath:   C.GoString(row.physical_path),
		FileType:       C.GoString(row.file_type),
		Size:           int64(row.size_bytes),
		ContentHash:    C.GoString(row.content_hash),
		CreatedAt:      fromMicros(row.created_at),
		UpdatedAt:      fromMicros(row.updated_at),
		Status:         C.GoString(row.status),
		Priority:       int64(row.priority),
		HasPriority:    row.has_priority != 0,
		BlockerCount:   uint64(row.blocker_count),
		WorkerID:       C.GoString(row.worker_id),
		StartedAt:      fromMicros(row.started_at),
		NotBefore:      fromMicros(row.not_before),
		Attempts:       uint64(row.attempts),
		LeaseExpiresAt: fromMicros(row.lease_expires_at),
		LeaseExpired:   row.lease_expired != 0,
	}
	item.Lease = Lease{Path: item.Path, Token: uint64(row.lease)}
	if row.tags != nil {
		if err := decodeJSON(C.GoString(row.tags), &item.Tags); err != nil {
			return WorkItem{}, err
		}
	}
	return item, nil
}

// WorkView names one of the queries for [Store.WorkJSON].
type WorkView int

// The queries of the same names.
const (
	ViewReady WorkView = iota
	ViewPending
	ViewBlocked
	ViewInProgress
	ViewByPriority
)

// WorkJSON returns at most limit items of a view as the library's JSON: an array of objects with the columns of the view,
// times as RFC 3339, null where something is absent.
func (s *Store) WorkJSON(view WorkView, limit int) (json.RawMessage, error) {
	text, err := s.textCall(nil, func(fs *C.nexus_fs) C.bridge_text {
		var result C.bridge_work
		switch view {
		case ViewReady:
			result = C.bridge_ready_work(fs, C.int64_t(limit))
		case ViewPending:
			result = C.bridge_pending_work(fs, C.int64_t(limit))
		case ViewBlocked:
			result = C.bridge_blocked_work(fs, C.int64_t(limit))
		case ViewInProgress:
			result = C.bridge_in_progress_work(fs, C.int64_t(limit))
		case ViewByPriority:
			result = C.bridge_work_by_priority(fs, C.int64_t(limit))
		default:
			return C.bridge_text{outcome: C.bridge_outcome{status: C.NEXUS_STATUS_INVALID_ARGUMENT}}
		}
		if result.outcome.status != C.NEXUS_STATUS_OK {
			return C.bridge_text{outcome: result.outcome}
		}
		defer C.nexus_work_list_free(result.list)
		return C.bridge_work_json(result.list)
	})
	if err != nil {
		return nil, err
	}
	return json.RawMessage(text), nil
}

// Explanation explains what a work item waits for. [encoding/json] writes it as the library does.
type Explanation struct {
	// Attempts is the number of claims so far.
	Attempts uint64 `json:"attempts"`
	// Claimable: it would be in the ready view.
	Claimable bool `json:"claimable"`
	// Dependencies is how many there are, open or not.
	Dependencies int `json:"dependencies"`
	// LastError is why the latest attempt failed; nil if none failed.
	LastError *string `json:"last_error"`
	// LeaseExpired: the lease expired at LeaseExpiresAt, which is nil without a lease.
	LeaseExpired   bool       `json:"lease_expired"`
	LeaseExpiresAt *time.Time `json:"lease_expires_at"`
	// MaxAttempts is nil if there is no limit.
	MaxAttempts *uint64 `json:"max_attempts"`
	// NotBefore is the time before which the item cannot be claimed; nil: no limit.
	NotBefore *time.Time `json:"not_before"`
	// Open are the dependencies that are not completed.
	Open []OpenDependency `json:"open"`
	Path string           `json:"path"`
	// Reason is for people.
	Reason string `json:"reason"`
	// Status is nil for a file that is not a work item.
	Status   *string `json:"status"`
	WorkerID *string `json:"worker_id"`
}

// OpenDependency is a file that a work item waits for. Path, PathID and Status are nil if the
// identity may not see them.
type OpenDependency struct {
	// LeaseExpired: the last lease expired at LeaseExpiresAt, which is nil without a lease.
	LeaseExpired   bool       `json:"lease_expired"`
	LeaseExpiresAt *time.Time `json:"lease_expires_at"`
	Path           *string    `json:"path"`
	PathID         *string    `json:"path_id"`
	// Reason is "not completed yet", "failed", "cancelled", "deleted before it was completed" or "not
	// visible", or the time at which the last lease expired.
	Reason string  `json:"reason"`
	Status *string `json:"status"`
}

// ExplainWork explains what a work item waits for.
func (s *Store) ExplainWork(path string) (Explanation, error) {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return Explanation{}, a.err
	}
	var explanation Explanation
	err := s.jsonCall(nil, &explanation, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_work_explain(fs, file) })
	return explanation, err
}

// WorkStats counts work items. [encoding/json] writes it as the library does.
type WorkStats struct {
	// The counts of ByStatus add up to Total.
	ByStatus map[string]uint64 `json:"by_status"`
	Total    uint64            `json:"total"`
	// Views are "ready", "delayed" (ready, but not_before has not passed), "blocked", "pending",
	// "in_progress"; no item is in two.
	Views map[string]uint64 `json:"views"`
}

// WorkStats counts the work items whose paths begin with a prefix; empty: all.
func (s *Store) WorkStats(prefix string) (WorkStats, error) {
	var a arguments
	text := a.optional("a prefix", prefix)
	if a.err != nil {
		return WorkStats{}, a.err
	}
	var stats WorkStats
	err := s.jsonCall(nil, &stats, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_work_stats(fs, text) })
	return stats, err
}
