package nexus

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"strings"
)

// json makes a JSON text of a value; a [json.RawMessage] is passed as it is.
func (a *arguments) json(value any) *C.char {
	if raw, ok := value.(json.RawMessage); ok {
		return a.text("a JSON text", string(raw))
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it would be stored so
	if err := encoder.Encode(value); err != nil {
		if a.err == nil {
			a.err = newError(StatusInvalidArgument, err.Error())
		}
		return nil
	}
	return a.text("a JSON text", strings.TrimSuffix(text.String(), "\n"))
}

// optionalJSON makes a JSON text that is absent where there is no value.
func (a *arguments) optionalJSON(value any) *C.char {
	if value == nil {
		return nil
	}
	return a.json(value)
}

// SetMeta sets one metadata key of a file, or of an explicit directory, to anything that
// [encoding/json] can write. A [json.RawMessage] is stored unchanged. The keys of work items
// (status, priority, depends_on, worker_id, started_at, completed_at, not_before, tags,
// max_attempts) have types.
func (s *Store) SetMeta(path, key string, value any) error {
	var a arguments
	file, name, text := a.path(path), a.text("a key", key), a.json(value)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome { return C.bridge_set_meta(fs, file, name, text) })
}

// SetMetaWith is [Store.SetMeta] under conditions.
func (s *Store) SetMetaWith(path, key string, value any, options WriteOptions) error {
	var a arguments
	file, name, text, c := a.path(path), a.text("a key", key), a.json(value), a.conditions(options)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome {
		return C.bridge_set_meta_with(fs, file, name, text, c.ifNoneMatch, c.ifMatch, c.leasePath, c.lease, c.mimeType)
	})
}

// SetMetaMany sets several metadata keys of a file in one transaction: those of a map, or of a
// struct that [encoding/json] writes as an object. It keeps all other keys.
func (s *Store) SetMetaMany(path string, object any) error {
	var a arguments
	file, text := a.path(path), a.json(object)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome { return C.bridge_set_meta_many(fs, file, text) })
}

// GetMeta reads one metadata key of a file, or of an explicit directory, into value, as
// [json.Unmarshal] does; into a *json.RawMessage it comes as it was stored. A number in an
// interface value is a [json.Number], which keeps all its digits, where Unmarshal would round it to
// a float64. An absent key is ErrNotFound.
func (s *Store) GetMeta(path, key string, value any) error {
	var a arguments
	file, name := a.path(path), a.text("a key", key)
	if a.err != nil {
		return a.err
	}
	text, err := s.textCall(nil, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_get_meta(fs, file, name) })
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(value); err != nil {
		return &Error{Status: StatusInvalidArgument, Message: err.Error(), Path: path, Index: -1, cause: err}
	}
	return nil
}

// ListMeta returns all metadata of a file, or of an explicit directory.
func (s *Store) ListMeta(path string) (map[string]json.RawMessage, error) {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return nil, a.err
	}
	var object map[string]json.RawMessage
	err := s.jsonCall(nil, &object, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_list_meta(fs, file) })
	return object, err
}

// DeleteMeta deletes one metadata key of a file.
func (s *Store) DeleteMeta(path, key string) error {
	var a arguments
	file, name := a.path(path), a.text("a key", key)
	if a.err != nil {
		return a.err
	}
	return s.call(nil, func(fs *C.nexus_fs) C.bridge_outcome { return C.bridge_delete_meta(fs, file, name) })
}

// PathID returns the id of a file or of an explicit directory: a UUID that never changes, and that
// renames and overwrites keep.
func (s *Store) PathID(path string) (string, error) {
	var a arguments
	file := a.path(path)
	if a.err != nil {
		return "", a.err
	}
	return s.textCall(nil, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_path_id(fs, file) })
}

// PathOfID returns the current path of the file or directory with an id.
func (s *Store) PathOfID(id string) (string, error) {
	var a arguments
	text := a.text("an id", id)
	if a.err != nil {
		return "", a.err
	}
	return s.textCall(nil, func(fs *C.nexus_fs) C.bridge_text { return C.bridge_path_of_id(fs, text) })
}
