package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"time"
)

// ExportOptions are the options of an export.
type ExportOptions struct {
	// Prefix: only paths that begin with these bytes.
	Prefix string
	// TenantID: only files in the directories of this tenant, in every namespace. Empty: all.
	TenantID string
	// ModifiedAfter: only files modified later. Zero: all.
	ModifiedAfter time.Time
	// Progress receives the progress; may be nil.
	Progress ProgressFunc
}

func (o *ExportOptions) modifiedAfter() C.int64_t {
	if o.ModifiedAfter.IsZero() {
		return 0
	}
	return C.int64_t(o.ModifiedAfter.UnixMicro())
}

// ExportMetadata writes the metadata of files as JSON lines, sorted by path, to a file of the host,
// which it creates or replaces atomically. It returns the number of lines.
func (s *Store) ExportMetadata(ctx context.Context, file string, options ExportOptions) (int64, error) {
	var a arguments
	target, prefix := a.text("a file name", file), a.optional("a prefix", options.Prefix)
	tenant := a.optional("a tenant", options.TenantID)
	if a.err != nil {
		return 0, a.err
	}
	after := options.modifiedAfter()
	var result C.bridge_number
	err := observed(options.Progress, func(observer C.uintptr_t) error {
		return s.call(ctx, func(fs *C.nexus_fs) C.bridge_outcome {
			result = C.bridge_export_metadata(fs, target, prefix, tenant, after, observer)
			return result.outcome
		})
	})
	return int64(result.number), err
}

// ImportOptions are the options of an import.
type ImportOptions struct {
	// Mode is how to import a path that exists: ImportSkip, the default, ImportOverwrite, ImportRemap,
	// ImportAuto.
	Mode ImportMode
	// DryRun: report the changes without making them.
	DryRun bool
	// InvalidWorkKeys is how to import a work key whose value has the wrong type: KeysRefuse, the
	// default, or KeysRename.
	InvalidWorkKeys InvalidKeys
	// MissingContent is how to import a line whose content is missing: no file that may be read has
	// it. MissingRefuse, the default, or MissingSkip. A bundle that lacks one of its contents is
	// damaged in either case.
	MissingContent MissingContent
	// NewerBy is what ImportAuto compares: NewerByContent, the default, or NewerByAll.
	NewerBy NewerBy
	// MaxLines bounds the lines; 0: 100,000 plus one for each 8 bytes of the file.
	MaxLines uint64
	// MaxBytes bounds the bytes of all lines together; 0: 16 MiB plus 100 times the size of the file.
	MaxBytes uint64
	// MaxUnpacked bounds the bytes of an unpacked bundle; 0: 64 MiB plus 100 times the size of the
	// file.
	MaxUnpacked uint64
	// Progress receives the progress; may be nil.
	Progress ProgressFunc
}

func (o ImportOptions) c() C.nexus_import_options {
	return C.nexus_import_options{
		struct_size:       C.sizeof_nexus_import_options,
		mode:              C.int32_t(o.Mode),
		dry_run:           flag(o.DryRun),
		invalid_work_keys: C.int32_t(o.InvalidWorkKeys),
		missing_content:   C.int32_t(o.MissingContent),
		newer_by:          C.int32_t(o.NewerBy),
		max_lines:         C.uint64_t(o.MaxLines),
		max_bytes:         C.uint64_t(o.MaxBytes),
		max_unpacked:      C.uint64_t(o.MaxUnpacked),
	}
}

// ImportReport is the report of an import.
type ImportReport struct {
	Created     uint64       `json:"created"`
	Updated     uint64       `json:"updated"`
	Skipped     uint64       `json:"skipped"`
	Remapped    uint64       `json:"remapped"`
	Collisions  []Collision  `json:"collisions"`
	RenamedKeys []RenamedKey `json:"renamed_keys"`
	// Missing are the lines that were omitted because their content is missing; they count as skipped.
	Missing []MissingLine `json:"missing"`
	DryRun  bool          `json:"dry_run"`

	// LostDependencies are dependencies on ids that do not exist; they were omitted.
	LostDependencies []LostDependency `json:"lost_dependencies"`
	// Directories is the number of directories created, for a bundle only.
	Directories uint64 `json:"directories"`
}

