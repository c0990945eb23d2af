package nexus_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"nexus"
)

// asRow names the fields of an item as the library's JSON does.
func asRow(item nexus.WorkItem) object {
	row := object{
		"path_id": item.PathID, "virtual_path": item.Path, "backend_id": item.BackendID, "physical_path": item.PhysicalPath,
		"file_type": item.FileType, "size_bytes": item.Size, "content_hash": item.ContentHash, "created_at": item.CreatedAt,
		"updated_at": item.UpdatedAt, "status": item.Status, "blocker_count": item.BlockerCount, "attempts": item.Attempts,
		"priority": nil, "tenant_id": nil, "worker_id": nil, "started_at": nil, "not_before": nil, "tags": nil, "lease": nil,
		"lease_expires_at": nil,
	}
	if item.HasPriority {
		row["priority"] = item.Priority
	}
	if item.Lease.Token != 0 {
		row["lease"] = item.Lease.Token
	}
	if item.Tags != nil {
		row["tags"] = item.Tags
	}
	for key, text := range map[string]string{"tenant_id": item.TenantID, "worker_id": item.WorkerID} {
		if text != "" {
			row[key] = text
		}
	}
	for key, value := range map[string]interface{ IsZero() bool }{
		"started_at": item.StartedAt, "not_before": item.NotBefore, "lease_expires_at": item.LeaseExpiresAt,
	} {
		if !value.IsZero() {
			row[key] = value
		}
	}
	return row
}

// asJSON turns what a call gave into plain JSON with the names of the vectors.
func asJSON(t *testing.T, value any) any {
	t.Helper()
	switch typed := value.(type) {
	case nexus.Entry:
		value = entryObject(typed)
	case []nexus.Entry:
		rows := make([]any, 0, len(typed))
		for _, entry := range typed {
			rows = append(rows, entryObject(entry))
		}
		value = rows
	case []nexus.Match:
		rows := make([]any, 0, len(typed))
		for _, match := range typed {
			rows = append(rows, object{
				"path": match.Path, "line": match.Line, "text": match.Text, "match_start": match.Start, "match_end": match.End,
			})
		}
		value = rows
	}
	text, err := json.Marshal(value)
	must(t, err)
	var plain any
	must(t, json.Unmarshal(text, &plain))
	return plain
}

func entryObject(entry nexus.Entry) any {
	if entry.Kind == nexus.KindNone {
		return nil
	}
	row := object{"path": entry.Path, "kind": "file", "size": entry.Size, "version": entry.Version}
	if entry.IsDirectory() {
		row["kind"] = "directory"
	}
	for key, text := range map[string]string{
		"etag": entry.ETag, "mime_type": entry.MIMEType, "path_id": entry.PathID, "backend_name": entry.BackendName,
	} {
		if text != "" {
			row[key] = text
		}
	}
	return row
}

// differs compares as the vectors say; it returns how the two differ, or "".
func differs(got, want any) string {
	switch want := want.(type) {
	case []any:
		rows, ok := got.([]any)
		if !ok && !(got == nil && len(want) == 0) {
			return fmt.Sprintf("%v is no array", got)
		}
		if len(rows) != len(want) {
			return fmt.Sprintf("%d rows, but there should be %d", len(rows), len(want))
		}
		for i := range want {
			if difference := differs(rows[i], want[i]); difference != "" {
				return fmt.Sprintf("element %d: %s", i, difference)
			}
		}
		return ""
	case object:
		members, ok := got.(object)
		if !ok {
			return fmt.Sprintf("%v is no object", got)
		}
		for key, value := range want {
			if difference := differs(members[key], value); difference != "" {
				return fmt.Sprintf("%s: %s", key, difference)
			}
		}
		return ""
	case string:
		if row, ok := got.(object); ok {
			if path, ok := row["virtual_path"]; ok {
				return differs(path, want)
			}
			return differs(row["path"], want)
		}
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%v, but should be %v", got, want)
	}
	return ""
}
