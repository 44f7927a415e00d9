#!/bin/sh
# run_test.sh COMMAND…: runs a test; with SANDBOX_TESTS_MUST_RUN=1 a skip (exit 77) is a failure.
"$@"
rc=$?
if [ "$rc" -eq 77 ] && [ "${SANDBOX_TESTS_MUST_RUN:-0}" = 1 ]; then
    echo "skipped, but SANDBOX_TESTS_MUST_RUN=1 forbids it: $*" >&2
    exit 1
fi
exit "$rc"