// Collision is a line of an import whose path existed.
type Collision struct {
	Path string `json:"path"`
	// ExistingETag is nil for a directory.
	ExistingETag *string `json:"existing_etag"`
	ImportedETag string  `json:"imported_etag"`
	Resolution   string  `json:"resolution"`
	Message      string  `json:"message"`
}

// LostDependency is a dependency of an imported work item on an id that is neither in the import
// nor visible to the caller in the store.
type LostDependency struct {
	Path      string `json:"path"`
	DependsOn string `json:"depends_on"`
}

// MissingLine is a line whose content is missing.
type MissingLine struct {
	Path string `json:"path"`
	ETag string `json:"etag"`
}

// RenamedKey is a work key with a value of the wrong type that was stored under another name.
type RenamedKey struct {
	Path      string `json:"path"`
	Key       string `json:"key"`
	RenamedTo string `json:"renamed_to"`
}

// ImportMetadata imports a file that [Store.ExportMetadata] wrote, in one transaction: one rejected
// line, and the import changes nothing. The contents must be in the store and readable.
func (s *Store) ImportMetadata(ctx context.Context, file string, options ImportOptions) (ImportReport, error) {
	var a arguments
	source := a.text("a file name", file)
	if a.err != nil {
		return ImportReport{}, a.err
	}
	given := options.c()
	var report ImportReport
	err := observed(options.Progress, func(observer C.uintptr_t) error {
		return s.jsonCall(ctx, &report, func(fs *C.nexus_fs) C.bridge_text {
			return C.bridge_import_metadata(fs, source, &given, observer)
		})
	})
	return report, err
}

// GCReport is the report of [Store.GC].
type GCReport struct {
	TemporaryFiles  uint64 `json:"temporary_files"`
	TemporaryBytes  uint64 `json:"temporary_bytes"`
	DroppedContents uint64 `json:"dropped_contents"`
	OrphanContents  uint64 `json:"orphan_contents"`
	OrphanBytes     uint64 `json:"orphan_bytes"`
}

// GC removes contents without references, and the remains of interrupted writes. It requires an
// admin's store, or one without tenant and agent. progress may be nil. If the call ends early, some
// contents may be removed already.
func (s *Store) GC(ctx context.Context, progress ProgressFunc) (GCReport, error) {
	var report GCReport
	err := observed(progress, func(observer C.uintptr_t) error {
		return s.jsonCall(ctx, &report, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_gc(fs, observer) })
	})
	return report, err
}

// StorageTotals measure the files that may be read.
type StorageTotals struct {
	Files            uint64 `json:"files"`
	LogicalBytes     uint64 `json:"logical_bytes"`
	DistinctContents uint64 `json:"distinct_contents"`
	PhysicalBytes    uint64 `json:"physical_bytes"`
	// SavedBytes is LogicalBytes less PhysicalBytes: what storing each content once saves.
	SavedBytes uint64 `json:"saved_bytes"`
}

// StorageStats are the totals, and those of each tenant.
type StorageStats struct {
	StorageTotals
	Tenants []TenantStats `json:"tenants"`
}

// TenantStats are the totals of one tenant.
type TenantStats struct {
	// TenantID is nil for files that belong to none.
	TenantID *string `json:"tenant_id"`
	StorageTotals
}

// StorageStats measures the files that the identity of this store may read.
func (s *Store) StorageStats(ctx context.Context) (StorageStats, error) {
	var stats StorageStats
	err := s.jsonCall(ctx, &stats, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_storage_stats(fs) })
	return stats, err
}

// ContentInfo describes a content.
type ContentInfo struct {
	ETag string `json:"etag"`
	Size int64  `json:"size"`
	// RefCount is the number of files with this content that the identity of this store may read.
	RefCount uint64 `json:"ref_count"`
}

// ContentInfo describes the content with an etag; ErrNotFound if no file with it may be read.
func (s *Store) ContentInfo(etag string) (ContentInfo, error) {
	var a arguments
	text := a.text("an etag", etag)
	if a.err != nil {
		return ContentInfo{}, a.err
	}
	var info ContentInfo
	err := s.jsonCall(nil, &info, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_content_info(fs, text) })
	return info, err
}
