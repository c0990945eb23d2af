package nexus_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"nexus"
)

func paths(t testing.TB) func([]nexus.Entry, error) string {
	return func(entries []nexus.Entry, err error) string {
		t.Helper()
		must(t, err)
		var paths []string
		for _, entry := range entries {
			paths = append(paths, entry.Path)
		}
		return strings.Join(paths, " ")
	}
}

func TestListsGlobsAndSearchesByMetadata(t *testing.T) {
	store := newStore(t)
	ctx := background(t)
	for _, path := range []string{"/data/a.txt", "/data/b/c.txt", "/database", "/data/%_*"} {
		write(t, store, path, path)
	}
	must(t, store.Mkdir("/data/empty"))
	must(t, store.SetMeta("/data/b/c.txt", "author", "ada"))
	equal(t, "the children", paths(t)(collected(store.List(ctx, nexus.ListOptions{Path: "/data"}))),
		"/data/%_* /data/a.txt /data/b /data/empty")
	equal(t, "all files", paths(t)(collected(store.List(ctx, nexus.ListOptions{Recursive: true}))),
		"/data/%_* /data/a.txt /data/b/c.txt /database")
	equal(t, "with directories", paths(t)(collected(store.List(ctx, nexus.ListOptions{Path: "/data", Recursive: true, IncludeDirectories: true}))),
		"/data/%_* /data/a.txt /data/b /data/b/c.txt /data/empty")
	equal(t, "a prefix", paths(t)(collected(store.List(ctx, nexus.ListOptions{Prefix: "/datab", Recursive: true}))), "/database")
	equal(t, "a glob", paths(t)(collected(store.Glob(ctx, "**/*.txt", nexus.FindOptions{Base: "/data"}))), "/data/a.txt /data/b/c.txt")
	equal(t, "a search", paths(t)(collected(store.FindByMeta(ctx, "author", "ada", nexus.FindOptions{}))), "/data/b/c.txt")
	for _, err := range store.List(ctx, nexus.ListOptions{Path: "/missing"}) {
		mustBe(t, err, fs.ErrNotExist)
	}
	for _, err := range store.Glob(ctx, "[", nexus.FindOptions{}) {
		mustBe(t, err, fs.ErrInvalid)
	}
	_, _, err := store.ListPage(ctx, nexus.ListOptions{}, nexus.Page{Limit: -1})
	mustBe(t, err, fs.ErrInvalid)
	_, _, err = store.ListPage(ctx, nexus.ListOptions{}, nexus.Page{Cursor: "none of yours"})
	mustBe(t, err, fs.ErrInvalid)

	ids, err := store.ContentIDs([]string{"/database", "/missing", "/data/a.txt"})
	must(t, err)
	entry, err := store.Stat("/database")
	must(t, err)
	if ids[0] != entry.ETag || ids[1] != "" || len(ids[2]) != 64 {
		t.Errorf("the content ids are %q", ids)
	}
	ids, err = store.ContentIDs(nil)
	must(t, err)
	equal(t, "the number of ids", len(ids), 0)
}

func TestAPrefixListsAllPathsThatBeginWithIt(t *testing.T) {
	store := newStore(t)
	ctx := background(t)
	for _, path := range []string{"/data/a", "/data/b/c", "/database", "/other"} {
		write(t, store, path, path)
	}
	for _, recursive := range []bool{false, true} {
		options := nexus.ListOptions{Prefix: "/data", Recursive: recursive}
		equal(t, "the files", paths(t)(collected(store.List(ctx, options))), "/data/a /data/b/c /database")
		options.IncludeDirectories = true
		equal(t, "with directories", paths(t)(collected(store.List(ctx, options))), "/data /data/a /data/b /data/b/c /database")
	}
	for _, path := range []string{"/", "/data"} {
		_, _, err := store.ListPage(ctx, nexus.ListOptions{Path: path, Prefix: "/data"}, nexus.Page{})
		mustBe(t, err, nexus.ErrInvalidArgument)
	}
}

