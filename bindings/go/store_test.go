package nexus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"nexus"
)

// Whatever the tests do, in the end every object of the library was given back.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "NEXUS_") {
			os.Unsetenv(name)
		}
	}
	status := m.Run()
	if left := nexus.LiveObjects(); left != 0 {
		fmt.Fprintf(os.Stderr, "%d objects of the library are left open\n", left)
		status = 1
	}
	os.Exit(status)
}

// background is a context that could end, as those of real programs could: calls take the way of the derived handle.
func background(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx
}

// quick is a configuration for tests of what has nothing to do with durability.
func quick(t testing.TB) nexus.Config {
	return nexus.Config{DataDir: filepath.Join(t.TempDir(), "store"), Durability: "normal"}
}

func open(t testing.TB, config nexus.Config) *nexus.Store {
	t.Helper()
	store, err := nexus.Open(config)
	if err != nil {
		t.Fatalf("opening a store: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			t.Errorf("closing the store: %v", err)
		}
	})
	return store
}

func newStore(t testing.TB) *nexus.Store {
	t.Helper()
	return open(t, quick(t))
}

// adminWithMounts opens an admin's store with three mounts; it returns its directory, too.
func adminWithMounts(t testing.TB) (*nexus.Store, string) {
	t.Helper()
	config := quick(t)
	config.IsAdmin, config.AllowReadonlyWrites = true, true
	for _, name := range []string{"models", "data", "logs"} {
		config.Mounts = append(config.Mounts, nexus.Mount{Name: name, Path: "/" + name, Root: filepath.Join(t.TempDir(), name)})
	}
	return open(t, config), config.DataDir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func mustBe(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("the error is %v (%T), but should be %v", err, err, target)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s is %v, but should be %v", what, got, want)
	}
}

func write(t testing.TB, store *nexus.Store, path, content string) {
	t.Helper()
	must(t, store.Write(path, []byte(content)))
}

func content(t testing.TB, store *nexus.Store, path string) string {
	t.Helper()
	bytes, err := store.Read(path)
	must(t, err)
	return string(bytes)
}

func TestAStoreIsOpenedByConfigFileAndDiscovery(t *testing.T) {
	directory := t.TempDir()
	yaml := filepath.Join(directory, "nexus.yaml")
	must(t, os.WriteFile(yaml, []byte("data_dir: "+directory+"/store\ndurability: normal\n"), 0o600))

	store, err := nexus.OpenFile(yaml)
	must(t, err)
	write(t, store, "/a", "1")
	must(t, store.Close())

	store = open(t, nexus.Config{ConfigFile: yaml})
	equal(t, "the content", content(t, store, "/a"), "1")
	settings, err := store.Config()
	must(t, err)
	equal(t, "durability", string(settings["durability"].Value), `"normal"`)

	store, err = nexus.OpenJSON(fmt.Sprintf(`{"data_dir": %q}`, directory+"/store"))
	must(t, err)
	equal(t, "the content", content(t, store, "/a"), "1")
	must(t, store.Close())

	before, err := os.Getwd()
	must(t, err)
	must(t, os.Chdir(directory))
	defer os.Chdir(before)
	store, err = nexus.OpenDiscovered()
	must(t, err)
	equal(t, "the content", content(t, store, "/a"), "1")
	must(t, store.Close())
	store, err = nexus.Open(nexus.Config{ConfigFile: nexus.DiscoverConfig})
	must(t, err)
	equal(t, "the content", content(t, store, "/a"), "1")
	must(t, store.Close())
}

