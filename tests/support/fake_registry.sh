# fake_registry.sh: the fake registry for end-to-end scripts; sourced after lib.sh.

# start_fake SCENARIO [OPTION…]: sets FAKE (host:port), FAKE_PID, FAKE_DIR (port file, log, certs).
# It ends with the script, or earlier by stop_pid "$FAKE_PID".
start_fake() {
    local scenario=$1 bind=127.0.0.1
    shift
    FAKE_DIR=$(mktemp -d "$WORK/fake.XXXX")
    python3 "$SANDBOX_TESTS/support/fake_registry.py" --scenario "$scenario" --bind "$bind" \
        --port-file "$FAKE_DIR/port" --log "$FAKE_DIR/log" --cert-dir "$FAKE_DIR/certs" "$@" \
        </dev/null >"$FAKE_DIR/out" 2>&1 &
    FAKE_PID=$!
    on_exit stop_pid "$FAKE_PID"
    if ! wait_until 30 test -e "$FAKE_DIR/port"; then
        cat "$FAKE_DIR/out" >&2
        fail "the fake registry does not start: $scenario"
        exit 1
    fi
    FAKE=$bind:$(fake_fact port)
}

fake_fact() { # NAME: port, other_port, digest, ca, …
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
        "$FAKE_DIR/port" "$1"
}

# How many requests so far have a path (or any other field) that matches.
fake_requests() { grep -cE "$1" "$FAKE_DIR/log" || true; }

# Settings that make failures quick; more lines may follow.
quick_config() {
    mkdir -p -m 700 "$XDG_CONFIG_HOME/sandbox"
    {
        printf '[network]\nretry_delay_seconds = 0.01\nretry_after_cap_seconds = 2\n'
        printf 'low_speed_seconds = 2\nconnect_timeout_seconds = 3\n'
        cat
    } >"$XDG_CONFIG_HOME/sandbox/config.toml"
}

# The store after a pull that failed: no image, nothing half done, sound.
expect_clean_store() {
    expect_ok sandbox images --quiet
    expect_eq "" "$OUT" "images after a failed pull"
    expect_ok sandbox system check
    expect_eq "" "$(find "$XDG_DATA_HOME/sandbox" -name '.tmp-*' 2>/dev/null)" "leftovers"
}

# hostile SCENARIO REGEX [OPTION…]: a pull from it into an empty store fails in time, in one line, and
# leaves no image.
hostile() {
    local scenario=$1 regex=$2
    shift 2
    remove_all "$XDG_DATA_HOME/sandbox"
    start_fake "$scenario" "$@"
    expect_error 1 "$regex" timeout 30 "$SANDBOX_BIN" pull -q "$FAKE/a/b:latest"
    expect_clean_store
    stop_pid "$FAKE_PID"
}