func TestAnIterationReadsAllPagesInOrderAndMayEndEarly(t *testing.T) {
	store := newStore(t)
	manyFiles(t, store, 7000)
	ctx := background(t)
	before := nexus.LiveObjects()
	var all []string
	for entry, err := range store.List(ctx, nexus.ListOptions{Recursive: true}) {
		must(t, err)
		all = append(all, entry.Path)
		if len(entry.ETag) != 64 || len(entry.PathID) != 36 || entry.MIMEType != "text/plain" || entry.BackendName != "local" {
			t.Fatalf("a row is %+v", entry)
		}
		must(t, store.WithContext(ctx).Write("/many/extra.txt", nil)) // the body may use the store
	}
	// The extra file comes behind the others.
	equal(t, "the number of files", len(all), 7001)
	if !slices.IsSorted(all) {
		t.Error("the files are not in order")
	}
	seen := 0
	for _, err := range store.List(ctx, nexus.ListOptions{Recursive: true}) {
		must(t, err)
		if seen++; seen == 70 {
			break
		}
	}
	equal(t, "the number of objects that are open", nexus.LiveObjects(), before)

	var byPages []string
	for page := (nexus.Page{Limit: 999}); ; {
		entries, next, err := store.ListPage(ctx, nexus.ListOptions{Recursive: true}, page)
		must(t, err)
		for _, entry := range entries {
			byPages = append(byPages, entry.Path)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if !slices.Equal(all, byPages) {
		t.Error("pages have other files than the iteration")
	}
}

func TestGrepFindsLines(t *testing.T) {
	store := newStore(t)
	ctx := background(t)
	write(t, store, "/src/a.c", "one\ntwo TODO three\n")
	write(t, store, "/src/b.txt", "todo\r\n\xffTODO")
	write(t, store, "/src/c.bin", "\x00TODO")
	matches, err := store.Grep(ctx, "T.DO", nexus.GrepOptions{Base: "/src"})
	must(t, err)
	want := nexus.Matches{SkippedFiles: 1, Lines: []nexus.Match{
		{Path: "/src/a.c", Line: 2, Text: "two TODO three", Start: 4, End: 8},
		{Path: "/src/b.txt", Line: 2, Text: "\ufffdTODO", Start: 3, End: 7},
	}}
	equal(t, "what is found", fmt.Sprint(matches), fmt.Sprint(want))
	matches, err = store.Grep(ctx, "todo", nexus.GrepOptions{FilePattern: "src/*.txt", IgnoreCase: true, MaxMatches: 1})
	must(t, err)
	if len(matches.Lines) != 1 || matches.Lines[0].Text != "todo" || !matches.Truncated {
		t.Errorf("one match ignoring case is %+v", matches)
	}
	matches, err = store.Grep(ctx, "TODO", nexus.GrepOptions{MaxBytes: 1})
	must(t, err)
	equal(t, "whether it was ended", matches.Truncated, true)
	_, err = store.Grep(ctx, "(", nexus.GrepOptions{})
	mustBe(t, err, fs.ErrInvalid)
	_, err = store.Grep(ctx, "x", nexus.GrepOptions{MaxMatches: -1})
	mustBe(t, err, fs.ErrInvalid)
}

func TestMoreMatchesThanOneCallTakesOut(t *testing.T) {
	store := newStore(t)
	write(t, store, "/lines", strings.Repeat("a line\n", 700))
	matches, err := store.Grep(context.Background(), "line", nexus.GrepOptions{})
	must(t, err)
	equal(t, "the number of lines", len(matches.Lines), 700)
	equal(t, "the last", matches.Lines[699].Line, 700)
	var missing []string
	for i := range 700 {
		missing = append(missing, fmt.Sprintf("/missing/%d", i))
	}
	ids, err := store.ContentIDs(append(missing, "/lines"))
	must(t, err)
	equal(t, "the number of ids", len(ids), 701)
	equal(t, "the length of the last", len(ids[700]), 64)
}

// Every argument that is a text is refused with a NUL, whose end C would not see.
func TestTextsWithANULAreRefused(t *testing.T) {
	store := newStore(t)
	write(t, store, "/a", "1")
	ctx := background(t)
	batch, err := store.NewBatch()
	must(t, err)
	defer batch.Close()
	third := func(_ []nexus.Entry, _ string, err error) error { return err }
	options := nexus.WriteOptions{}
	const path = "/a\x00/../../secret"
	for what, err := range map[string]error{
		"Write": store.Write(path, nil), "WriteWith": second(store.WriteWith(path, nil, options)),
		"Append": store.Append(path, nil), "AppendWith": second(store.AppendWith(path, nil, options)),
		"Read": second(store.Read(path)), "ReadAt": second(store.ReadAt(path, nil, 0)), "Stat": second(store.Stat(path)),
		"Exists": second(store.Exists(path)), "IsDirectory": second(store.IsDirectory(path)),
		"Delete": store.Delete(path), "DeleteWith": store.DeleteWith(path, options),
		"Rename from": store.Rename(path, "/b"), "Rename to": store.Rename("/a", path),
		"RenameWith": store.RenameWith("/a", path, 0, options),
		"Copy from":  store.Copy(path, "/b"), "Copy to": store.Copy("/a", path), "CopyWith": store.CopyWith("/a", path, 0, options),
		"Mkdir": store.Mkdir(path), "MkdirAll": store.MkdirAll(path), "RemoveDir": store.RemoveDir(path), "RemoveTree": store.RemoveTree(path),
		"Open": second(store.Open(path)), "Create": second(store.Create(path, options)),
		"ContentIDs": second(store.ContentIDs([]string{"/a", path})), "SetMeta": store.SetMeta(path, "k", 1),
		"SetMetaWith": store.SetMetaWith(path, "k", 1, options), "SetMetaMany": store.SetMetaMany(path, map[string]int{}),
		"GetMeta": store.GetMeta(path, "k", new(any)), "ListMeta": second(store.ListMeta(path)), "DeleteMeta": store.DeleteMeta(path, "k"),
		"PathID": second(store.PathID(path)), "ExplainWork": second(store.ExplainWork(path)),
		"a lease": second(store.WriteWith("/a", nil, nexus.WriteOptions{Lease: &nexus.Lease{Path: path, Token: 1}})),
		"a batch": batch.Write(path, nil, options), "its append": batch.Append(path, nil, options), "its delete": batch.Delete(path),
		"its rename": batch.Rename("/a", path, 0), "its copy": batch.Copy(path, "/b", 0), "its mkdir": batch.Mkdir(path, 0),
		"its set_meta": batch.SetMeta(path, "k", 1), "its set_meta_many": batch.SetMetaMany(path, nil), "its delete_meta": batch.DeleteMeta(path, "k"),
		"its etag": batch.RequireETag(path, ""), "its absence": batch.RequireAbsent(path), "its lease": batch.RequireLease(nexus.Lease{Path: path, Token: 1}),
	} {
		if status, ok := err.(*nexus.Error); !ok || status.Status != nexus.StatusInvalidPath || !strings.Contains(status.Message, `/a\x00/`) {
			t.Errorf("%s of a path with a NUL: %v", what, err)
		}
	}
	const text = "a\x00b"
	raw := []byte("\"\x00\"")
	for what, err := range map[string]error{
		"OpenJSON": second(nexus.OpenJSON(text)), "OpenFile": second(nexus.OpenFile(text)), "WithTenant": second(store.WithTenant(text)),
		"WithAgent": second(store.WithAgent(text)), "List path": third(store.ListPage(ctx, nexus.ListOptions{Path: text}, nexus.Page{})),
		"List prefix": third(store.ListPage(ctx, nexus.ListOptions{Prefix: text}, nexus.Page{})),
		"List cursor": third(store.ListPage(ctx, nexus.ListOptions{}, nexus.Page{Cursor: text})),
		"Glob":        third(store.GlobPage(ctx, text, nexus.FindOptions{}, nexus.Page{})),
		"Glob base":   third(store.GlobPage(ctx, "*", nexus.FindOptions{Base: text}, nexus.Page{})),
		"Find key":    third(store.FindByMetaPage(ctx, text, 1, nexus.FindOptions{}, nexus.Page{})),
		"Find value":  third(store.FindByMetaPage(ctx, "k", rawJSON(raw), nexus.FindOptions{}, nexus.Page{})),
		"Grep":        second(store.Grep(ctx, text, nexus.GrepOptions{})),
		"Grep base":   second(store.Grep(ctx, "x", nexus.GrepOptions{Base: text})),
		"Grep files":  second(store.Grep(ctx, "x", nexus.GrepOptions{FilePattern: text})),
		"MIME type":   second(store.WriteWith("/a", nil, nexus.WriteOptions{MIMEType: text})),
		"etag":        second(store.WriteWith("/a", nil, nexus.WriteOptions{IfMatch: nexus.Ptr(text)})),
		"key":         store.SetMeta("/a", text, 1), "value": store.SetMeta("/a", "k", rawJSON(raw)),
		"GetMeta": store.GetMeta("/a", text, new(any)), "DeleteMeta": store.DeleteMeta("/a", text),
		"PathOfID": second(store.PathOfID(text)), "ContentInfo": second(store.ContentInfo(text)), "WorkStats": second(store.WorkStats(text)),
		"Export":        second(store.ExportMetadata(ctx, text, nexus.ExportOptions{})),
		"Export prefix": second(store.ExportMetadata(ctx, "/tmp/x", nexus.ExportOptions{Prefix: text})),
		"Export tenant": second(store.ExportMetadata(ctx, "/tmp/x", nexus.ExportOptions{TenantID: text})),
		"Import":        second(store.ImportMetadata(ctx, text, nexus.ImportOptions{})),
	} {
		if status, ok := err.(*nexus.Error); !ok || !strings.Contains(status.Message, "NUL") {
			t.Errorf("%s with a NUL: %v", what, err)
		} else {
			mustBe(t, err, fs.ErrInvalid)
		}
	}
	equal(t, "the content", content(t, store, "/a"), "1")
}
