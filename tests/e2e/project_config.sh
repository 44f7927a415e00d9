#!/bin/bash
# `config` and `init`: the profile found, checked, shown and written.
. "$SANDBOX_TESTS/support/lib.sh"

# One value of a document on stdin: its path as words.
json_at() {
    python3 -c 'import functools, json, sys
print(functools.reduce(lambda value, key: value[key], sys.argv[1:], json.load(sys.stdin)))' "$@"
}

project=$WORK/project
mkdir -p "$project/src/deep"
cat >"$project/sandbox.toml" <<'EOF'
name = "blog"
[services.db]
image = "mariadb:11"
environment = { PASSWORD = "${DB_PASSWORD:-none}" }
volumes = ["./data:/var/lib/mysql", "cache:/cache"]
[services.app]
image = "wordpress"
depends_on = ["db"]
[services.tools]
image = "adminer"
profiles = ["debug"]
[tasks.seed]
image = "mariadb:11"
depends_on = ["db"]
EOF

test_case "the profile is found upward, and its lists are sorted lines"
cd "$project/src/deep" || exit 1
run_rc sandbox config --services
expect_eq $'app\ndb\nseed' "$OUT"
run_rc sandbox config --images
expect_eq $'mariadb:11\nwordpress' "$OUT"
run_rc sandbox config --volumes
expect_eq blog_cache "$OUT"
run_rc sandbox config --profile debug --services
expect_eq $'app\ndb\nseed\ntools' "$OUT"
run_rc sandbox config --services app
expect_eq $'app\ndb' "$OUT"

test_case "variables come from .env and from the environment, which wins"
echo 'DB_PASSWORD=file' >"$project/.env"
run_rc sandbox config --format json
expect_eq file "$(json_at services db environment PASSWORD <<<"$OUT")"
run_rc env DB_PASSWORD=caller "$SANDBOX_BIN" config --format json
expect_eq caller "$(json_at services db environment PASSWORD <<<"$OUT")"

test_case "what config writes is a profile that means the same"
sandbox config --format toml >"$WORK/again.toml"
run_rc sandbox config -f "$WORK/again.toml" --hash '*'
again=$OUT
run_rc sandbox config --profile '' --hash '*'
expect_eq "$(grep -v tools <<<"$OUT")" "$again"

test_case "a mistake is told with its place, the line and the nearest word, with status 2"
sed -i 's/^image = "wordpress"/imgae = "wordpress"/' "$project/sandbox.toml"
run_rc sandbox config -q
expect_eq 2 "$RC"
expect_eq "sandbox: $project/sandbox.toml:7:1: unknown key \"imgae\" in service \"app\" (did you mean \"image\"?)
  7 | imgae = \"wordpress\"
    | ^~~~~" "$ERR"

test_case "without a profile the status is 1, and init is named as the cure"
mkdir "$WORK/empty"
cd "$WORK/empty" || exit 1
expect_error 1 'no sandbox.toml in .*sandbox init' sandbox config

test_case "init writes a profile that is good, and never over another one"
expect_ok sandbox init -q
expect_ok sandbox config -q
expect_error 1 'file exists: "sandbox.toml" \(use --force' sandbox init
expect_ok sandbox init --force -q

test_case "a compose file is read directly, and init writes it as a profile"
mkdir "$WORK/compose"
cd "$WORK/compose" || exit 1
cat >compose.yaml <<'EOF'
services:
  web:
    image: nginx
    ports: ["8080:80"]
    deploy: { replicas: 2 }
EOF
run_rc sandbox config --hash web
direct=$OUT
expect_ok sandbox init --from compose.yaml
run_rc sandbox config -f sandbox.toml --hash web
expect_eq "$direct" "$OUT"

test_case "what cannot be done is left out by init, said, and is status 1"
printf 'services:\n  web:\n    image: nginx\n    pid: host\n' >compose.yaml
run_rc sandbox config -f compose.yaml
expect_eq 2 "$RC"
expect_match 'compose.yaml:4:5: "services.web.pid" cannot be done here' "$ERR"
run_rc sandbox init --from compose.yaml -o -
expect_eq 1 "$RC"
expect_match 'compose.yaml:4: services.web.pid: .*left out' "$ERR"

test_case "so is a key that nobody knows, with the nearest word"
printf 'services:\n  web:\n    image: nginx\n    comand: date\n' >compose.yaml
run_rc sandbox init --from compose.yaml -o "$WORK/left-out.toml"
expect_eq 1 "$RC"
expect_match 'compose.yaml:4: services.web.comand: unknown key; did you mean command\?' "$ERR"
expect_ok sandbox config -q -f "$WORK/left-out.toml"

test_case "the schema is JSON that knows the services' keys"
run_rc sandbox config --schema
expect_match 'Instead of the image' "$(json_at definitions services.NAME properties command description <<<"$OUT")"

test_case "what cannot be done stands in the way of its own service only"
mkdir "$WORK/partly"
cd "$WORK/partly" || exit 1
expect_ok sandbox pull -q "oci:$(image busybox)"
cat >compose.yaml <<'END'
services:
  builder:
    build: .
    profiles: [tools]
  exporter:
    image: localhost/busybox
    pid: host
  app:
    image: localhost/busybox
    stop_signal: KILL
    command: sleep 1000
END
expect_ok sandbox config --services
expect_eq $'app\nexporter' "$OUT"
expect_match 'compose.yaml:7:5: "services.exporter.pid" cannot be done here' "$ERR"
expect_no_match builder "$ERR"
run_rc sandbox up -d
expect_eq 2 "$RC"
expect_match 'services.exporter.pid' "$ERR"
expect_eq '' "$(sandbox ps -aq)"
expect_ok sandbox up -d app
run_rc sandbox compose run --rm builder true
expect_eq 2 "$RC"
expect_match 'services.builder.build' "$ERR"
expect_ok sandbox restart
expect_ok sandbox down
