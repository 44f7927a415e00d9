# docker_words.sh: what the everyday scripts with "alias docker=sandbox" share. Sourced behind
# lib.sh.

docker() { "$SANDBOX_BIN" "$@"; }

# get_service SERVICE NAME:TAG: the service's image under the name that people know.
get_service() {
    expect_ok docker pull -q "oci:$(image "$1")"
    expect_ok docker tag "localhost/$1:latest" "$2"
}

health_of() { docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1"; }
is_healthy() { [ "$(health_of "$1")" = healthy ]; }

# Fails with the log of a container that does not come up.
expect_healthy() { # NAME SECONDS
    assertions=$((assertions + 1))
    wait_until "$2" is_healthy "$1" && return 0
    fail "$1 is not healthy: $(health_of "$1")
    $(docker ps -a; docker logs --tail 30 "$1" 2>&1)"
    return 1
}