func TestEveryFieldOfTheConfigReachesTheLibrary(t *testing.T) {
	directory := t.TempDir()
	must(t, os.Mkdir(filepath.Join(directory, "bulk"), 0o700))
	store := open(t, nexus.Config{
		Mode:                "embedded",
		DataDir:             filepath.Join(directory, "store"),
		DBPath:              filepath.Join(directory, "meta.db"),
		TenantID:            nexus.Ptr("acme"),
		AgentID:             nexus.Ptr("bot"),
		IsAdmin:             true,
		AllowReadonlyWrites: true,
		StrictNamespaces:    nexus.Ptr(true),
		Namespaces:          []nexus.Namespace{{Name: "models", NoTenant: true}, {Name: "logs", Readonly: true, AdminOnly: true}},
		Mounts:              []nexus.Mount{{Name: "bulk", Path: "/models", Root: filepath.Join(directory, "bulk")}},
		Durability:          "normal",
		CacheSizeMB:         nexus.Ptr(0),
		InlineMaxBytes:      nexus.Ptr(0),
		BusyTimeout:         nexus.Ptr(1500 * time.Millisecond),
		Housekeeping:        nexus.Ptr(false),
		URL:                 "https://example.org",
		APIKey:              "secret",
		Timeout:             nexus.Ptr(2500 * time.Millisecond),
		EnableVectorSearch:  nexus.Ptr(false),
		EnableLLMCache:      nexus.Ptr(false),
	})
	settings, err := store.Config()
	must(t, err)
	for key, want := range map[string]string{
		"mode": `"embedded"`, "data_dir": fmt.Sprintf("%q", directory+"/store"), "db_path": fmt.Sprintf("%q", directory+"/meta.db"),
		"tenant_id": `"acme"`, "agent_id": `"bot"`, "is_admin": "true", "allow_readonly_writes": "true",
		"strict_namespaces": "true", "durability": `"normal"`, "cache_size_mb": "0", "inline_max_bytes": "0",
		"busy_timeout_ms": "1500", "housekeeping": "false", "url": `"https://example.org"`, "api_key": `"***"`, "timeout": "2.5",
		"enable_vector_search": "false", "enable_llm_cache": "false",
		"namespaces": `[{"admin_only":false,"name":"models","readonly":false,"remove":false,"requires_tenant":false},` +
			`{"admin_only":true,"name":"logs","readonly":true,"remove":false,"requires_tenant":true}]`,
		"mounts": fmt.Sprintf(`[{"backend":"local","name":"bulk","path":"/models","readonly":false,"root":%q}]`, directory+"/bulk"),
	} {
		setting, ok := settings[key]
		if !ok {
			t.Errorf("the effective configuration has no %s", key)
		} else if string(setting.Value) != want || setting.Source != "explicit" {
			t.Errorf("%s is %s (%s), but should be %s (explicit)", key, setting.Value, setting.Source, want)
		}
	}
}

func TestAnEmptyIdentityOpensNothing(t *testing.T) {
	config := quick(t)
	config.TenantID = nexus.Ptr("")
	_, err := nexus.Open(config)
	mustBe(t, err, nexus.ErrInvalidConfig)
	mustBe(t, err, fs.ErrInvalid)

	store := newStore(t)
	if _, err := store.WithIdentity("", "bot"); !errors.Is(err, fs.ErrInvalid) {
		t.Fatalf("an empty tenant was taken for none: %v", err)
	}
	if _, err := store.WithTenant(""); !errors.Is(err, fs.ErrInvalid) {
		t.Fatalf("an empty tenant was taken for none: %v", err)
	}
}

func TestIdentitiesAreNarrowedNeverWidened(t *testing.T) {
	store := newStore(t)
	acme, err := store.WithTenant("acme")
	must(t, err)
	defer acme.Close()
	bot, err := acme.WithAgent("bot")
	must(t, err)
	defer bot.Close()
	other, err := store.WithIdentity("techinc", "bot")
	must(t, err)
	defer other.Close()
	must(t, store.Close()) // they outlive it

	write(t, bot, "/workspace/acme/bot/notes", "mine")
	equal(t, "what the tenant reads", content(t, acme, "/workspace/acme/bot/notes"), "mine")
	_, err = other.Read("/workspace/acme/bot/notes")
	mustBe(t, err, nexus.ErrAccessDenied)
	mustBe(t, err, fs.ErrPermission)
	exists, err := other.Exists("/workspace/acme/bot/notes")
	must(t, err)
	equal(t, "whether it exists for another tenant", exists, false)
	_, err = bot.WithTenant("techinc")
	mustBe(t, err, fs.ErrPermission)
}

func TestAClosedStoreSaysSo(t *testing.T) {
	store := newStore(t)
	must(t, store.Close())
	_, readErr := store.Read("/a")
	_, _, listErr := store.ListPage(background(t), nexus.ListOptions{}, nexus.Page{})
	_, openErr := store.Open("/a")
	_, boundErr := store.WithContext(background(t)).Open("/a")
	_, narrowErr := store.WithTenant("acme")
	_, cloneErr := store.Clone()
	for what, err := range map[string]error{
		"Close": store.Close(), "Write": store.Write("/a", nil), "Read": readErr, "List": listErr, "Open": openErr,
		"Open with a context": boundErr, "WithTenant": narrowErr, "Clone": cloneErr, "Interrupt": store.Interrupt(),
	} {
		if !errors.Is(err, fs.ErrClosed) || !errors.Is(err, nexus.ErrMisuse) {
			t.Errorf("%s of a closed store: %v", what, err)
		}
	}
}

