// Package httpfs serves files of a store by HTTP, with the ETags that the store knows.
package httpfs

import (
	"io/fs"
	"net/http"
	"path"
	"strings"

	"nexus"
)

// FileServer is [http.FileServerFS] for a view of [nexus.Store.FS], or for what [fs.Sub] makes of one. Every file is sent with an
// ETag: the SHA-256 of its content. So If-None-Match and If-Match work, and If-Range, which resumes a download only where it
// is still the same content. Times alone do not distinguish two changes within a second.
//
// A file of another file system is sent without one.
func FileServer(files fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.FileServerFS(&tagging{files, w, r}).ServeHTTP(w, r)
	})
}

// tagging is a file system for one request: the file that is opened last is the one that is served.
type tagging struct {
	fs.FS
	w http.ResponseWriter
	r *http.Request
}

func (t *tagging) Open(name string) (fs.File, error) {
	file, err := t.FS.Open(name)
	if err != nil {
		return nil, err
	}
	t.w.Header().Del("Etag")
	// A file by a name with a slash at its end is not served, but redirected to.
	if strings.HasSuffix(t.r.URL.Path, "/") && path.Base(name) != "index.html" {
		return file, nil
	}
	// That of the open file: what is at its name may be another one already.
	if info, err := file.Stat(); err == nil {
		if entry, ok := info.Sys().(*nexus.Entry); ok && entry.ETag != "" {
			t.w.Header().Set("Etag", `"`+entry.ETag+`"`)
		}
	}
	return file, nil
}
