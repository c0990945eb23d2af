package nexus_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"nexus"
)

// A tree with names whose order is not that of their paths with a slash, files and directories of each kind.
var tree = map[string]string{
	"hello.txt": "hello, world", "empty": "", "a/b/c.txt": "c", "a/b.txt": "b", "a-b": "dash", "a.txt": "dot",
	"ü/ß.md": "# Umlauts", "odd/100%_*?[x]{y}.txt": "odd", "deep/1/2/3/4/5/6/7": "down",
}

func treeStore(t *testing.T, root string) *nexus.Store {
	store := newStore(t)
	for name, content := range tree {
		write(t, store, root+"/"+name, content)
	}
	must(t, store.MkdirAll(root+"/made/empty"))
	for i := range 100 {
		write(t, store, fmt.Sprintf("%s/many/%02d", root, i), strings.Repeat("x", i))
	}
	must(t, store.Write(root+"/large", make([]byte, 70_000)))
	write(t, store, "/elsewhere/a.txt", "not in the view")
	return store
}

func treeNames() []string {
	names := []string{"made/empty", "many/00", "many/99", "large"}
	for name := range tree {
		names = append(names, name)
	}
	return names
}

func TestTheViewPassesTheTestsOfTheStandardLibrary(t *testing.T) {
	for _, root := range []string{"", "/shared/acme/project"} {
		store := treeStore(t, root)
		for name, store := range map[string]*nexus.Store{"plain": store, "with a context": store.WithContext(background(t))} {
			t.Run(name+" at "+root+"/", func(t *testing.T) {
				if err := fstest.TestFS(store.FS(root+"/"), treeNames()...); err != nil {
					t.Error(err)
				}
				sub, err := fs.Sub(store.FS("/"), strings.TrimPrefix(root+"/a", "/"))
				must(t, err)
				if err := fstest.TestFS(sub, "b/c.txt", "b.txt"); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// plainFS hides everything but Open, so that the standard library does the rest.
type plainFS struct{ fs fs.FS }

func (p plainFS) Open(name string) (fs.File, error) { return p.fs.Open(name) }

func TestGlobOfTheViewIsThatOfTheStandardLibrary(t *testing.T) {
	store := treeStore(t, "")
	write(t, store, "/odd/back\\slash", "which fstest.TestFS does not take for a name")
	view := store.FS("/")
	for _, pattern := range []string{
		"*", "*.txt", "a*", "a/*", "a/*/*", "*/*.txt", "many/[0-3]?", "many/[^0-8]*", "odd/*[[]*", `odd/100%_\*\?\[x]{y}.txt`,
		`odd/back\\slash`, "odd/{*", "{a,b}*", "**/*.txt", "deep/**", "ü/*", "?/*", "none/*", "none", "hello.txt", "a", ".", "*/", "/a", "",
		"a/../*", "./a*", "m*/e*", "many/00*",
	} {
		want, wantErr := fs.Glob(plainFS{view}, pattern)
		got, err := fs.Glob(view, pattern)
		if !slices.Equal(got, want) || (err == nil) != (wantErr == nil) {
			t.Errorf("%q gives %q (%v), but the standard library %q (%v)", pattern, got, err, want, wantErr)
		}
	}
	if _, err := fs.Glob(view, "["); err == nil {
		t.Error("a bad pattern was taken")
	}
}

func TestTheViewAnswersAsFileSystemsDo(t *testing.T) {
	store := treeStore(t, "")
	view := store.FS("/")
	for _, name := range []string{"none", "hello.txt/below", "contr\x07ol", "none/none", "e\u0301"} {
		_, openErr := view.Open(name)
		_, statErr := fs.Stat(view, name)
		_, readErr := fs.ReadFile(view, name)
		_, listErr := fs.ReadDir(view, name)
		for what, err := range map[string]error{"Open": openErr, "Stat": statErr, "ReadFile": readErr, "ReadDir": listErr} {
			var path *fs.PathError
			if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) || path.Path != name {
				t.Errorf("%s of %q: %v", what, name, err)
			}
		}
	}
	for _, name := range []string{"", "/", "/a", "a/", "../a", "a\x00"} {
		if _, err := view.Open(name); err == nil {
			t.Errorf("%q is no name, but was opened", name)
		}
	}
	_, err := fs.ReadFile(view, "a")
	mustBe(t, err, nexus.ErrIsADirectory)
	_, err = fs.ReadDir(view, "hello.txt")
	mustBe(t, err, nexus.ErrNotADirectory)

	narrow, err := store.WithIdentity("acme", "bot")
	must(t, err)
	defer narrow.Close()
	_, err = fs.ReadFile(narrow.FS("/"), "workspace/rival/bot/x")
	mustBe(t, err, fs.ErrPermission)

	info, err := fs.Stat(view, "hello.txt")
	must(t, err)
	entry := info.Sys().(*nexus.Entry)
	equal(t, "what Sys has", entry.Path, "/hello.txt")
	equal(t, "the mode", info.Mode(), fs.FileMode(0o444))

	// An open file keeps its content, and so does its size.
	file, err := view.Open("hello.txt")
	must(t, err)
	write(t, store, "/hello.txt", "something else that is longer")
	info, err = file.Stat()
	must(t, err)
	equal(t, "the size", info.Size(), 12)
	all, err := io.ReadAll(file)
	must(t, err)
	equal(t, "the content", string(all), "hello, world")
	must(t, file.Close())
	mustBe(t, file.Close(), fs.ErrClosed)
}

func TestTheViewServesHTTPAndCopiesOut(t *testing.T) {
	store := treeStore(t, "")
	server := httptest.NewServer(http.FileServerFS(store.FS("/")))
	defer server.Close()
	request, err := http.NewRequest("GET", server.URL+"/hello.txt", nil)
	must(t, err)
	request.Header.Set("Range", "bytes=7-11")
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	body, err := io.ReadAll(response.Body)
	must(t, err)
	response.Body.Close()
	equal(t, "a range by HTTP", string(body), "world")

	target := filepath.Join(t.TempDir(), "copy")
	must(t, os.CopyFS(target, store.FS("/")))
	for name, want := range tree {
		equal(t, name, mustRead(t, filepath.Join(target, name)), want)
	}
}
