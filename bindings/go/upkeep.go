package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"time"
)

// ExportOptions say what to export.
type ExportOptions struct {
	// Prefix: only paths that begin with these bytes.
	Prefix string
	// TenantID: only files in this tenant's parts of the namespaces. Empty: all.
	TenantID string
	// ModifiedAfter: only files modified later. Zero: all.
	ModifiedAfter time.Time
	// Progress is told how far it is; may be nil.
	Progress ProgressFunc
}

func (o *ExportOptions) modifiedAfter() C.int64_t {
	if o.ModifiedAfter.IsZero() {
		return 0
	}
	return C.int64_t(o.ModifiedAfter.UnixMicro())
}

// ExportMetadata writes the metadata of files as JSON lines, sorted by path, to a file of the host, which is replaced as a
// whole or not at all. It returns the number of lines.
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

// ImportOptions say how to import.
type ImportOptions struct {
	// Mode is what to do with a path that exists: ImportSkip, the default, ImportOverwrite, ImportRemap, ImportAuto.
	Mode ImportMode
	// DryRun: report what would be done, and change nothing.
	DryRun bool
	// InvalidWorkKeys is what to do with a work key whose value has the wrong type: KeysRefuse, the default, or KeysRename.
	InvalidWorkKeys InvalidKeys
	// MissingContent is what to do with a line whose content no file has that may be read: MissingRefuse, the default, or
	// MissingSkip. A bundle without one of its contents is damaged, whatever this says.
	MissingContent MissingContent
	// NewerBy is what ImportAuto compares: NewerByContent, the default, or NewerByAll.
	NewerBy NewerBy
	// MaxLines bounds the lines; 0: 100,000 and one for each 8 bytes of the file.
	MaxLines uint64
	// MaxBytes bounds the bytes of all lines together; 0: 16 MiB and 100 times the size of the file.
	MaxBytes uint64
	// MaxUnpacked bounds the bytes of a bundle when it is unpacked; 0: 64 MiB and 100 times the size of the file.
	MaxUnpacked uint64
	// Progress is told how far it is; may be nil.
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

// ImportReport says what an import did.
type ImportReport struct {
	Created     uint64       `json:"created"`
	Updated     uint64       `json:"updated"`
	Skipped     uint64       `json:"skipped"`
	Remapped    uint64       `json:"remapped"`
	Collisions  []Collision  `json:"collisions"`
	RenamedKeys []RenamedKey `json:"renamed_keys"`
	// Missing are the lines that were left out because their content is missing; they count as skipped.
	Missing []MissingLine `json:"missing"`
	DryRun  bool          `json:"dry_run"`

	// LostDependencies are those on what is not there; they were left out.
	LostDependencies []LostDependency `json:"lost_dependencies"`
	// Directories is how many directories were made, of a bundle only.
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

// LostDependency is what a work item of an import depended on: the id of what is neither in the import nor, for the caller,
// in the store.
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

// ImportMetadata reads what [Store.ExportMetadata] wrote, in one transaction: a bad line leaves everything as it was. The
// content must be in the store, and readable.
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

// GCReport says what a collection removed.
type GCReport struct {
	TemporaryFiles  uint64 `json:"temporary_files"`
	TemporaryBytes  uint64 `json:"temporary_bytes"`
	DroppedContents uint64 `json:"dropped_contents"`
	OrphanContents  uint64 `json:"orphan_contents"`
	OrphanBytes     uint64 `json:"orphan_bytes"`
}

// GC removes content that no file has any more, and what broken-off writes left behind. It needs an admin's store, or one
// without tenant and agent. progress may be nil. Where the call ends early, some of that may be removed already.
func (s *Store) GC(ctx context.Context, progress ProgressFunc) (GCReport, error) {
	var report GCReport
	err := observed(progress, func(observer C.uintptr_t) error {
		return s.jsonCall(ctx, &report, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_gc(fs, observer) })
	})
	return report, err
}

// StorageTotals measure what may be read.
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
	// TenantID is nil for what belongs to none.
	TenantID *string `json:"tenant_id"`
	StorageTotals
}

// StorageStats measures what this store's identity may read.
func (s *Store) StorageStats(ctx context.Context) (StorageStats, error) {
	var stats StorageStats
	err := s.jsonCall(ctx, &stats, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_storage_stats(fs) })
	return stats, err
}

// ContentInfo describes a content.
type ContentInfo struct {
	ETag string `json:"etag"`
	Size int64  `json:"size"`
	// RefCount is how many files with it this store's identity may read.
	RefCount uint64 `json:"ref_count"`
}

// ContentInfo describes the content with an etag; ErrNotFound where no file with it may be read.
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