func TestForgottenObjectsAreClosedByTheGarbageCollector(t *testing.T) {
	before := nexus.LiveObjects()
	func() {
		config := quick(t)
		for range 10 {
			store, err := nexus.Open(config)
			must(t, err)
			write(t, store, "/a", "1")
			bound := store.WithContext(background(t))
			for _, store := range []*nexus.Store{store, bound} {
				_, err = store.Open("/a")
				must(t, err)
				_, err = store.Create("/b", nexus.WriteOptions{})
				must(t, err)
				_, err = store.NewBatch()
				must(t, err)
			}
		}
	}()
	collect(t, before)
}

// Nothing that is done with a store, or is not yet, keeps it.
func TestAForgottenStoreIsClosedWhateverWasDoneWithIt(t *testing.T) {
	config := quick(t)
	open(t, config)                                             // so that the engine stays
	for objects := uint64(0); objects != nexus.LiveObjects(); { // what earlier tests forgot
		objects = nexus.LiveObjects()
		runtime.GC()
		runtime.Gosched()
	}
	for what, use := range map[string]func(*nexus.Store) error{
		"nothing":       func(*nexus.Store) error { return nil },
		"a write":       func(s *nexus.Store) error { return s.Write("/a", nil) },
		"a timed write": func(s *nexus.Store) error { return s.WithContext(background(t)).Write("/a", nil) },
		"a closed one":  func(s *nexus.Store) error { return s.Close() },
		"an identity":   func(s *nexus.Store) error { return second(s.WithTenant("acme")) },
		"a context":     func(s *nexus.Store) error { s.WithContext(background(t)); return nil },
		"an interrupt":  func(s *nexus.Store) error { return s.Interrupt() },
		"a reader":      func(s *nexus.Store) error { return errors.Join(s.Write("/a", nil), second(s.Open("/a"))) },
		"a writer":      func(s *nexus.Store) error { return second(s.Create("/b", nexus.WriteOptions{})) },
		"a batch":       func(s *nexus.Store) error { return second(s.NewBatch()) },
		"a file of a view": func(s *nexus.Store) error {
			return errors.Join(s.Write("/a", nil), second(s.FS("/").Open("a")))
		},
		"a directory of a view": func(s *nexus.Store) error {
			directory, err := s.FS("/").Open(".")
			return errors.Join(err, second(directory.(fs.ReadDirFile).ReadDir(-1)))
		},
		"a loop that ended early": func(s *nexus.Store) error {
			for _, err := range s.List(context.Background(), nexus.ListOptions{}) {
				return err
			}
			return nil
		},
		"progress": func(s *nexus.Store) error {
			return second(s.GC(context.Background(), func(nexus.Progress) error { return s.Write("/a", nil) }))
		},
	} {
		t.Run(what, func(t *testing.T) {
			before := nexus.LiveObjects()
			func() {
				store, err := nexus.Open(config)
				must(t, err)
				must(t, use(store))
			}()
			collect(t, before)
		})
	}
}

// collect lets the garbage collector work until no more objects of the library are open.
func collect(t *testing.T, objects uint64) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); nexus.LiveObjects() > objects; {
		if time.Now().After(deadline) {
			t.Fatalf("%d objects are left", nexus.LiveObjects()-objects)
		}
		runtime.GC()
		runtime.Gosched()
	}
}

