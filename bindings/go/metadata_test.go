package nexus_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nexus"
)

func rawJSON(text []byte) json.RawMessage { return text }

func TestMetadataIsWhatJSONCanWrite(t *testing.T) {
	store := newStore(t)
	write(t, store, "/a", "1")
	type review struct {
		By string
		OK bool
	}
	must(t, store.SetMeta("/a", "review", review{"bob", true}))
	var got review
	must(t, store.GetMeta("/a", "review", &got))
	equal(t, "the review", got, review{"bob", true})

	must(t, store.SetMeta("/a", "raw", json.RawMessage(`{"b": 1,  "a": "<&>"}`)))
	var raw json.RawMessage
	must(t, store.GetMeta("/a", "raw", &raw))
	equal(t, "the text as it was given", string(raw), `{"b": 1,  "a": "<&>"}`)

	must(t, store.SetMeta("/a", "html", "<&>\u2028"))
	must(t, store.GetMeta("/a", "html", &raw))
	if strings.Contains(string(raw), `\u003c`) {
		t.Errorf("a text was escaped for HTML: %s", raw)
	}
	must(t, store.SetMetaMany("/a", struct {
		N *int `json:"n"`
	}{}))
	all, err := store.ListMeta("/a")
	must(t, err)
	equal(t, "the number of keys", len(all), 4)
	equal(t, "a null", string(all["n"]), "null")
	must(t, store.DeleteMeta("/a", "n"))
	mustBe(t, store.DeleteMeta("/a", "n"), fs.ErrNotExist)
	mustBe(t, store.GetMeta("/a", "n", &raw), fs.ErrNotExist)
	mustBe(t, store.SetMeta("/a", "f", func() {}), fs.ErrInvalid)
	mustBe(t, store.SetMeta("/a", "f", json.RawMessage("{")), fs.ErrInvalid)
	mustBe(t, store.SetMetaMany("/a", []int{1}), fs.ErrInvalid)
	mustBe(t, store.GetMeta("/a", "review", new(int)), fs.ErrInvalid)

	id, err := store.PathID("/a")
	must(t, err)
	must(t, store.Rename("/a", "/b"))
	path, err := store.PathOfID(id)
	must(t, err)
	equal(t, "where the id is", path, "/b")
	_, err = store.PathOfID("no id")
	mustBe(t, err, fs.ErrInvalid)
}

