package nexus_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nexus"
)

// What every host must answer; tests/vectors/README.md says what stands in the files.
const vectors = "../../tests/vectors"

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors, name))
	must(t, err)
	must(t, json.Unmarshal(text, into))
}

type object = map[string]any

func TestVectorsOfPaths(t *testing.T) {
	var file struct{ Cases []object }
	readVectors(t, "paths.json", &file)
	if len(file.Cases) == 0 {
		t.Fatal("there are no cases")
	}
	store := newStore(t)
	for _, c := range file.Cases {
		t.Run(c["name"].(string), func(t *testing.T) {
			input := repeated(c["input"])
			if bytes, ok := c["input_hex"].(string); ok {
				decoded, err := hex.DecodeString(bytes)
				must(t, err)
				input = string(decoded)
			}
			if status, ok := c["status"].(string); ok {
				reason, _ := c["reason"].(string)
				for call, err := range map[string]error{
					"write": store.Write(input, nil), "stat": second(store.Stat(input)), "exists": second(store.Exists(input)),
				} {
					expectStatus(t, call, err, status, reason)
				}
				return
			}
			normalised := repeated(c["normalised"])
			if normalised != "/" {
				must(t, store.Write(input, nil))
			}
			for _, path := range []string{input, normalised} {
				entry, err := store.Stat(path)
				must(t, err)
				equal(t, "the path", entry.Path, normalised)
			}
			if normalised != "/" {
				must(t, store.Delete(normalised))
			}
		})
	}
}

// repeated puts a text together that may be given as pairs of a text and how often it stands there.
func repeated(input any) string {
	pairs, ok := input.([]any)
	if !ok {
		text, _ := input.(string)
		return text
	}
	var all strings.Builder
	for _, pair := range pairs {
		pair := pair.([]any)
		all.WriteString(strings.Repeat(pair[0].(string), int(pair[1].(float64))))
	}
	return all.String()
}

func expectStatus(t *testing.T, call string, err error, status, message string) {
	t.Helper()
	var failed *nexus.Error
	switch {
	case status == "OK" && err == nil:
	case !errors.As(err, &failed):
		t.Fatalf("%s: the error is %v, but should be %s", call, err, status)
	case failed.Status.String() != status:
		t.Fatalf("%s: %s (%v), but should be %s", call, failed.Status, failed, status)
	case !strings.Contains(failed.Message, message):
		t.Fatalf("%s: the message %q should contain %q", call, failed.Message, message)
	}
}

func TestVectorsOfScenarios(t *testing.T) {
	for _, name := range []string{"access.json", "globs.json", "work.json", "errors.json"} {
		var file struct {
			Scenarios []struct {
				Name    string
				Handles []struct {
					Name   string
					Config object
				}
				Files []string
				Steps []object
			}
		}
		readVectors(t, name, &file)
		if len(file.Scenarios) == 0 {
			t.Fatalf("%s has no scenarios", name)
		}
		for _, s := range file.Scenarios {
			t.Run(strings.TrimSuffix(name, ".json")+"/"+s.Name, func(t *testing.T) {
				run := scenario{t: t, ctx: background(t), directory: t.TempDir(), stores: map[string]*nexus.Store{}, saved: object{}}
				defer run.close()
				if len(s.Handles) == 0 {
					run.connect("main", object{})
				}
				for _, handle := range s.Handles {
					run.connect(handle.Name, handle.Config)
				}
				for _, path := range s.Files {
					must(t, run.stores[run.first].Write(path, []byte(path)))
				}
				for i, step := range s.Steps {
					run.step(i, step)
				}
			})
		}
	}
}

type scenario struct {
	t         *testing.T
	ctx       context.Context
	directory string
	first     string
	stores    map[string]*nexus.Store
	saved     object
}

func (s *scenario) close() {
	for _, store := range s.stores {
		store.Close()
	}
}

func (s *scenario) connect(name string, config object) {
	s.t.Helper()
	must(s.t, s.open(name, config))
	if s.first == "" {
		s.first = name
	}
}

func (s *scenario) open(name string, given object) error {
	config := object{"data_dir": filepath.Join(s.directory, "store"), "durability": "normal", "housekeeping": false}
	for key, value := range given {
		config[key] = value
	}
	text, err := json.Marshal(config)
	must(s.t, err)
	return s.keep(name)(nexus.OpenJSON(string(text)))
}