func TestErrorsNameWhatWentWrong(t *testing.T) {
	store := newStore(t)
	write(t, store, "/file", "1")
	must(t, store.MkdirAll("/dir/below"))
	create := nexus.WriteOptions{IfNoneMatch: true}
	etag := strings.Repeat("0", 64)
	second := func(_ any, err error) error { return err }
	batch, err := store.NewBatch()
	must(t, err)
	defer batch.Close()
	must(t, batch.Write("/new", nil, nexus.WriteOptions{}))
	must(t, batch.Delete("/missing"))

	admin := quick(t)
	admin.IsAdmin = true
	cases := []struct {
		what    string
		err     error
		status  nexus.Status
		is      []error
		path    string
		index   int
		message string
	}{
		{"a missing file", second(store.Read("/missing")), nexus.StatusNotFound, []error{fs.ErrNotExist}, "/missing", -1, "no such file"},
		{"a name taken", store.Mkdir("/dir"), nexus.StatusAlreadyExists, []error{fs.ErrExist}, "/dir", -1, "/dir"},
		{"a full directory", store.RemoveDir("/dir"), nexus.StatusNotEmpty, []error{fs.ErrExist}, "/dir", -1, "/dir"},
		{"a bad path", store.Write("/a/../b", nil), nexus.StatusInvalidPath, []error{fs.ErrInvalid}, "", -1, ".."},
		{"a bad argument", store.SetMeta("/file", "priority", "high"), nexus.StatusInvalidArgument, []error{fs.ErrInvalid}, "", -1, "priority"},
		{"system", store.Write("/system/x", nil), nexus.StatusAccessDenied, []error{fs.ErrPermission}, "/system/x", -1, "admin"},
		{"archives", store.Write("/archives/acme/x", nil), nexus.StatusReadOnly, []error{fs.ErrPermission}, "/archives/acme/x", -1, "read-only"},
		{"a condition", second(store.WriteWith("/file", nil, create)), nexus.StatusConflict, []error{nexus.ErrConflict}, "/file", -1, "/file"},
		{"an etag", second(store.WriteWith("/file", nil, nexus.WriteOptions{IfMatch: &etag})), nexus.StatusConflict, []error{nexus.ErrConflict}, "/file", -1, "etag"},
		{"a lease", second(store.WriteWith("/file", nil, nexus.WriteOptions{Lease: &nexus.Lease{Path: "/file", Token: 7}})), nexus.StatusLeaseLost, []error{nexus.ErrLeaseLost}, "/file", -1, "/file"},
		{"a file as a directory", store.Write("/file/below", nil), nexus.StatusNotADirectory, []error{nexus.ErrNotADirectory}, "/file", -1, "/file"},
		{"a directory as a file", store.Write("/dir", nil), nexus.StatusIsADirectory, []error{nexus.ErrIsADirectory}, "/dir", -1, "/dir"},
		{"a batch", second(batch.Commit()), nexus.StatusNotFound, []error{fs.ErrNotExist}, "/missing", 1, "/missing"},
		{"a cycle", second(nil, func() error {
			must(t, store.SetMeta("/file", "status", "ready"))
			return store.SetMeta("/file", "depends_on", "/file")
		}()), nexus.StatusCycle, []error{nexus.ErrCycle}, "/file", -1, "/file"},
		{"another mode", second(nexus.Open(nexus.Config{Mode: "distributed"})), nexus.StatusUnsupported, []error{errors.ErrUnsupported}, "", -1, "distributed"},
	}
	for _, c := range cases {
		var failed *nexus.Error
		if !errors.As(c.err, &failed) {
			t.Errorf("%s: %v is no *nexus.Error", c.what, c.err)
			continue
		}
		if failed.Status != c.status || !errors.Is(c.err, c.status) {
			t.Errorf("%s is %v (%v), but should be %v", c.what, failed.Status, failed, c.status)
		}
		for _, is := range c.is {
			if !errors.Is(c.err, is) {
				t.Errorf("%s: %v does not answer %v", c.what, c.err, is)
			}
		}
		for _, other := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid, fs.ErrClosed, context.Canceled} {
			if errors.Is(c.err, other) && !(len(c.is) > 0 && c.is[0] == other) {
				t.Errorf("%s: %v answers %v, too", c.what, c.err, other)
			}
		}
		if failed.Path != c.path && c.path != "" {
			t.Errorf("%s: the path is %q, but should be %q (%v)", c.what, failed.Path, c.path, failed)
		}
		if failed.Index != c.index {
			t.Errorf("%s: the index is %d, but should be %d", c.what, failed.Index, c.index)
		}
		if !strings.Contains(failed.Error(), c.message) || !strings.HasPrefix(failed.Error(), "nexus: ") {
			t.Errorf("%s: the message is %q, but should speak of %q", c.what, failed, c.message)
		}
	}
}

func TestStatusesHaveTheirNames(t *testing.T) {
	equal(t, "a name", nexus.StatusNotFound.String(), "NOT_FOUND")
	equal(t, "an error", nexus.ErrLeaseLost.Error(), "LEASE_LOST")
	equal(t, "an unknown one", nexus.Status(4711).String(), "unknown status")
	if nexus.Version() == "" {
		t.Error("the library has no version")
	}
	version := nexus.ABIVersion()
	equal(t, "the version of the interface", fmt.Sprintf("%d.%d", version>>16, version>>8&0xff), "0.1")
}
