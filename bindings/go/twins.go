package nexus

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"os"
)

// twins makes further handles with the rights of an admin's. They cannot be derived: the store is opened once more by its
// path, which is cheap, because the library finds it open. So it has to be the same store that is still there.
type twins struct {
	config   string
	database string
	// The library takes the same file for the same store. While that is open, no other file has its number.
	file os.FileInfo
}

// twinsOf returns what makes twins of a handle that was just opened; nil where its rights are derived.
func twinsOf(fs *C.nexus_fs) (*twins, error) {
	result := C.bridge_config(fs)
	if err := check(result.outcome); err != nil {
		return nil, err
	}
	var settings map[string]Setting
	if err := decodeJSON(takeText(result.text), &settings); err != nil {
		return nil, err
	}
	if string(settings["is_admin"].Value) != "true" {
		return nil, nil
	}
	// Not the namespaces: those that were declared are part of the store, and may have been changed since.
	config := make(map[string]json.RawMessage)
	for _, key := range []string{
		"data_dir", "db_path", "tenant_id", "agent_id", "is_admin", "allow_readonly_writes", "strict_namespaces", "mounts",
		"durability", "cache_size_mb", "inline_max_bytes", "busy_timeout_ms", "housekeeping",
	} {
		config[key] = settings[key].Value
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	t := &twins{config: string(text)}
	if err := decodeJSON(string(settings["db_path"].Value), &t.database); err != nil {
		return nil, err
	}
	// Without it every twin is refused.
	t.file, _ = os.Stat(t.database)
	return t, nil
}

func (t *twins) open() (*derived, error) {
	if err := t.expectSame(); err != nil {
		return nil, err
	}
	var a arguments
	result := C.bridge_connect(a.text("a configuration", t.config))
	if a.err != nil {
		return nil, a.err
	}
	if err := check(result.outcome); err != nil {
		return nil, err
	}
	if err := t.expectSame(); err != nil {
		C.nexus_close(result.fs, nil)
		return nil, err
	}
	return &derived{fs: result.fs}, nil
}

func (t *twins) expectSame() error {
	if found, err := os.Stat(t.database); err == nil && t.file != nil && os.SameFile(found, t.file) {
		return nil
	}
	return newError(StatusIO, "the store is no longer at "+t.database+", and the call of an admin with a context opens it by its path")
}
