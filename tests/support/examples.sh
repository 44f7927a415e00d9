# examples.sh: what the scripts that bring profiles/ up share. Sourced behind lib.sh. Images from
# Debian's packages stand in for the official ones; the examples are as they are.

cp -R "$SANDBOX_TESTS/../profiles" "$WORK/examples"

PORT=$(free_port)
export PORT
site=http://127.0.0.1:$PORT

get() { curl -sS --max-time 20 "$@"; }

# stand_in IMAGE NAME:TAG…
stand_in() {
    expect_ok sandbox pull -q "oci:$(image "$1")"
    local name
    for name in "${@:2}"; do expect_ok sandbox tag "localhost/$1:latest" "$name"; done
}

# changed_image FROM TO SCRIPT CHANGE…: what a shell does in it, and changes as those of commit.
changed_image() {
    local from=$1 to=$2 script=$3 change words=()
    shift 3
    for change in "$@"; do words+=(-c "$change"); done
    expect_ok sandbox run --name changed --network none --entrypoint sh "$from" -c "$script"
    expect_ok sandbox commit -q -c 'HEALTHCHECK NONE' "${words[@]}" changed "$to"
    expect_ok sandbox rm -v changed
}

# The official image has a script that asks the server.
mariadb_image() { # NAME:TAG
    stand_in mariadb mariadb:debian
    changed_image mariadb:debian "$1" 'printf "#!/bin/sh\n%s\n" \
        "exec mariadb-admin --user=root --password=\"\$MARIADB_ROOT_PASSWORD\" --host=127.0.0.1 ping" \
        >/usr/local/bin/healthcheck.sh && chmod 755 /usr/local/bin/healthcheck.sh' \
        'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["mariadbd"]'
}

go() { # EXAMPLE
    cd "$WORK/examples/$1" || exit 1
    on_exit sandbox down -q -t 0 -v -f "$PWD/sandbox.toml"
}

brought_up() { # ARGUMENTS of up
    run_rc sandbox up -d "$@"
    expect_eq 0 "$RC" "$ERR$(sandbox logs -n 10)"
}
