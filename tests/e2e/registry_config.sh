#!/bin/bash
# config.toml: mirrors, certificates, insecure registries, and mistakes in it.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/fake_registry.sh"

test_case "a mirror is asked first, the registry when the mirror fails"
start_fake plain
mirror=$FAKE mirror_dir=$FAKE_DIR mirror_pid=$FAKE_PID
start_fake plain
quick_config <<<"[registries.\"$FAKE\"]
mirrors = [\"127.0.0.1:1\", \"$mirror\"]"
expect_ok sandbox pull -q "$FAKE/a/b"
expect_eq 0 "$(cat "$FAKE_DIR/log" 2>/dev/null | wc -l)" "requests to the registry"
expect_ne 0 "$(wc -l <"$mirror_dir/log")" "requests to the mirror"
expect_ok sandbox rmi -f "$FAKE/a/b"
stop_pid "$mirror_pid"
expect_ok sandbox pull -q "$FAKE/a/b"
expect_ne 0 "$(wc -l <"$FAKE_DIR/log")" "requests to the registry"

test_case "a registry with a certificate of an authority of its own"
start_registry --tls
expect_error 1 tls sandbox pull -q "$REGISTRY/t/busybox"
quick_config <<<"[registries.\"$REGISTRY\"]
ca = \"$REGISTRY_CA\""
push_busybox t/busybox
expect_ok sandbox pull -q "$REGISTRY/t/busybox"
quick_config </dev/null
mkdir -p "$HOME/.config/containers/certs.d/$REGISTRY"
cp "$REGISTRY_CA" "$HOME/.config/containers/certs.d/$REGISTRY/ca.crt"
expect_ok sandbox pull -q "$REGISTRY/t/busybox"
rm -r "$HOME/.config/containers/certs.d"
expect_ok env SSL_CERT_FILE="$REGISTRY_CA" "$SANDBOX_BIN" pull -q "$REGISTRY/t/busybox"
quick_config <<<"[registries.\"$REGISTRY\"]
insecure = true"
expect_ok sandbox pull -q "$REGISTRY/t/busybox"

test_case "a client certificate is shown"
start_fake plain --tls good --client-ca
quick_config <<<"[registries.\"$FAKE\"]
ca = \"$FAKE_DIR/certs/ca.pem\""
expect_error 1 client_cert sandbox pull -q "$FAKE/a/b"
quick_config <<<"[registries.\"$FAKE\"]
ca = \"$FAKE_DIR/certs/ca.pem\"
client_cert = \"$FAKE_DIR/certs/client.crt\"
client_key = \"$FAKE_DIR/certs/client.key\""
expect_ok sandbox pull -q "$FAKE/a/b"

test_case "a mistake in config.toml is named with its place"
quick_config <<<'[registries."a"]
insecur = true'
expect_error 2 'config.toml:7:1: unknown key "insecur"' sandbox pull -q a/b
expect_match 'did you mean "insecure"' "$ERR"
