#!/bin/bash
# sandbox.lock: what was fixed is what runs, whatever its tag has come to mean.
. "$SANDBOX_TESTS/support/lib.sh"

start_registry
push_tagged() { # VERSION: app:1 is another image from now on
    make_image "$WORK/image-$1" --layer busybox --env "VERSION=$1" --cmd '["sleep","1000"]'
    push_image "$WORK/image-$1" app:1
}
push_tagged first
mkdir "$WORK/p"
cd "$WORK/p" || exit 1
on_exit sandbox down -q -t 0 -v -f "$WORK/p/sandbox.toml"

cat >sandbox.toml <<EOF
name = "p"
[services.app]
image = "$REGISTRY/app:1"
stop_signal = "KILL"
EOF
version() { sandbox exec app sh -c 'echo $VERSION'; }
digest_in_lock() { sed -n "s|^\"$REGISTRY/app:1\" = \"\(sha256:[0-9a-f]*\)\"$|\1|p" sandbox.lock; }

test_case "lock asks for what is not here without fetching it, and --check says what is missing"
expect_rc 1 sandbox lock --check
expect_eq "$REGISTRY/app:1 is not fixed" "$OUT"
expect_no_file sandbox.lock
expect_ok sandbox lock
expect_match "^$REGISTRY/app:1 is sha256:[0-9a-f]{12}$" "$OUT"
first=$(digest_in_lock)
expect_match '^sha256:[0-9a-f]{64}$' "$first"
expect_eq '' "$(sandbox images -q)"
expect_ok sandbox lock --check
expect_ok sandbox lock
expect_eq '' "$OUT" "a second lock changes nothing"

test_case "up obeys it when the tag has moved on, with --pull always too"
push_tagged second
expect_ok sandbox up -d -q
expect_eq first "$(version)"
id=$(sandbox inspect --format '{{.Id}}' p-app-1)
expect_ok sandbox pull -q "$REGISTRY/app:1"
expect_ok sandbox up -d -q --pull always
expect_eq first "$(version)"
expect_eq "$id" "$(sandbox inspect --format '{{.Id}}' p-app-1)" "nothing has changed"
expect_eq first "$(sandbox compose run --rm -T app sh -c 'echo $VERSION')"
# What is here under that tag is the second one, and the lock stands.
expect_ok sandbox lock
expect_eq "$first" "$(digest_in_lock)"

test_case "update says what is newer, then renews, and the next up makes the container anew"
expect_rc 1 sandbox update --check
expect_match "app:1 was sha256:[0-9a-f]{12}, is sha256:[0-9a-f]{12}" "$OUT"
expect_eq "$first" "$(digest_in_lock)"
expect_ok sandbox update app
expect_ne "$first" "$(digest_in_lock)"
run_rc sandbox up --plan
expect_eq 'recreate p-app-1 (its image has changed)' "$OUT"
expect_ok sandbox up -d -q
expect_eq second "$(version)"
expect_ok sandbox lock --update --check
expect_match 'app:1 stays sha256:' "$OUT"

test_case "what a registry has lost runs from the store, and an update says whose it was"
stop_registry
expect_ok sandbox down -q
expect_ok sandbox up -d -q
expect_eq second "$(version)"
expect_error 1 "image \"$REGISTRY/app:1\": " sandbox update

test_case "an image that no registry has is fixed as well"
expect_ok sandbox down -q
for name in one two; do
    make_image "$WORK/$name" --layer busybox --env "VERSION=$name" --cmd '["sleep","1000"]'
    expect_ok sandbox pull -q "oci:$WORK/$name"
    expect_ok sandbox tag "$OUT" "made-here:$name"
done
expect_ok sandbox tag made-here:one made-here
printf 'name = "p"\n[services.app]\nimage = "made-here"\nstop_signal = "KILL"\n' >sandbox.toml
expect_rc 1 sandbox lock --check
expect_match "made-here is not fixed.*$REGISTRY/app:1 is not used any more" "$(tr '\n' ' ' <<<"$OUT")"
run_rc sandbox up -d
expect_match 'made-here is not in the project.s lock: `sandbox lock` adds it' "$ERR"
expect_ok sandbox lock
expect_match "$REGISTRY/app:1 is not used any more" "$OUT"
expect_ok sandbox tag made-here:two made-here
expect_ok sandbox up -d -q --force-recreate
expect_eq one "$(version)"
expect_ok sandbox lock --update -q
expect_ok sandbox up -d -q
expect_eq two "$(version)"

test_case "an image may be a file beside the profile: what has changed in it makes the container anew"
expect_ok sandbox down -q
rm -f sandbox.lock
mkdir images below
cp -R "$WORK/one" images/app
printf 'name = "p"\n[services.app]\nimage = "oci:./images/app"\nstop_signal = "KILL"\n[tasks.show]\nimage = "oci:images/app"\ncommand = "sh -c \\"echo $$VERSION\\""\n' >sandbox.toml
(cd below && expect_ok sandbox up -d -q app)
expect_eq one "$(version)"
expect_eq one "$(sandbox run-task -q show)"
id=$(sandbox ps -q app)
expect_ok sandbox up -d -q app
expect_eq "$id" "$(sandbox ps -q app)"
rm -r images/app
cp -R "$WORK/two" images/app
expect_ok sandbox up -d -q app
expect_eq two "$(version)"
rm -r images/app
expect_rc 2 sandbox up -d -q
expect_match "sandbox.toml:3:9: no such image file: \"$PWD/images/app\" .*image = .*\\^~~" "$(tr '\n' ' ' <<<"$ERR")"
cp -R "$WORK/two" images/app
expect_ok sandbox down -q

test_case "a lock that is no lock is said with its place"
printf 'version = 1\n[images]\nmade-here = "sha256:12"\n' >sandbox.lock
expect_rc 2 sandbox up -d -q
expect_match 'sandbox.lock:3:13: not a digest of "made-here" .*3 \| made-here = .*\^~~' \
    "$(tr '\n' ' ' <<<"$ERR")"
printf 'version = 2\n' >sandbox.lock
expect_rc 2 sandbox up -d -q
expect_match 'sandbox.lock:1:11: not a lock of version 1' "$ERR"
rm sandbox.lock
