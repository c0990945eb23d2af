#!/usr/bin/env bash
# scripts/tell-failures keeps what a runner says of a failure, however early it came, and drops the tests that passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

passing() { for ((i = 0; i < 300; i++)); do printf "$1\n" "$i"; done; }

{
  printf '   Compiling nexus v0.1.0\n[ 50%%] Building C object\nrunning 301 tests\n'
  printf 'test early ... FAILED\n'
  passing 'test passes_%d ... ok'
  printf -- '---- early stdout ----\nthe story of cargo\ntest result: FAILED. 300 passed; 1 failed\n'
  passing 'test of_a_later_program_%d ... ok'
  printf 'test result: ok. 300 passed; 0 failed\n'

  printf '        Start   1: c.hangs\n  1/301 Test   #1: c.hangs .....***Timeout 120.02 sec\nthe story of ctest\n\n'
  passing '  9/301 Test #%d: c.passes .....   Passed    0.13 sec'

  printf '# Subtest: bad\nnot ok 1 - bad\n  ---\n  error: the story of node\n  ...\n'
  passing '# Subtest: fine\nok %d - fine\n  ---\n  duration_ms: 1\n  ...'
  printf '# Subtest: with parts\n    # Subtest: part\n    ok 1 - part\n      ---\n      duration_ms: 1\n      ...\n    not ok 2 - other part\n'
  printf '# fail 2\n'
} >"$scratch/log"

cat >"$scratch/expected" <<'END'
test early ... FAILED
---- early stdout ----
the story of cargo
test result: FAILED. 300 passed; 1 failed
  1/301 Test   #1: c.hangs .....***Timeout 120.02 sec
the story of ctest

not ok 1 - bad
  ---
  error: the story of node
  ...
    not ok 2 - other part
# fail 2
END
scripts/tell-failures "$scratch/log" >"$scratch/told"
diff -u "$scratch/expected" "$scratch/told"

# What is very long loses its middle.
seq 1 5000 >"$scratch/log"
scripts/tell-failures "$scratch/log" >"$scratch/told"
[[ $(head -n 1 "$scratch/told") == 1 && $(tail -n 1 "$scratch/told") == 5000 && $(wc -l <"$scratch/told") == 801 ]]
grep -qx '\.\.\. 4200 lines are left out \.\.\.' "$scratch/told"
