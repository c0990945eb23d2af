#!/usr/bin/env bash
# Proves by a trace of system calls that what was acknowledged is on the disk:  check_syncs.sh SYNC_WRITER
#
# A content file is synced in tmp/ before it is renamed into cas/, the directories that name it are synced before
# the commit, and under durability=full the write-ahead log is synced before the call returns. A content file goes only
# once the commit that dropped it is on the disk, or power loss could bring back a row without its content, and with it the
# commit that marks it as being removed, or an unacknowledged commit could come back.
# Ends with 77 (skipped) only where strace cannot trace.
set -euo pipefail

writer=$1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/nexus-syncs-XXXXXX")
trap 'rm -rf "$scratch"' EXIT

if ! command -v strace >/dev/null || ! strace -f -o /dev/null true 2>/dev/null; then
  echo "skipped: strace cannot trace here"
  exit 77
fi

trace() {
  strace -f -y -s 64 -o "$scratch/$1.trace" \
    -e trace=write,pwrite64,pwritev,writev,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat \
    "$writer" "$scratch/$1" "$1" >/dev/null
}

# Prints a complaint for each rule that a call of the trace breaks.
check() {
  awk -v durability="$1" '
    function complain(text) { printf "durability=%s, %s: %s\n", durability, call, text; bad = 1 }
    # Lines of other threads may be cut in two: the second half carries the result, the first the arguments.
    { line = $0; sub(/^[0-9]+ +/, "", line) }
    line ~ /^write\(2.*"begin / {
      match(line, /begin [a-z]+/); call = substr(line, RSTART + 6, RLENGTH - 6)
      renamed = 0; made = 0; parent_synced = 0; wal_written = 0; wal_synced = 0; directory_synced = 0; removing = 0; commits = 0; covered = 0
      next
    }
    line ~ "^(fsync|fdatasync)\\([0-9]+<[^>]*/" durability "/tmp/[^>]*>" { match(line, /<[^>]*>/); synced[substr(line, RSTART + 1, RLENGTH - 2)] = NR }
    line ~ /^(rename|link)[a-z0-9]*\(.*\/?cas\// || (line ~ /^(rename|link)[a-z0-9]*\(/ && line ~ /<[^>]*\/cas[^>]*>/) {
      renamed = NR; last_sync = 0
      for (file in synced) { if (synced[file] > last_sync) last_sync = synced[file] }
      if (!last_sync || last_sync < last_rename) complain("a content file is renamed into cas/ without a sync of its own")
      last_rename = NR
    }
    line ~ /^mkdirat\([0-9]+<[^>]*\/cas>, "[0-9a-f][0-9a-f]"/ { made = NR }
    line ~ /^(fsync|fdatasync)\([0-9]+<[^>]*\/cas>/ { parent_synced = NR }
    line ~ /^(fsync|fdatasync)\([0-9]+<[^>]*\/cas(\/[0-9a-f][0-9a-f])?>/ { directory_synced = NR }
    line ~ /^pwrite(64|v)\([0-9]+<[^>]*-wal>/ {
      # What a transaction that removed files says of that may be lost.
      if (!removing) wal_written = NR
      unsynced++; commits++
    }
    line ~ /^(fsync|fdatasync)\([0-9]+<[^>]*-wal>/ {
      if (renamed && wal_synced < renamed && directory_synced < renamed) complain("the log is synced before the directory that names the content")
      wal_synced = NR; covered = commits; unsynced = 0
    }
    (line ~ /^unlink(at)?\(.*cas\// || line ~ /^unlink(at)?\([0-9]+<[^>]*\/cas[^>]*>/) {
      removed++
      removing = 1
      if (!wal_synced || unsynced) complain("a content file is removed before the commit that dropped it is on the disk")
      # A small commit is written in one piece: the one that drops the content, and the one that marks it.
      if (covered < 2) complain("a content file is removed before the commit that marks it is on the disk")
    }
    line ~ /^write\(1.*"acknowledged / {
      calls++
      if (call ~ /^(large|overwrite|stream|batch)$/) {
        if (!renamed) complain("no content file was renamed into cas/")
        else if (wal_written < renamed) complain("the commit was written before the content had its name")
        else if (directory_synced < renamed) complain("no directory was synced after the content got its name")
        else if (parent_synced < made) complain("cas/ was not synced after a directory was made in it")
      }
      if (!wal_written) complain("nothing was written to the log")
      if (durability == "full" && wal_synced < wal_written) complain("acknowledged before the log was synced")
    }
    END {
      if (calls != 8) { printf "durability=%s: %d calls in the trace, expected 8\n", durability, calls; bad = 1 }
      if (!removed) { printf "durability=%s: no content file was removed\n", durability; bad = 1 }
      exit bad
    }
  ' "$scratch/$1.trace"
}

failed=0
for durability in full normal; do
  trace "$durability"
  if ! check "$durability"; then
    failed=1
    echo "--- the trace:"
    sed -n '/begin small/,$p' "$scratch/$durability.trace" | sed 's/\(pwrite64([^,]*, \)".*/\1…/' | uniq
  fi
done
exit "$failed"