func TestExportAndImportRestoreAStore(t *testing.T) {
	store := newStore(t)
	ctx := background(t)
	write(t, store, "/shared/acme/a", "same")
	write(t, store, "/shared/acme/b", "same")
	write(t, store, "/shared/techinc/c", "same")
	must(t, store.SetMeta("/shared/acme/a", "k", "v"))
	file := filepath.Join(t.TempDir(), "export.jsonl")
	count, err := store.ExportMetadata(ctx, file, nexus.ExportOptions{Prefix: "/shared/", TenantID: "acme"})
	must(t, err)
	equal(t, "the number of lines", count, 2)
	count, err = store.ExportMetadata(ctx, file+"2", nexus.ExportOptions{ModifiedAfter: time.Now().Add(time.Hour)})
	must(t, err)
	equal(t, "the number of lines", count, 0)

	must(t, store.Delete("/shared/acme/a"))
	report, err := store.ImportMetadata(ctx, file, nexus.ImportOptions{DryRun: true})
	must(t, err)
	if report.Created != 1 || report.Skipped != 1 || !report.DryRun {
		t.Errorf("the report of a dry run is %+v", report)
	}
	report, err = store.ImportMetadata(ctx, file, nexus.ImportOptions{Mode: nexus.ImportRemap})
	must(t, err)
	if report.Created != 1 || report.Remapped != 1 || len(report.Collisions) != 1 || *report.Collisions[0].ExistingETag != report.Collisions[0].ImportedETag {
		t.Errorf("the report is %+v", report)
	}
	equal(t, "the content", content(t, store, "/shared/acme/a")+content(t, store, "/shared/acme/b_imported1"), "samesame")
	var value string
	must(t, store.GetMeta("/shared/acme/a", "k", &value))
	equal(t, "the metadata", value, "v")

	must(t, os.WriteFile(file, []byte(strings.Replace(mustRead(t, file), `"k":"v"`, `"priority":"high"`, 1)), 0o600))
	_, err = store.ImportMetadata(ctx, file, nexus.ImportOptions{Mode: nexus.ImportOverwrite})
	mustBe(t, err, fs.ErrInvalid)
	report, err = store.ImportMetadata(ctx, file, nexus.ImportOptions{Mode: nexus.ImportOverwrite, InvalidWorkKeys: nexus.KeysRename})
	must(t, err)
	if report.Updated != 2 || len(report.RenamedKeys) != 1 || report.RenamedKeys[0].RenamedTo != "x_priority" {
		t.Errorf("the report is %+v", report)
	}
	mustBe(t, second(store.ImportMetadata(ctx, file, nexus.ImportOptions{Mode: 99})), fs.ErrInvalid)
	mustBe(t, second(store.ImportMetadata(ctx, file, nexus.ImportOptions{MaxLines: 1})), fs.ErrInvalid)
	missing := filepath.Join(t.TempDir(), "missing.jsonl")
	line := `{"path":"/shared/acme/none","etag":"` + strings.Repeat("0", 64) + `","size":1}`
	must(t, os.WriteFile(missing, []byte(line), 0o600))
	report, err = store.ImportMetadata(ctx, missing, nexus.ImportOptions{
		MissingContent: nexus.MissingSkip, NewerBy: nexus.NewerByAll, InvalidWorkKeys: nexus.KeysRename,
	})
	must(t, err)
	if report.Skipped != 1 || len(report.Missing) != 1 || report.Missing[0].ETag != strings.Repeat("0", 64) {
		t.Errorf("the report is %+v", report)
	}
	mustBe(t, second(store.ImportMetadata(ctx, "/no/such/file", nexus.ImportOptions{})), nexus.ErrIO)

	stats, err := store.StorageStats(ctx)
	must(t, err)
	if stats.Files != 4 || stats.DistinctContents != 1 || stats.LogicalBytes != 16 || stats.PhysicalBytes != 4 || stats.SavedBytes != 12 || len(stats.Tenants) != 2 {
		t.Errorf("the statistics are %+v", stats)
	}
	entry, err := store.Stat("/shared/acme/a")
	must(t, err)
	info, err := store.ContentInfo(entry.ETag)
	must(t, err)
	equal(t, "the content", info, nexus.ContentInfo{ETag: entry.ETag, Size: 4, RefCount: 4})
	acme, err := store.WithTenant("acme")
	must(t, err)
	defer acme.Close()
	info, err = acme.ContentInfo(entry.ETag)
	must(t, err)
	equal(t, "how many a tenant sees", info.RefCount, 3)
	_, err = acme.GC(ctx, nil)
	mustBe(t, err, fs.ErrPermission)
	_, err = store.GC(ctx, nil)
	must(t, err)
}

func mustRead(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

func TestNoIntegerOfMetadataIsRounded(t *testing.T) {
	store := newStore(t)
	write(t, store, "/a", "1")
	const odd = 1<<53 + 1
	must(t, store.SetMeta("/a", "id", map[string]any{"n": int64(odd), "list": []uint64{1<<64 - 1}}))
	var value map[string]any
	must(t, store.GetMeta("/a", "id", &value))
	equal(t, "a number in an interface", value["n"], any(json.Number("9007199254740993")))
	value["more"] = true
	must(t, store.SetMeta("/a", "id", value))
	var raw json.RawMessage
	must(t, store.GetMeta("/a", "id", &raw))
	equal(t, "what was read and written again", string(raw), `{"list":[18446744073709551615],"more":true,"n":9007199254740993}`)
	var typed struct{ N int64 }
	must(t, store.GetMeta("/a", "id", &typed))
	equal(t, "a number in an int64", typed.N, odd)
}
