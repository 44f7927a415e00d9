# wordpress.sh: what scripts about the project "blog" begin with, WordPress with its database. Sourced
# behind lib.sh: the images are there as "mariadb" and "wordpress", the working directory, $WORK/blog, is
# to have the profile, and $site is where the pages are to be, at $port of the loopback.
# shellcheck disable=SC2034  # for the scripts

for name in mariadb wordpress; do
    expect_ok sandbox pull -q "oci:$(image "$name")"
    expect_ok sandbox tag "$OUT" "$name"
done
mkdir "$WORK/blog"
cd "$WORK/blog" || exit 1
on_exit sandbox down -q -t 0 -v -f "$WORK/blog/sandbox.toml"
port=$(free_port)
site=http://127.0.0.1:$port