func (s *scenario) keep(name string) func(*nexus.Store, error) error {
	return func(store *nexus.Store, err error) error {
		if err == nil {
			if s.stores[name] != nil {
				s.stores[name].Close()
			}
			s.stores[name] = store
		}
		return err
	}
}

func (s *scenario) step(i int, given object) {
	s.t.Helper()
	step := s.substituted(given).(object)
	args := arguments{step}
	if _, has := step["lease_path"]; args.flag("untyped") && args.has("lease") && !has {
		return // a lease without its path cannot be said in Go
	}
	if args.flag("untyped") && args.text("call") == "work_claim" {
		return // 0 stands for the default there
	}
	name := args.text("as")
	if name == "" {
		name = s.first
	}
	what := fmt.Sprintf("step %d, %v", i+1, given)
	status := args.text("status")
	if status == "" {
		status = "OK"
	}
	result, err := s.call(s.stores[name], args)
	expectStatus(s.t, what, err, status, args.text("message"))
	if args.has("index") {
		equal(s.t, what+": the index", err.(*nexus.Error).Index, args.number("index"))
	}
	plain := asJSON(s.t, result)
	if want, ok := step["returns"]; ok {
		if difference := differs(plain, want); difference != "" {
			s.t.Fatalf("%s: %s\nthe call gave %v", what, difference, plain)
		}
	}
	if save := args.text("save"); save != "" {
		switch given := plain.(type) {
		case object:
			s.saved[save] = given["etag"]
		case []any:
			s.saved[save] = given[0].(object)["lease"]
		default:
			s.saved[save] = given
		}
	}
}

// substituted replaces what is $NAME.
func (s *scenario) substituted(value any) any {
	switch value := value.(type) {
	case string:
		if name, ok := strings.CutPrefix(value, "$"); ok {
			if saved, ok := s.saved[name]; ok {
				return saved
			}
		}
	case []any:
		all := make([]any, len(value))
		for i, element := range value {
			all[i] = s.substituted(element)
		}
		return all
	case object:
		all := object{}
		for key, element := range value {
			all[key] = s.substituted(element)
		}
		return all
	}
	return value
}

// arguments are the keys of a step.
type arguments struct{ of object }

func (a arguments) has(key string) bool    { _, ok := a.of[key]; return ok }
func (a arguments) text(key string) string { text, _ := a.of[key].(string); return text }
func (a arguments) flag(key string) bool   { flag, _ := a.of[key].(bool); return flag }

func (a arguments) number(key string) int { number, _ := a.of[key].(float64); return int(number) }

func (a arguments) limit() int {
	if a.has("limit") {
		return a.number("limit")
	}
	return 100
}

// value is any JSON: as a value under the key, or as a text under the key and "_text".
func (a arguments) value(key string) any {
	if a.has(key + "_text") {
		return json.RawMessage(a.text(key + "_text"))
	}
	return a.of[key]
}

func (a arguments) lease() nexus.Lease {
	return nexus.Lease{Path: a.text("path"), Token: uint64(a.number("lease"))}
}

func (a arguments) milliseconds(key string) time.Duration {
	return time.Duration(a.number(key)) * time.Millisecond
}

func (a arguments) options() (options nexus.WriteOptions) {
	if a.has("if_match") {
		options.IfMatch = nexus.Ptr(a.text("if_match"))
	}
	options.IfNoneMatch = a.flag("if_none_match")
	options.MIMEType = a.text("mime_type")
	if a.has("lease") {
		options.Lease = &nexus.Lease{Path: a.text("lease_path"), Token: uint64(a.number("lease"))}
	}
	return options
}

func (a arguments) moveFlags() (flags nexus.MoveFlags) {
	if a.flag("no_replace") {
		flags |= nexus.NoReplace
	}
	return flags
}

func (a arguments) mkdirFlags() (flags nexus.MkdirFlags) {
	if a.flag("parents") {
		flags |= nexus.MkdirParents
	}
	if a.flag("exist_ok") {
		flags |= nexus.MkdirExistOK
	}
	return flags
}

