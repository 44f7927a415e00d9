# project.sh: what scripts about a project of busybox containers begin with. Sourced behind lib.sh:
# the image is there as "busybox", and the working directory, $WORK/p, is the project's; it is brought
# down at the end.

expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox tag "$OUT" busybox
mkdir "$WORK/p"
cd "$WORK/p" || exit 1
on_exit sandbox down -q -t 0 -v -f "$WORK/p/sandbox.toml"

# Every container with its state, a line each.
states() { sandbox ps -a --format '{{.Names}} {{.State}}' | sort; }
