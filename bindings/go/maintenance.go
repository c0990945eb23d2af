package nexus

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
)

// VerifyFlags are the flags of [Store.Verify]: a bitwise OR of [VerifyContent] and [VerifyRepair],
// or 0.
type VerifyFlags uint32

// BundleReport is the report of [Store.ExportBundle].
type BundleReport struct {
	Files        uint64 `json:"files"`
	Directories  uint64 `json:"directories"`
	Contents     uint64 `json:"contents"`
	ContentBytes uint64 `json:"content_bytes"`
	SHA256       string `json:"sha256"`
}

// ExportBundle writes files with their metadata and contents, and the explicit directories, into
// one file of the host, a bundle. A bundle moves a store, or a part of it. The call creates or
// replaces the file atomically.
func (s *Store) ExportBundle(ctx context.Context, file string, options ExportOptions) (BundleReport, error) {
	var a arguments
	target, prefix := a.text("a file name", file), a.optional("a prefix", options.Prefix)
	tenant, after := a.optional("a tenant", options.TenantID), options.modifiedAfter()
	if a.err != nil {
		return BundleReport{}, a.err
	}
	var report BundleReport
	err := observed(options.Progress, func(observer C.uintptr_t) error {
		return s.jsonCall(ctx, &report, func(fs *C.nexus_fs) C.bridge_text {
			return C.bridge_bundle_export(fs, target, prefix, tenant, after, observer)
		})
	})
	return report, err
}

// ImportBundle imports a bundle that [Store.ExportBundle] wrote, in one transaction. The call reads
// the bundle to its end, and checks every content against its hash, before any of it becomes
// visible.
func (s *Store) ImportBundle(ctx context.Context, file string, options ImportOptions) (ImportReport, error) {
	var a arguments
	source := a.text("a file name", file)
	if a.err != nil {
		return ImportReport{}, a.err
	}
	given := options.c()
	var report ImportReport
	err := observed(options.Progress, func(observer C.uintptr_t) error {
		return s.jsonCall(ctx, &report, func(fs *C.nexus_fs) C.bridge_text {
			return C.bridge_bundle_import(fs, source, &given, observer)
		})
	})
	return report, err
}

// BackupReport is the report of [Store.Backup].
type BackupReport struct {
	Files             uint64 `json:"files"`
	CopiedContents    uint64 `json:"copied_contents"`
	CopiedBytes       uint64 `json:"copied_bytes"`
	UnchangedContents uint64 `json:"unchanged_contents"`
	RemovedContents   uint64 `json:"removed_contents"`
	// Damaged are contents that were not copied because they are damaged in the store: the first 1,000 of DamagedCount.
	Damaged      []DamagedContent `json:"damaged"`
	DamagedCount uint64           `json:"damaged_count"`
	// Mounts are the directories of the contents of mounts in the copy.
	Mounts []BackupMount `json:"mounts"`
}

// DamagedContent is a content that a backup could not copy.
type DamagedContent struct {
	Path    string `json:"path"`
	Hash    string `json:"hash"`
	Message string `json:"message"`
}

// BackupMount is the directory of the contents of a mount.
type BackupMount struct {
	Name      string `json:"name"`
	Directory string `json:"directory"`
}

// Backup copies the store to a directory of the host (missing, empty, or with an earlier copy)
// while other processes use the store. The copy has every commit acknowledged before the call, and
// opens as a DataDir. It requires an admin's store, or one without tenant and agent. progress may
// be nil. If the call ends early, the directory holds the earlier copy, if there was one. It may
// also hold new files, which the next backup reuses.
func (s *Store) Backup(ctx context.Context, directory string, progress ProgressFunc) (BackupReport, error) {
	var a arguments
	target := a.text("a directory", directory)
	if a.err != nil {
		return BackupReport{}, a.err
	}
	var report BackupReport
	err := observed(progress, func(observer C.uintptr_t) error {
		return s.jsonCall(ctx, &report, func(fs *C.nexus_fs) C.bridge_text {
			return C.bridge_backup(fs, target, observer)
		})
	})
	return report, err
}

