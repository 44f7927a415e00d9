#!/bin/bash
# Listings, inspect and their templates, compared with what docker's users expect byte by byte.
. "$SANDBOX_TESTS/support/lib.sh"

# Ids are digests of what the fixture makes, ages depend on the day: both are masked.
masked() { sed -E 's/\b[0-9a-f]{64}\b/HEX64/g; s/\b[0-9a-f]{12}\b/HEX12/g; s/[0-9]+ years ago/AGE/; s/[0-9.]+[kM]?B\b/SIZE/'; }
expect_listing() { # WANTED COMMAND…
    local wanted=$1
    shift
    run_rc "$@"
    expect_eq "$wanted" "$(masked <<<"$OUT" | sed -E 's/ +/ /g; s/ $//')" "$*"
}

make_image "$WORK/one" --layer busybox --cmd '["sh"]' --label colour=red --label shape=round \
    --env GREETING=hello --workdir /srv --user 1000 --volume /data --stop-signal SIGINT
echo '{"path": "etc/motd", "type": "file", "data": "two"}' >"$WORK/motd"
make_image "$WORK/two" --layer busybox --layer "entries:$WORK/motd" --entrypoint '["echo"]' \
    --cmd '["a", "b"]'
expect_ok sandbox pull -q "oci:$WORK/one:latest"
ID1=$OUT
expect_ok sandbox pull -q "oci:$WORK/two:latest"
ID2=$OUT
expect_ok sandbox tag "$ID1" one:latest
expect_ok sandbox tag "$ID2" example.com:5000/team/two:v2
# The names that they came by go.
expect_ok sandbox rmi localhost/one localhost/two

test_case "images: the table, and the identifying column alone"
expect_ok sandbox images
expect_match 'REPOSITORY +TAG +IMAGE ID +CREATED +SIZE' "$OUT"
expect_listing 'example.com:5000/team/two v2
one latest' sandbox images --sort repository --format '{{.Repository}} {{.Tag}}'
expect_listing 'one latest HEX12 AGE SIZE' sandbox images --noheading one
expect_listing 'HEX12' sandbox images -q one
expect_ok sandbox images -q --no-trunc one
expect_eq "$ID1" "$OUT"
expect_listing 'REPOSITORY TAG DIGEST IMAGE ID CREATED SIZE
one latest sha256:HEX64 HEX12 AGE SIZE' sandbox images --digests one

test_case "images: json is one object a line with docker's keys"
expect_ok sandbox images --format json
cp "$WORK/.out" "$WORK/images.json"
expect_ok python3 - "$WORK/images.json" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
for row in rows:
    assert {"ID", "Repository", "Tag", "Digest", "CreatedAt", "CreatedSince", "Size"} <= set(row), row
    assert all(isinstance(value, str) for value in row.values()), row
PYTHON
expect_ok sandbox images --format '{{json .}}' one
expect_match '^\{"Created.*"Repository":"one".*\}$' "$OUT"

test_case "images: templates and tables of templates"
expect_listing 'REPOSITORY TAG
one latest' sandbox images --format 'table {{.Repository}}\t{{.Tag}}' one
expect_listing 'red' sandbox images --format '{{.Label "colour"}}' one
expect_listing 'ONE' sandbox images --format '{{upper .Repository}}' one
expect_error 2 'no field "Nope"' sandbox images --format '{{.Nope}}'
expect_error 2 'template: ' sandbox images --format '{{.ID'

test_case "images: filters"
expect_eq "$ID1" "$(sandbox images -q --no-trunc --filter label=colour=red)"
expect_eq "$ID1" "$(sandbox images -q --no-trunc --filter label=colour --filter label=shape=round)"
expect_eq '' "$(sandbox images -q --filter label=colour=blue)"
expect_eq "$ID2" "$(sandbox images -q --no-trunc --filter reference='example.com:5000/*/two')"
expect_eq "$ID2" "$(sandbox images -q --no-trunc two:v2)"
expect_eq '' "$(sandbox images -q --filter before=one --filter since=one)"
expect_error 1 'no such image' sandbox images --filter before=nothing
expect_error 2 'filter' sandbox images --filter nope=1
expect_error 2 'filter' sandbox images --filter nothing

test_case "history: newest first, the top one with the image's id"
expect_ok sandbox history one
expect_match '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT' "$OUT"
expect_eq "$ID1" "$(sandbox history -q --no-trunc one | head -n 1)"
expect_eq '2 <missing>' "$(sandbox history -q example.com:5000/team/two:v2 | tail -n 1 |
    sed "s/^/$(sandbox history -q example.com:5000/team/two:v2 | wc -l) /")"
expect_match '^[0-9]+$' "$(sandbox history --human=false --format '{{.Size}}' one | head -n 1)"
expect_match '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$' "$(sandbox history --format '{{.CreatedAt}}' one | head -n 1)"