func (s *scenario) call(store *nexus.Store, a arguments) (any, error) {
	path := a.text("path")
	find := nexus.FindOptions{Base: a.text("base")}
	page := nexus.Page{Limit: a.number("limit"), Cursor: a.text("cursor")}
	switch call := a.text("call"); call {
	case "connect":
		if a.has("config_text") {
			return nil, s.keep(a.text("handle"))(nexus.OpenJSON(a.text("config_text")))
		}
		return nil, s.open(a.text("handle"), a.of["config"].(object))
	case "with_identity":
		keep := s.keep(a.text("handle"))
		switch {
		case a.has("tenant") && a.has("agent"):
			return nil, keep(store.WithIdentity(a.text("tenant"), a.text("agent")))
		case a.has("agent"):
			return nil, keep(store.WithAgent(a.text("agent")))
		case a.has("tenant"):
			return nil, keep(store.WithTenant(a.text("tenant")))
		default:
			return nil, keep(store.WithoutAdmin())
		}
	case "close":
		return nil, store.Close()
	case "write":
		return results(store.WriteWith(path, []byte(a.text("data")), a.options()))
	case "append":
		return results(store.AppendWith(path, []byte(a.text("data")), a.options()))
	case "read":
		content, err := store.Read(path)
		return string(content), err
	case "read_at":
		buf := make([]byte, a.number("length"))
		n, err := store.ReadAt(path, buf, int64(a.number("offset")))
		if n < len(buf) && !errors.As(err, new(*nexus.Error)) {
			err = nil // io.EOF
		}
		return string(buf[:n]), err
	case "stat":
		return results(store.Stat(path))
	case "exists":
		return results(store.Exists(path))
	case "is_directory":
		return results(store.IsDirectory(path))
	case "delete":
		return nil, store.DeleteWith(path, a.options())
	case "rename":
		return nil, store.RenameWith(a.text("from"), a.text("to"), a.moveFlags(), a.options())
	case "copy":
		return nil, store.CopyWith(a.text("from"), a.text("to"), a.moveFlags(), a.options())
	case "mkdir":
		return nil, store.MkdirWith(path, a.mkdirFlags())
	case "rmdir":
		if a.flag("recursive") {
			return nil, store.RemoveTree(path)
		}
		return nil, store.RemoveDir(path)
	case "list":
		options := nexus.ListOptions{Path: path, Prefix: a.text("prefix"), Recursive: true, IncludeDirectories: a.flag("include_directories")}
		if a.has("recursive") {
			options.Recursive = a.flag("recursive")
		}
		if !a.has("limit") && !a.has("cursor") {
			return collected(store.List(s.ctx, options))
		}
		entries, _, err := store.ListPage(s.ctx, options, page)
		return entries, err
	case "glob":
		if !a.has("limit") {
			return collected(store.Glob(s.ctx, a.text("pattern"), find))
		}
		entries, _, err := store.GlobPage(s.ctx, a.text("pattern"), find, page)
		return entries, err
	case "find_by_meta":
		entries, _, err := store.FindByMetaPage(s.ctx, a.text("key"), a.value("value"), find, page)
		return entries, err
	case "grep":
		matches, err := store.Grep(s.ctx, a.text("pattern"), nexus.GrepOptions{
			Base: a.text("base"), FilePattern: a.text("file_pattern"), IgnoreCase: a.flag("ignore_case"), Literal: a.flag("literal"),
			MaxMatches: a.number("max_matches"),
		})
		return matches.Lines, err
	case "content_ids":
		var paths []string
		for _, path := range a.of["paths"].([]any) {
			paths = append(paths, path.(string))
		}
		ids, err := store.ContentIDs(paths)
		var orNull []any
		for _, id := range ids {
			if id == "" {
				orNull = append(orNull, nil)
			} else {
				orNull = append(orNull, id)
			}
		}
		return orNull, err
	case "set_meta":
		return nil, store.SetMetaWith(path, a.text("key"), a.value("value"), a.options())
	case "set_meta_many":
		return nil, store.SetMetaMany(path, a.value("values"))
	case "get_meta":
		var value any
		err := store.GetMeta(path, a.text("key"), &value)
		return value, err
	case "delete_meta":
		return nil, store.DeleteMeta(path, a.text("key"))
	case "list_meta":
		return results(store.ListMeta(path))
	case "path_id":
		return results(store.PathID(path))
	case "path_of_id":
		return results(store.PathOfID(a.text("id")))
	case "batch":
		return s.batch(store, a.of["operations"].([]any))
	case "ready_work":
		return s.work(store, nexus.ViewReady, a.limit(), store.ReadyWork)
	case "pending_work":
		return s.work(store, nexus.ViewPending, a.limit(), store.PendingWork)
	case "blocked_work":
		return s.work(store, nexus.ViewBlocked, a.limit(), store.BlockedWork)
	case "in_progress_work":
		return s.work(store, nexus.ViewInProgress, a.limit(), store.InProgressWork)
	case "work_by_priority":
		return s.work(store, nexus.ViewByPriority, a.limit(), store.WorkByPriority)
	case "work_claim":
		items, err := store.ClaimWork(s.ctx, a.text("worker"), nexus.ClaimOptions{
			Prefix: a.text("prefix"), Max: a.number("max"), Lease: a.milliseconds("lease_ms")})
		rows := []object{}
		for _, item := range items {
			rows = append(rows, asRow(item))
		}
		return rows, err
	case "work_heartbeat":
		return nil, store.Heartbeat(a.lease(), a.milliseconds("lease_ms"))
	case "work_complete":
		return nil, store.CompleteWork(a.lease(), a.value("result"))
	case "work_fail":
		return nil, store.FailWork(a.lease(), a.text("error"), a.milliseconds("retry_after_ms"))
	case "work_release":
		return nil, store.ReleaseWork(a.lease())
	case "work_explain":
		return results(store.ExplainWork(path))
	case "work_stats":
		return results(store.WorkStats(a.text("prefix")))
	case "gc":
		return results(store.GC(s.ctx, nil))
	case "storage_stats":
		return results(store.StorageStats(s.ctx))
	case "content_info":
		return results(store.ContentInfo(a.text("etag")))
	default:
		s.t.Fatalf("this runner does not know the call %q", call)
		return nil, nil
	}
}

