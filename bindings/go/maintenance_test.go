package nexus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nexus"
)

func TestABundleMovesAStore(t *testing.T) {
	store := newStore(t)
	ctx := background(t)
	large := strings.Repeat("0123456789", 20_000)
	write(t, store, "/data/a", "same")
	write(t, store, "/data/b", "same")
	write(t, store, "/data/large", large)
	write(t, store, "/other", "stays")
	must(t, store.Mkdir("/data/empty"))
	must(t, store.SetMeta("/data/a", "k", "v"))
	must(t, store.SetMeta("/data/b", "depends_on", "/other"))
	file := filepath.Join(t.TempDir(), "bundle")
	told := 0
	report, err := store.ExportBundle(ctx, file, nexus.ExportOptions{Prefix: "/data", Progress: func(nexus.Progress) error {
		told++
		return nil
	}})
	must(t, err)
	if report.Files != 3 || report.Contents != 2 || report.ContentBytes != 200_004 || len(report.SHA256) != 64 || told == 0 {
		t.Errorf("the report is %+v, after %d steps", report, told)
	}

	target := newStore(t)
	imported, err := target.ImportBundle(ctx, file, nexus.ImportOptions{})
	must(t, err)
	if imported.Created != 3 || imported.Directories != 1 {
		t.Errorf("the report is %+v", imported)
	}
	if len(imported.LostDependencies) != 1 || imported.LostDependencies[0].Path != "/data/b" || imported.LostDependencies[0].DependsOn == "" {
		t.Errorf("the dependencies that were lost are %+v", imported.LostDependencies)
	}
	equal(t, "the content", content(t, target, "/data/large"), large)
	var value string
	must(t, target.GetMeta("/data/a", "k", &value))
	equal(t, "the metadata", value, "v")
	exists, err := target.Exists("/other")
	must(t, err)
	equal(t, "whether the rest is there", exists, false)

	bundle := []byte(mustRead(t, file))
	bundle[len(bundle)/2] ^= 1
	must(t, os.WriteFile(file, bundle, 0o600))
	_, err = newStore(t).ImportBundle(ctx, file, nexus.ImportOptions{})
	mustBe(t, err, nexus.ErrCorrupt)
	enough := errors.New("enough")
	_, err = store.ExportBundle(ctx, file, nexus.ExportOptions{Progress: func(nexus.Progress) error { return enough }})
	mustBe(t, err, enough)
	mustBe(t, second(store.ExportBundle(ctx, "a\x00b", nexus.ExportOptions{})), fs.ErrInvalid)
	mustBe(t, second(store.ImportBundle(ctx, "a\x00b", nexus.ImportOptions{})), fs.ErrInvalid)
}

func TestABackupIsAStore(t *testing.T) {
	store := newStore(t)
	write(t, store, "/a", "1")
	target := filepath.Join(t.TempDir(), "backup")
	report, err := store.Backup(background(t), target, nil)
	must(t, err)
	if report.Files != 1 || report.DamagedCount != 0 {
		t.Errorf("the report is %+v", report)
	}
	copied := open(t, nexus.Config{DataDir: target})
	equal(t, "the content", content(t, copied, "/a"), "1")
	narrow, err := store.WithTenant("acme")
	must(t, err)
	defer narrow.Close()
	mustBe(t, second(narrow.Backup(background(t), target, nil)), fs.ErrPermission)
	mustBe(t, second(store.Backup(background(t), "a\x00b", nil)), fs.ErrInvalid)
}

func TestVerifyFindsDamageAndMendsIt(t *testing.T) {
	config := quick(t)
	store := open(t, config)
	ctx := background(t)
	write(t, store, "/large", strings.Repeat("0123456789", 20_000))
	write(t, store, "/small", "fine")
	report, err := store.Verify(ctx, nexus.VerifyContent, nil)
	must(t, err)
	if report.ErrorCount != 0 || len(report.Errors) != 0 || len(report.Checked) == 0 {
		t.Errorf("the report of a whole store is %+v", report)
	}

	entry, err := store.Stat("/large")
	must(t, err)
	file := filepath.Join(config.DataDir, "cas", entry.ETag[:2], entry.ETag)
	bytes := []byte(mustRead(t, file))
	bytes[100_000] ^= 1
	must(t, os.Chmod(file, 0o600))
	must(t, os.WriteFile(file, bytes, 0o600))
	_, err = store.Read("/large")
	mustBe(t, err, nexus.ErrCorrupt)
	report, err = store.Verify(ctx, nexus.VerifyContent, nil)
	must(t, err)
	if report.ErrorCount != 1 || report.Errors[0].Path != "/large" || report.Errors[0].Hash != entry.ETag || report.Errors[0].Message == "" {
		t.Errorf("the report of damage is %+v", report)
	}

	enough := errors.New("enough")
	_, err = store.Verify(ctx, nexus.VerifyContent|nexus.VerifyRepair, func(p nexus.Progress) error {
		if strings.HasPrefix(p.What, "repair") {
			return enough
		}
		return nil
	})
	mustBe(t, err, enough)
	report, err = store.Verify(ctx, nexus.VerifyContent|nexus.VerifyRepair, nil)
	must(t, err)
	if report.RemainingCount != 0 || report.LostCount != 1 || report.Lost[0].Path != "/large" || report.Lost[0].Quarantined == nil {
		t.Errorf("the report of a repair is %+v", report)
	}
	if report.RepairedCount == 0 || report.LostList == nil || *report.Lost[0].ETag != entry.ETag || *report.Lost[0].Size != 200_000 {
		t.Errorf("the report of a repair is %+v", report)
	}
	if !strings.Contains(mustRead(t, filepath.Join(config.DataDir, *report.LostList)), entry.ETag) {
		t.Errorf("%s does not list what was lost", *report.LostList)
	}
	must(t, second(os.Stat(filepath.Join(config.DataDir, *report.Lost[0].Quarantined))))
	equal(t, "the content", content(t, store, "/small"), "fine")
	mustBe(t, second(store.Verify(ctx, 1<<20, nil)), fs.ErrInvalid)
	narrow, err := store.WithTenant("acme")
	must(t, err)
	defer narrow.Close()
	mustBe(t, second(narrow.Verify(ctx, 0, nil)), fs.ErrPermission)
}