test_case "inspect of an image: docker's fields"
expect_listing "$(printf '%s\n' '["sh"] null 1000 /srv SIGINT map[colour:red shape:round]')" \
    sandbox inspect -f '{{json .Config.Cmd}} {{json .Config.Entrypoint}} {{.Config.User}} {{.Config.WorkingDir}} {{.Config.StopSignal}} {{.Config.Labels}}' one
expect_eq "$ID1 linux" "$(sandbox image inspect --format '{{.Id}} {{.Os}}' one)"
expect_eq '[one:latest]' "$(sandbox inspect -f '{{.RepoTags}}' "$ID1")"
expect_eq '{"/data":{}}' "$(sandbox inspect -f '{{json .Config.Volumes}}' one)"
expect_eq GREETING=hello "$(sandbox inspect -f '{{range .Config.Env}}{{println .}}{{end}}' one |
    grep GREETING)"
expect_eq 2 "$(sandbox inspect -f '{{len .RootFS.Layers}}' "$ID2")"
expect_ok sandbox inspect one "$ID2"
cp "$WORK/.out" "$WORK/inspect.json"
expect_ok python3 -c 'import json, sys
first, second = json.load(open(sys.argv[1]))
assert first["RootFS"]["Type"] == "layers" and first["Digest"].startswith("sha256:")
assert second["Config"]["Cmd"] == ["a", "b"] and second["Config"]["Entrypoint"] == ["echo"]
assert len(second["History"]) >= 2' "$WORK/inspect.json"
expect_rc 1 sandbox inspect one nothing
expect_match '"Id"' "$OUT"
expect_match 'no such object: "nothing"' "$ERR"
expect_rc 1 sandbox inspect --type container one
expect_match 'no such container' "$ERR"
expect_ok sandbox inspect -s --type image one
expect_rc 1 sandbox image inspect nothing
expect_match 'no such image' "$ERR"

test_case "volumes: create, list, inspect, filters, exists, remove"
expect_eq data "$(sandbox volume create --label kind=db data)"
expect_eq data "$(sandbox volume create data)" "creating it again"
expect_ok sandbox volume create
expect_match '^[0-9a-f]{64}$' "$OUT"
anonymous=$OUT
expect_listing 'DRIVER VOLUME NAME
local data' sandbox volume ls --filter name=^data$
expect_eq data "$(sandbox volume ls -q --filter label=kind=db)"
expect_eq 'data local local map[kind:db]' \
    "$(sandbox volume inspect -f '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}}' data)"
expect_eq "$(sandbox volume inspect -f '{{.Mountpoint}}' data)" \
    "$XDG_DATA_HOME/sandbox/volumes/data/data"
expect_ok sandbox volume exists data
expect_rc 1 sandbox volume exists nothing
expect_error 1 'no such volume' sandbox volume rm nothing
expect_ok sandbox volume rm -f nothing
expect_eq "$anonymous" "$(sandbox volume prune -f)"
expect_eq data "$(sandbox volume rm data)"
expect_eq '' "$(sandbox volume ls -q)"

test_case "tag and untag: several names, and the image stays"
expect_ok sandbox tag one a:1 b c:3
expect_eq 'a:1 b:latest c:3 one:latest' "$(sandbox inspect -f '{{join .RepoTags " "}}' one |
    tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/ $//')"
expect_ok sandbox untag one b
expect_rc 1 sandbox image inspect b
expect_error 1 'no such image' sandbox tag nothing x
expect_error 1 'invalid reference' sandbox tag one 'X!'
expect_ok sandbox untag "$ID1"
expect_eq '<none>' "$(sandbox images --filter dangling=true --format '{{.Repository}}')"
expect_ok sandbox image exists "$ID1"

test_case "rmi: several at once, those that fail are said, the others go"
expect_rc 1 sandbox rmi nothing "$ID1"
expect_match 'no such image' "$ERR"
expect_match "Deleted: $ID1" "$OUT"
expect_rc 1 sandbox image exists "$ID1"
expect_ok sandbox rmi -f nothing
expect_error 2 '.+' sandbox rmi

test_case "system df, check and info"
expect_ok sandbox system df
expect_match 'TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE' "$OUT"
expect_match 'Images +1 +0 ' "$OUT"
expect_eq 'Images 1' "$(sandbox system df --format '{{.Type}} {{.TotalCount}}' | head -n 1)"
expect_ok sandbox system check
expect_eq "$XDG_DATA_HOME/sandbox 1" "$(sandbox info --format '{{.DockerRootDir}} {{.Images}}')"
expect_ok sandbox info --format json
expect_ok sandbox system prune -af
expect_eq '' "$(sandbox images -q)"
