#!/usr/bin/env bash
# The five views of the schema, read by the system's sqlite3 while the store is in use:  sqlite_reads.sh LIVE_STORE
set -euo pipefail

live_store=$1
if ! command -v sqlite3 >/dev/null; then
  echo "skipped: there is no sqlite3 here"
  exit 77
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/nexus-views-XXXXXX")
coproc store { "$live_store" "$scratch/store"; }
store_pid=$store_PID
finish() {
  if kill -0 "$store_pid" 2>/dev/null; then kill "$store_pid"; fi
  rm -rf "$scratch"
}
trap finish EXIT
read -r word <&"${store[0]}"
if [[ $word != ready ]]; then
  echo "the store did not get ready: $word"
  exit 1
fi

failed=0
database=$scratch/store/metadata.db
# expect WHAT SQL LINES
expect() {
  local got
  got=$(sqlite3 -batch "$database" "$2" 2>&1) || true
  if [[ $got != "$3" ]]; then
    printf '%s\n  %s\n  returned\n%s\n  expected\n%s\n' "$1" "$2" "$got" "$3"
    failed=1
  fi
}

expect "the ready items" "SELECT virtual_path, status, priority FROM ready_work_items" \
  $'/shared/acme/first|ready|1\n/shared/acme/ready|ready|2\n/due|ready|'
expect "the blocked items" "SELECT virtual_path, status, blocker_count FROM blocked_work_items" \
  $'/blocked|blocked|2\n/held|blocked|0'
expect "the pending items" "SELECT virtual_path FROM pending_work_items" "/pending"
expect "the items in progress" "SELECT virtual_path, tenant_id, worker_id, substr(started_at, 1, 19) FROM in_progress_work" \
  "/workspace/acme/bot/running|acme|w1|2026-01-02T03:04:05"
expect "the items by priority" "SELECT virtual_path, tags FROM work_by_priority LIMIT 2" \
  $'/shared/acme/first|\n/shared/acme/ready|["x"]'
expect "all items" "SELECT count(*), count(tenant_id) FROM work_by_priority" "9|3"
expect "the columns" \
  "SELECT length(path_id), tenant_id, backend_id, physical_path = content_hash, length(content_hash), size_bytes,
          file_type, updated_at >= created_at, created_at GLOB '20[0-9][0-9]-*T*Z'
   FROM ready_work_items LIMIT 1" \
  "36|acme|local|1|64|18|application/octet-stream|1|1"
for view in ready_work_items blocked_work_items pending_work_items in_progress_work work_by_priority; do
  expect "$view names its columns" \
    "SELECT count(*) FROM pragma_table_info('$view') WHERE name IN ('path_id', 'tenant_id', 'virtual_path', 'backend_id', 'physical_path',
     'file_type', 'size_bytes', 'content_hash', 'created_at', 'updated_at', 'status', 'priority')" 12
done

# Each view reads the index of its queue, by what this sqlite3 makes of it.
reads() {
  local plan
  plan=$(sqlite3 -batch "$database" "EXPLAIN QUERY PLAN SELECT * FROM $1 LIMIT 10" 2>&1) || true
  if [[ $plan != *"$2"* || $plan =~ SCAN\ w($|$'\n') ]]; then
    printf '%s does not read %s:\n%s\n' "$1" "$2" "$plan"
    failed=1
  fi
}
reads ready_work_items "USING INDEX work_claimable (directory=?"
reads blocked_work_items "SCAN w USING INDEX work_blocked"
reads pending_work_items "SCAN w USING INDEX work_pending"
reads in_progress_work "SCAN w USING INDEX work_running"
reads work_by_priority "SCAN w USING INDEX work_by_rank"

# What the store commits is seen at once.
echo complete >&"${store[1]}"
read -r word <&"${store[0]}"
expect "an item after its dependency was completed" "SELECT blocker_count FROM blocked_work_items WHERE virtual_path = '/blocked'" "1"
expect "the database after that" "PRAGMA integrity_check" "ok"

exec {store[1]}>&-
wait "$store_pid"
exit "$failed"