func TestACancelledCollectionMayHaveRemovedSome(t *testing.T) {
	config := quick(t)
	store := open(t, config)
	nobodys := filepath.Join(config.DataDir, "cas", "ab", strings.Repeat("ab", 32))
	must(t, os.MkdirAll(filepath.Dir(nobodys), 0o700))
	must(t, os.WriteFile(nobodys, []byte("no file has this"), 0o600))
	enough := errors.New("enough")
	_, err := store.GC(background(t), func(nexus.Progress) error { return enough })
	mustBe(t, err, enough)
	mustBe(t, second(os.Stat(nobodys)), fs.ErrNotExist)
}

func TestACancelledBackupIsTakenUpByTheNext(t *testing.T) {
	store := newStore(t)
	write(t, store, "/large", strings.Repeat("0123456789", 20_000))
	target := filepath.Join(t.TempDir(), "backup")
	enough := errors.New("enough")
	_, err := store.Backup(background(t), target, func(p nexus.Progress) error {
		if p.What == "putting the copy in place" {
			return enough
		}
		return nil
	})
	mustBe(t, err, enough)
	left, err := os.ReadDir(target)
	must(t, err)
	if len(left) == 0 {
		t.Error("it left nothing")
	}
	report, err := store.Backup(background(t), target, nil)
	must(t, err)
	if report.CopiedContents != 0 || report.UnchangedContents != 1 {
		t.Errorf("the report of the next is %+v", report)
	}
}

func TestACancelledRepairKeepsWhatItMended(t *testing.T) {
	config := quick(t)
	store := open(t, config)
	ctx := background(t)
	write(t, store, "/large", strings.Repeat("0123456789", 20_000))
	entry, err := store.Stat("/large")
	must(t, err)
	must(t, os.Remove(filepath.Join(config.DataDir, "cas", entry.ETag[:2], entry.ETag)))
	enough := errors.New("enough")
	repairing := false
	_, err = store.Verify(ctx, nexus.VerifyRepair, func(p nexus.Progress) error {
		step := strings.HasPrefix(p.What, "repair: ")
		if repairing && !step { // the steps were taken, and the next check has begun
			return enough
		}
		repairing = step
		return nil
	})
	mustBe(t, err, enough)
	mustBe(t, second(store.Stat("/large")), fs.ErrNotExist) // what could not be read any more was removed
	report, err := store.Verify(ctx, nexus.VerifyRepair, nil)
	must(t, err)
	equal(t, "the number of errors that remain", report.RemainingCount, 0)
}

func TestDuplicatesAreFound(t *testing.T) {
	store := newStore(t)
	for i := range 3 {
		write(t, store, fmt.Sprintf("/d/%d", i), "the same")
	}
	write(t, store, "/d/other", "not the same")
	duplicates, err := store.FindDuplicates(background(t), "/d/", nil)
	must(t, err)
	if duplicates.GroupCount != 1 || duplicates.DuplicateFiles == 0 || duplicates.WastedBytes != 16 {
		t.Errorf("the duplicates are %+v", duplicates)
	}
	group := duplicates.Groups[0]
	if group.Count != 3 || group.Size != 8 || strings.Join(group.Paths, " ") != "/d/0 /d/1 /d/2" {
		t.Errorf("the group is %+v", group)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	mustBe(t, second(store.FindDuplicates(ctx, "", nil)), context.Canceled)
	mustBe(t, second(store.FindDuplicates(ctx, "a\x00b", nil)), fs.ErrInvalid)
}
