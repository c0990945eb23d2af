// Command embedded_demo is a tour of Nexus in eight parts: files, metadata, persistence, routing and directories, mounts,
// namespaces, isolation, deduplication.
//
//	embedded_demo [DATA_DIR]
//
// Without DATA_DIR the store lives in a temporary directory and goes at the end; a DATA_DIR should be new or empty.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"
	"path/filepath"

	"nexus"
)

var (
	ctx     = context.Background()
	dataDir string
)

// open opens the store with what the config adds to the data directory.
func open(config nexus.Config) *nexus.Store {
	config.DataDir = dataDir
	store, err := nexus.Open(config)
	check(err)
	return store
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// refused says that an error is the expected one, and prints it.
func refused(expected, err error) {
	var failed *nexus.Error
	if !errors.Is(err, expected) || !errors.As(err, &failed) {
		log.Fatalf("refused with %v, but expected %v", err, expected)
	}
	fmt.Println("  refused:", failed.Message)
}

func write(store *nexus.Store, path, text string) {
	check(store.Write(path, []byte(text)))
}

func printFile(store *nexus.Store, path string) {
	content, err := store.Read(path)
	check(err)
	fmt.Printf("  %s holds %q\n", path, content)
}

func printEntries(title string, entries iter.Seq2[nexus.Entry, error]) {
	any := false
	for entry, err := range entries {
		check(err)
		if !any {
			fmt.Printf("  %s:\n", title)
			any = true
		}
		if entry.IsDirectory() {
			fmt.Printf("    %s/\n", entry.Path)
		} else {
			fmt.Printf("    %s  %d bytes\n", entry.Path, entry.Size)
		}
	}
	if !any {
		fmt.Printf("  %s: nothing\n", title)
	}
}

func printAllFiles(title string, store *nexus.Store) {
	printEntries(title, store.List(ctx, nexus.ListOptions{Recursive: true}))
}

func printChildren(store *nexus.Store, path string) {
	printEntries(path, store.List(ctx, nexus.ListOptions{Path: path}))
}

func printExists(store *nexus.Store, path string) {
	exists, err := store.Exists(path)
	check(err)
	if exists {
		fmt.Printf("  %s exists\n", path)
	} else {
		fmt.Printf("  %s does not exist\n", path)
	}
}

func files() {
	store := open(nexus.Config{})
	defer store.Close()
	fmt.Println("\nPart 1: files")

	// A write makes the parents, and replaces what was there as a whole.
	write(store, "/documents/report.txt", "All is well")
	write(store, "/images/logo.svg", "<svg/>")
	printFile(store, "/documents/report.txt")

	check(store.Append("/documents/report.txt", []byte(", still")))
	printFile(store, "/documents/report.txt")

	start := make([]byte, 7)
	n, err := store.ReadAt("/documents/report.txt", start, 4)
	check(err)
	fmt.Printf("  %d bytes from offset 4: %q\n", n, start[:n])

	// Conditions are checked in the transaction that writes: of two writers with one etag, one wins.
	entry, err := store.Stat("/documents/report.txt")
	check(err)
	unchanged := nexus.WriteOptions{IfMatch: &entry.ETag}
	_, err = store.WriteWith("/documents/report.txt", []byte("Mine"), unchanged)
	check(err)
	_, err = store.WriteWith("/documents/report.txt", []byte("Yours"), unchanged)
	refused(nexus.ErrConflict, err)

	printAllFiles("all files", store)
	printEntries("prefix /images", store.List(ctx, nexus.ListOptions{Prefix: "/images", Recursive: true}))

	check(store.Delete("/images/logo.svg"))
	printExists(store, "/images/logo.svg")
	refused(os.ErrNotExist, store.Delete("/images/logo.svg"))
}

func metadata() {
	store := open(nexus.Config{})
	defer store.Close()
	fmt.Println("\nPart 2: metadata")

	// What the store keeps of every file.
	entry, err := store.Stat("/documents/report.txt")
	check(err)
	fmt.Printf("  size %d, version %d, %s\n", entry.Size, entry.Version, entry.MIMEType)
	fmt.Printf("  etag %s\n", entry.ETag)
	changed := "no"
	if !entry.ModifiedAt.Before(entry.CreatedAt) {
		changed = "yes"
	}
	fmt.Printf("  changed after it was made: %s\n", changed)

	// What you add: any JSON, under any key.
	check(store.SetMeta("/documents/report.txt", "author", "ada"))
	check(store.SetMetaMany("/documents/report.txt", json.RawMessage(`{"pages": 3, "review": {"by": "bob", "ok": true}}`)))
	var review json.RawMessage // or a struct
	check(store.GetMeta("/documents/report.txt", "review", &review))
	fmt.Printf("  review: %s\n", review)
	printEntries("written by ada", store.FindByMeta(ctx, "author", "ada", nexus.FindOptions{}))

	// The path id stays with the file through renames and overwrites.
	id, err := store.PathID("/documents/report.txt")
	check(err)
	check(store.Rename("/documents/report.txt", "/documents/final.txt"))
	path, err := store.PathOfID(id)
	check(err)
	fmt.Printf("  %s is now %s\n", id, path)
}

func persistence() {
	store := open(nexus.Config{})
	fmt.Println("\nPart 3: persistence")
	write(store, "/state/counter", "41")
	check(store.Close())
	fmt.Printf("  closed; open objects: %d\n", nexus.LiveObjects())

	store = open(nexus.Config{})
	defer store.Close()
	fmt.Println("  opened again")
	printFile(store, "/state/counter")
	var author string
	check(store.GetMeta("/documents/final.txt", "author", &author))
	fmt.Printf("  /documents/final.txt is still by %q\n", author)
}

func routingAndDirectories() {
	store := open(nexus.Config{})
	defer store.Close()
	fmt.Println("\nPart 4: routing and directories")

	// However it is spelt, a file has one name; and no path leads out of the store.
	write(store, "project//src/./main.c", "int main(void) { return 0; }")
	printFile(store, "/project/src/main.c")
	refused(nexus.ErrInvalidPath, store.Write("/project/../etc/passwd", []byte("x")))
	refused(nexus.ErrNotADirectory, store.Write("/project/src/main.c/below", []byte("x")))

	// A directory exists because it was made, or because something is in it.
	check(store.MkdirAll("/project/build/objects"))
	is, err := store.IsDirectory("/project/src")
	check(err)
	if is {
		fmt.Println("  /project/src is a directory")
	}
	write(store, "/project/notes.md", "# Notes\n\nTODO: write them\n")
	printChildren(store, "/project")

	printEntries("/project/**/*.{c,md}", store.Glob(ctx, "/project/**/*.{c,md}", nexus.FindOptions{}))
	matches, err := store.Grep(ctx, "TODO|FIXME", nexus.GrepOptions{})
	check(err)
	for _, match := range matches.Lines {
		fmt.Printf("  %s:%d: %s\n", match.Path, match.Line, match.Text)
	}

	// A tree moves or is copied at once, and no content is moved.
	check(store.Copy("/project", "/backup/monday"))
	check(store.Rename("/project/src", "/project/source"))
	printAllFiles("all files", store)

	refused(nexus.ErrNotEmpty, store.RemoveDir("/project"))
	check(store.RemoveTree("/project"))
	printExists(store, "/project")
	check(store.RemoveTree("/backup"))
}

func mounts() {
	fmt.Println("\nPart 5: mounts")

	// The content below /models goes to another directory: another disk, say. Metadata stays in the one database.
	bulk := nexus.Mount{Name: "bulk", Path: "/models", Root: dataDir + "-bulk"}
	check(os.Mkdir(bulk.Root, 0o700))
	store := open(nexus.Config{Mounts: []nexus.Mount{bulk}})
	write(store, "/models/classifier.bin", "weights")
	write(store, "/models-of-thought.txt", "not below /models")
	for _, path := range []string{"/models/classifier.bin", "/models-of-thought.txt"} {
		entry, err := store.Stat(path)
		check(err)
		fmt.Printf("  %s lives in %q\n", path, entry.BackendName)
	}

	// A rename from one backend to the other copies the content first; it still happens at once.
	check(store.Rename("/models-of-thought.txt", "/models/thought.txt"))
	printChildren(store, "/models")
	check(store.Close())

	// Without the mount the files are known, but their bytes are elsewhere.
	store = open(nexus.Config{})
	printChildren(store, "/models")
	_, err := store.Read("/models/classifier.bin")
	refused(nexus.ErrNotMounted, err)
	check(store.Close())

	bulk.Readonly = true
	store = open(nexus.Config{Mounts: []nexus.Mount{bulk}})
	printFile(store, "/models/classifier.bin")
	refused(nexus.ErrReadOnly, store.Write("/models/classifier.bin", []byte("x")))
	check(store.Close())
}

func tenantsAgentsNamespaces() {
	fmt.Println("\nPart 6: tenants, agents and namespaces")

	// The first segment of a path is its namespace. Five are built in; a config declares more, and they bind everyone who
	// opens the store from then on.
	agent1 := nexus.Config{TenantID: nexus.Ptr("acme"), AgentID: nexus.Ptr("agent1")}
	declaring := agent1
	declaring.Namespaces = []nexus.Namespace{{Name: "analytics"}, {Name: "audit", AdminOnly: true, NoTenant: true}}
	acme := open(declaring)
	defer acme.Close()

	write(acme, "/workspace/acme/agent1/plan.md", "1. Look around")
	write(acme, "/shared/acme/team.json", `{"project": "orbit"}`)
	write(acme, "/external/public.txt", "for everyone")
	write(acme, "/analytics/acme/daily.json", `{"revenue": 50000}`)
	printAllFiles("agent1 of acme sees", acme)

	refused(os.ErrPermission, acme.Write("/workspace/acme/agent2/plan.md", []byte("x")))
	refused(os.ErrPermission, acme.Write("/analytics/techinc/daily.json", []byte("x")))
	refused(os.ErrPermission, acme.Write("/audit/access.log", []byte("x")))
	refused(os.ErrPermission, acme.Write("/system/settings", []byte("x")))
	refused(nexus.ErrReadOnly, acme.Write("/archives/acme/2025.tar", []byte("x")))

	// An admin passes the bounds of tenants; what is read-only stays so, unless the config says otherwise.
	admin := open(nexus.Config{IsAdmin: true, AllowReadonlyWrites: true})
	defer admin.Close()
	write(admin, "/audit/access.log", "acme wrote a report")
	write(admin, "/archives/acme/2025.tar", "old things")
	printFile(acme, "/archives/acme/2025.tar")

	agent1.StrictNamespaces = nexus.Ptr(true)
	strict := open(agent1)
	defer strict.Close()
	refused(os.ErrPermission, strict.Write("/documents/memo.txt", []byte("x")))
}

func isolation() {
	host := open(nexus.Config{})
	defer host.Close()
	fmt.Println("\nPart 7: isolation end to end")

	// A host that serves many agents opens the store once and narrows a handle for each of them.
	narrow := func(tenant, agent string) *nexus.Store {
		store, err := host.WithIdentity(tenant, agent)
		check(err)
		return store
	}
	acme1, acme2, techinc := narrow("acme", "agent1"), narrow("acme", "agent2"), narrow("techinc", "agent1")
	defer acme1.Close()
	defer acme2.Close()
	defer techinc.Close()

	write(acme1, "/workspace/acme/agent1/secret.txt", "the formula")
	write(acme2, "/workspace/acme/agent2/draft.txt", "a draft")
	write(techinc, "/workspace/techinc/agent1/secret.txt", "another formula")

	// Another tenant can neither read a file nor tell whether there is one.
	_, err := techinc.Read("/workspace/acme/agent1/secret.txt")
	refused(os.ErrPermission, err)
	_, err = techinc.Read("/workspace/acme/agent1/no-such-file")
	refused(os.ErrPermission, err)
	printExists(techinc, "/workspace/acme/agent1/secret.txt")
	printEntries("techinc finds /workspace/**/secret.txt", techinc.Glob(ctx, "/workspace/**/secret.txt", nexus.FindOptions{}))

	// A hash is no key: of content that it may not read, a handle learns nothing.
	entry, err := acme1.Stat("/workspace/acme/agent1/secret.txt")
	check(err)
	_, err = techinc.ContentInfo(entry.ETag)
	refused(os.ErrNotExist, err)

	// Nor can it remove what it does not see from above.
	refused(os.ErrPermission, techinc.RemoveTree("/workspace"))

	// Agents of one tenant work apart in /workspace and together in /shared.
	_, err = acme2.Read("/workspace/acme/agent1/secret.txt")
	refused(os.ErrPermission, err)
	write(acme1, "/shared/acme/handover.txt", "over to you")
	printFile(acme2, "/shared/acme/handover.txt")

	// A handle can be narrowed, never widened.
	_, err = techinc.WithTenant("acme")
	refused(os.ErrPermission, err)
}

func deduplication() {
	store := open(nexus.Config{})
	defer store.Close()
	fmt.Println("\nPart 8: deduplication")

	const data = "This is important data"
	write(store, "/reports/a.txt", data)
	write(store, "/reports/b.txt", data)
	check(store.Copy("/reports/b.txt", "/reports/c.txt"))
	entry, err := store.Stat("/reports/a.txt")
	check(err)
	printReferences := func() {
		info, err := store.ContentInfo(entry.ETag)
		check(err)
		fmt.Printf("  stored once, %d bytes, reference count %d\n", info.Size, info.RefCount)
	}
	printReferences()

	// The same bytes again are no further reference; other bytes give one back.
	write(store, "/reports/a.txt", data)
	printReferences()
	write(store, "/reports/c.txt", "Something else")
	printReferences()

	// Content goes with the last file that holds it.
	check(store.Delete("/reports/a.txt"))
	printReferences()
	printFile(store, "/reports/b.txt")
	check(store.Delete("/reports/b.txt"))
	_, err = store.ContentInfo(entry.ETag)
	refused(os.ErrNotExist, err)
}

func main() {
	log.SetFlags(0)
	switch len(os.Args) {
	case 1:
		scratch, err := os.MkdirTemp("", "nexus-example-")
		check(err)
		defer os.RemoveAll(scratch)
		dataDir = filepath.Join(scratch, "store")
	case 2:
		dataDir = os.Args[1]
	default:
		log.Fatalf("usage: %s [DATA_DIR]", os.Args[0])
	}

	fmt.Println("Nexus", nexus.Version())
	files()
	metadata()
	persistence()
	routingAndDirectories()
	mounts()
	tenantsAgentsNamespaces()
	isolation()
	deduplication()
	if nexus.LiveObjects() == 0 {
		fmt.Println("\nDone; every object was freed.")
	}
}