// VerifyReport is the report of [Store.Verify]: the errors found, and with [VerifyRepair] the
// repairs.
type VerifyReport struct {
	// Errors are the first 1,000 of ErrorCount.
	Errors     []VerifyError `json:"errors"`
	ErrorCount uint64        `json:"error_count"`
	// Reclaimable is what GC would remove.
	Reclaimable Reclaimable `json:"reclaimable"`
	// Checked are the numbers of objects checked.
	Checked map[string]uint64 `json:"checked"`
	// NotChecked are backends that this store does not mount.
	NotChecked []UncheckedBackend `json:"not_checked"`

	// The other fields are set by a repair: the steps, the unreadable files that were removed, and the
	// remaining errors; of each the first 1,000.
	Repaired       []string      `json:"repaired"`
	RepairedCount  uint64        `json:"repaired_count"`
	Lost           []Lost        `json:"lost"`
	LostCount      uint64        `json:"lost_count"`
	Remaining      []VerifyError `json:"remaining"`
	RemainingCount uint64        `json:"remaining_count"`
	// LostList is a file in the DataDir that lists all lost files; nil if there are none.
	LostList *string `json:"lost_list"`
}

// VerifyError is one error that a check found.
type VerifyError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Path    string `json:"path"` // empty where it is about none
	Hash    string `json:"hash"`
}

// Reclaimable counts files that [Store.GC] would remove.
type Reclaimable struct {
	OrphanFiles    uint64 `json:"orphan_files"`
	TemporaryFiles uint64 `json:"temporary_files"`
	DoomedFiles    uint64 `json:"doomed_files"`
	Bytes          uint64 `json:"bytes"`
}

// UncheckedBackend is a backend whose contents could not be checked.
type UncheckedBackend struct {
	Backend  string `json:"backend"`
	Contents uint64 `json:"contents"`
	Bytes    uint64 `json:"bytes"`
}

// Lost is what a repair removed: a file, or, where Key is not empty, one value of its metadata.
type Lost struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`

	// Of a file; ETag, Size and Backend are nil if they cannot be read.
	ETag     *string         `json:"etag"`
	Size     *uint64         `json:"size"`
	Backend  *string         `json:"backend"`
	Metadata json.RawMessage `json:"metadata"`
	// Quarantined is the location of its bytes, in the directory of their backend; nil if there are
	// none.
	Quarantined *string `json:"quarantined"`

	// Of a value.
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// Verify checks the store while other processes use it. The report lists the errors found; they are
// not the returned error. It requires an admin's store, or one without tenant and agent. progress
// may be nil. With [VerifyRepair], it receives each step ("repair: ...") before the first one runs.
// A repair may run several rounds of steps. If the call ends early, earlier repairs stay.
func (s *Store) Verify(ctx context.Context, flags VerifyFlags, progress ProgressFunc) (VerifyReport, error) {
	var report VerifyReport
	err := observed(progress, func(observer C.uintptr_t) error {
		return s.jsonCall(ctx, &report, func(fs *C.nexus_fs) C.bridge_text {
			return C.bridge_verify(fs, C.uint32_t(flags), observer)
		})
	})
	return report, err
}

// Duplicates are files with the same content.
type Duplicates struct {
	// Groups are the first 1,000 of GroupCount, by WastedBytes.
	Groups         []DuplicateGroup `json:"groups"`
	GroupCount     uint64           `json:"group_count"`
	DuplicateFiles uint64           `json:"duplicate_files"`
	WastedBytes    uint64           `json:"wasted_bytes"`
}

// DuplicateGroup is the files with one content.
type DuplicateGroup struct {
	ETag        string `json:"etag"`
	Size        uint64 `json:"size"`
	Count       uint64 `json:"count"`
	WastedBytes uint64 `json:"wasted_bytes"`
	// Paths are the first 100.
	Paths []string `json:"paths"`
}

// FindDuplicates finds files with the same content, among those whose paths begin with a prefix;
// empty: all. progress may be nil.
func (s *Store) FindDuplicates(ctx context.Context, prefix string, progress ProgressFunc) (Duplicates, error) {
	var a arguments
	text := a.optional("a prefix", prefix)
	if a.err != nil {
		return Duplicates{}, a.err
	}
	var duplicates Duplicates
	err := observed(progress, func(observer C.uintptr_t) error {
		return s.jsonCall(ctx, &duplicates, func(fs *C.nexus_fs) C.bridge_text {
			return C.bridge_find_duplicates(fs, text, observer)
		})
	})
	return duplicates, err
}
