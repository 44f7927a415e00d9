#!/bin/bash
# login and logout against a real registry; where logins are kept, and that they do not show.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/fake_registry.sh"
quick_config </dev/null
auth=$XDG_CONFIG_HOME/sandbox/auth.json
secret=pa55-w0rd

start_registry
push_busybox t/busybox
storage=$REGISTRY_DIR/storage
stop_registry
start_registry --user "robot:$secret"
rm -rf "$REGISTRY_DIR/storage" && cp -r "$storage" "$REGISTRY_DIR/storage"

test_case "without a login a pull is refused and the cure is named"
expect_error 1 'unauthorized' sandbox pull -q "$REGISTRY/t/busybox"
expect_match "sandbox login $REGISTRY" "$ERR"

test_case "R35 a bad password stores nothing and shows nothing"
run_rc sandbox login -u robot --password-stdin "$REGISTRY" <<<"wrong-$secret"
expect_eq 1 "$RC" "exit status"
expect_match unauthorized "$ERR"
expect_no_match "$secret" "$OUT$ERR"
expect_no_file "$auth"

test_case "a login is verified, stored privately, and used"
run_rc sandbox login -u robot --password-stdin "$REGISTRY" <<<"$secret"
expect_eq 0 "$RC" "exit status"
expect_eq "Login Succeeded!" "$OUT"
expect_no_match "$secret" "$OUT$ERR"
expect_eq 600 "$(stat -c %a "$auth")" "mode of auth.json"
expect_eq 700 "$(stat -c %a "$XDG_CONFIG_HOME/sandbox")" "mode of its directory"
expect_ok sandbox login --get-login "$REGISTRY"
expect_eq robot "$OUT"
expect_ok sandbox pull -q "$REGISTRY/t/busybox"
expect_no_match "$secret" "$OUT$ERR"

test_case "R36 an auth file that others can read is made private, with a notice"
chmod 644 "$auth"
expect_ok sandbox login --get-login "$REGISTRY"
expect_match 'other users had access' "$ERR"
expect_eq 600 "$(stat -c %a "$auth")" "mode of auth.json"

test_case "R36 an auth file that is a link is refused"
mv "$auth" elsewhere.json
ln -s "$PWD/elsewhere.json" "$auth"
expect_error 1 'symbolic link' sandbox login --get-login "$REGISTRY"
rm "$auth"
mv elsewhere.json "$auth"

test_case "logout forgets, once"
expect_ok sandbox logout "https://$REGISTRY/"
expect_rc 1 sandbox login --get-login "$REGISTRY"
expect_no_match "$secret" "$(cat "$auth")"
expect_ok sandbox rmi -f "$REGISTRY/t/busybox"
expect_error 1 unauthorized sandbox pull -q "$REGISTRY/t/busybox"

test_case "logins of docker and podman are found, and left alone"
packed=$(printf 'robot:%s' "$secret" | base64)
login="{\"auths\": {\"$REGISTRY\": {\"auth\": \"$packed\"}}}"
for file in "$HOME/.docker/config.json" "$XDG_RUNTIME_DIR/containers/auth.json" \
    "$XDG_CONFIG_HOME/containers/auth.json"; do
    mkdir -p "$(dirname "$file")"
    printf '%s' "$login" >"$file"
    chmod 600 "$file"
    expect_ok sandbox pull -q "$REGISTRY/t/busybox"
    expect_eq "$login" "$(cat "$file")" "$file"
    rm "$file"
done
printf '%s' "$login" >named.json
chmod 600 named.json
expect_ok env REGISTRY_AUTH_FILE="$PWD/named.json" "$SANDBOX_BIN" pull -q "$REGISTRY/t/busybox"

test_case "a credential helper that is missing is warned about once, and the file is used"
cat >"$HOME/.docker/config.json" <<E
{"credsStore": "not-installed", "auths": {"$REGISTRY": {"auth": "$packed"}}}
E
chmod 600 "$HOME/.docker/config.json"
expect_ok sandbox pull -q "$REGISTRY/t/busybox"
expect_eq 1 "$(grep -c docker-credential-not-installed <<<"$ERR")" "warnings"

test_case "a credential helper is asked on stdin and its answer used"
mkdir bin
cat >bin/docker-credential-test <<E
#!/bin/sh
read server
[ "\$1 \$#" = "get 1" ] && [ "\$server" = "$REGISTRY" ] || exit 1
printf '{"ServerURL":"x","Username":"robot","Secret":"$secret"}'
E
chmod 755 bin/docker-credential-test
echo '{"credsStore": "test"}' >"$HOME/.docker/config.json"
expect_ok env PATH="$PWD/bin:$PATH" "$SANDBOX_BIN" pull -q "$REGISTRY/t/busybox"
rm "$HOME/.docker/config.json"

test_case "R13 R18 a login goes nowhere else"
start_fake basic,redirect-other
run_rc sandbox login -u user --password-stdin "$FAKE" <<<secret
expect_eq 0 "$RC" "exit status"
expect_ok sandbox pull -q "$FAKE/a/b"
expect_eq 0 "$(grep '"server": "other"' "$FAKE_DIR/log" | grep -ci authorization)" "leaks"
expect_ne 0 "$(fake_requests '"server": "other"')" "requests to the other host"
stop_pid "$FAKE_PID"
start_fake bearer-elsewhere
printf '{"auths": {"%s": {"auth": "dXNlcjpzZWNyZXQ="}}}' "$FAKE" >"$auth"
expect_ok sandbox pull -q "$FAKE/a/b"
expect_match 'is not sent to' "$ERR"
expect_eq 0 "$(grep '"server": "other"' "$FAKE_DIR/log" | grep -ci authorization)" "leaks"
stop_pid "$FAKE_PID"