func (s *scenario) batch(store *nexus.Store, operations []any) (any, error) {
	batch, err := store.NewBatch()
	must(s.t, err)
	defer batch.Close()
	for _, operation := range operations {
		a := arguments{operation.(object)}
		path := a.text("path")
		var err error
		switch op := a.text("op"); op {
		case "write":
			err = batch.Write(path, []byte(a.text("data")), a.options())
		case "append":
			err = batch.Append(path, []byte(a.text("data")), a.options())
		case "delete":
			err = batch.Delete(path)
		case "rename":
			err = batch.Rename(a.text("from"), a.text("to"), a.moveFlags())
		case "copy":
			err = batch.Copy(a.text("from"), a.text("to"), a.moveFlags())
		case "mkdir":
			err = batch.Mkdir(path, a.mkdirFlags())
		case "set_meta":
			err = batch.SetMeta(path, a.text("key"), a.value("value"))
		case "set_meta_many":
			err = batch.SetMetaMany(path, a.value("values"))
		case "delete_meta":
			err = batch.DeleteMeta(path, a.text("key"))
		case "require_etag":
			if a.has("etag") {
				err = batch.RequireETag(path, a.text("etag"))
			} else {
				err = batch.RequireAbsent(path)
			}
		case "require_lease":
			err = batch.RequireLease(a.lease())
		case "complete_work":
			err = batch.CompleteWork(a.lease(), a.value("result"))
		case "fail_work":
			err = batch.FailWork(a.lease(), a.text("error"), a.milliseconds("retry_after_ms"))
		case "release_work":
			err = batch.ReleaseWork(a.lease())
		default:
			s.t.Fatalf("this runner does not know the operation %q", op)
		}
		if err != nil {
			return nil, err
		}
	}
	return results(batch.Commit())
}

// work returns a view as the library's JSON, and compares it with the rows.
func (s *scenario) work(store *nexus.Store, view nexus.WorkView, limit int, query func(int) ([]nexus.WorkItem, error)) (any, error) {
	items, err := query(limit)
	if err != nil {
		return nil, err
	}
	text, err := store.WorkJSON(view, limit)
	must(s.t, err)
	var rows []object
	must(s.t, json.Unmarshal(text, &rows))
	equal(s.t, "the number of rows", len(rows), len(items))
	for i, item := range items {
		if difference := differs(asJSON(s.t, rows[i]), asJSON(s.t, asRow(item))); difference != "" {
			s.t.Fatalf("row %d is %+v, but in JSON %v: %s", i, item, rows[i], difference)
		}
	}
	return rows, nil
}

func results[T any](value T, err error) (any, error) { return value, err }

func collected(rows iter.Seq2[nexus.Entry, error]) ([]nexus.Entry, error) {
	entries := []nexus.Entry{}
	for entry, err := range rows {
		if err != nil {
			return entries, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}
