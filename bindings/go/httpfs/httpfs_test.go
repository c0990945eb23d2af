package httpfs_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"nexus"
	"nexus/httpfs"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site serves a store with a few files.
func site(t *testing.T) (*nexus.Store, *httptest.Server) {
	store, err := nexus.Open(nexus.Config{DataDir: t.TempDir(), Durability: "normal"})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	must(t, store.Write("/site/hello.txt", []byte("hello, world")))
	must(t, store.Write("/site/docs/index.html", []byte("<h1>docs</h1>")))
	must(t, store.Write("/site/plain/file", []byte("x")))
	server := httptest.NewServer(httpfs.FileServer(store.FS("/site")))
	t.Cleanup(server.Close)
	return store, server
}

// get sends a request and returns status, ETag and body; it follows no redirect.
func get(t *testing.T, url string, header ...string) (int, string, string) {
	t.Helper()
	request, err := http.NewRequest("GET", url, nil)
	must(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, response.Header.Get("Etag"), string(body)
}

func expect(t *testing.T, what string, status, wantStatus int, got, want string) {
	t.Helper()
	if status != wantStatus || got != want {
		t.Errorf("%s: %d %q, expected %d %q", what, status, got, wantStatus, want)
	}
}

func TestFilesHaveTheHashOfTheStoreAsETag(t *testing.T) {
	store, server := site(t)
	for url, name := range map[string]string{"/hello.txt": "/site/hello.txt", "/docs/": "/site/docs/index.html"} {
		entry, err := store.Stat(name)
		must(t, err)
		status, etag, _ := get(t, server.URL+url)
		expect(t, url, status, 200, etag, `"`+entry.ETag+`"`)
	}
	for url, want := range map[string]int{"/none": 404, "/docs": 301, "/docs/index.html": 301, "/hello.txt/": 301, "/plain/": 200} {
		status, etag, _ := get(t, server.URL+url)
		expect(t, url, status, want, etag, "")
	}
}

func TestConditionsAndRangesGoByTheETag(t *testing.T) {
	store, server := site(t)
	url := server.URL + "/hello.txt"
	_, etag, _ := get(t, url)
	status, _, body := get(t, url, "If-None-Match", etag)
	expect(t, "unchanged", status, 304, body, "")
	status, _, body = get(t, url, "If-None-Match", `"other"`)
	expect(t, "changed", status, 200, body, "hello, world")
	status, _, body = get(t, url, "Range", "bytes=7-11", "If-Range", etag)
	expect(t, "a range of the same content", status, 206, body, "world")
	status, tag, _ := get(t, url, "If-Match", `"other"`)
	expect(t, "another content is asked for", status, 412, tag, etag)

	// Within the same second: the time does not distinguish them.
	must(t, store.Write("/site/hello.txt", []byte("HELLO, WORLD")))
	status, _, body = get(t, url, "Range", "bytes=7-11", "If-Range", etag)
	expect(t, "a range of what has changed", status, 200, body, "HELLO, WORLD")
	status, _, body = get(t, url, "If-None-Match", etag)
	expect(t, "what has changed", status, 200, body, "HELLO, WORLD")
}

func TestOtherFileSystemsAreServedAsBefore(t *testing.T) {
	store, _ := site(t)
	sub, err := fs.Sub(store.FS("/"), "site")
	must(t, err)
	for what, files := range map[string]fs.FS{"a view of a view": sub, "another": fstest.MapFS{"hello.txt": {Data: []byte("hello, world")}}} {
		server := httptest.NewServer(httpfs.FileServer(files))
		status, etag, body := get(t, server.URL+"/hello.txt")
		expect(t, what, status, 200, body, "hello, world")
		if (etag != "") != (what == "a view of a view") {
			t.Errorf("%s has the ETag %q", what, etag)
		}
		server.Close()
	}
}
