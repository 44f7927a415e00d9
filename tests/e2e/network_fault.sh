#!/bin/bash
# Faults between two containers of a network, and between those two only.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image debian)"
expect_ok sandbox network create back
for name in web db other; do
    expect_ok sandbox run -d --name $name --network back -v /usr:/usr:ro localhost/debian sh -c \
        'cd /tmp && head -c 8000000 /dev/urandom >big && exec python3 -m http.server 80'
done
on_exit sandbox rm -f web db other
fault() { sandbox network fault "$@"; }
echoes() { # FROM TO COUNT: how many of the echo requests are answered within a second
    sandbox exec "$1" ping -q -n -c "$3" -i 0.02 -W 1 "$2" | sed -n 's/.* \([0-9]*\) received.*/\1/p'
}
fetch() { sandbox exec web curl -sS -m "$1" http://db/big | sha256sum; }
# The shortest round trip, in whole milliseconds.
round_trip() { sandbox exec web ping -q -n -c 2 -i 0.02 "$1" | sed -n 's,rtt .* = \([0-9]*\)\..*,\1,p'; }
answers() { sandbox exec db curl -sf -o /dev/null http://127.0.0.1/big; }
wait_until 20 answers
sum=$(sandbox exec db cat /tmp/big | sha256sum)

test_case "without a fault all goes through"
expect_eq "" "$(fault)"
expect_eq 5 "$(echoes web db 5)"
expect_eq "$sum" "$(fetch 20)"

test_case "a partition cuts the two off from each other, and from nobody else"
expect_ok fault web db --partition
expect_eq "web db (back): partition" "$(fault)"
expect_eq 0 "$(echoes web db 2)"
expect_eq 0 "$(echoes db web 2)"
expect_rc 28 sandbox exec web curl -s -m 1 -o /dev/null http://db/big
expect_eq 3 "$(echoes web other 3)"
expect_eq 3 "$(echoes other db 3)"

test_case "a delay is of each packet, in both directions; what is slow is whole"
expect_ok fault db web --delay 50ms
expect_eq "db web (back): delay 50ms" "$(fault)"
expect_eq 1 "$(($(round_trip db) >= 100))" "round trip of at least 100 ms: $(round_trip db)"
expect_eq 1 "$(($(round_trip other) < 100))" "round trip to another one: $(round_trip other)"
expect_ok fault web db --delay 5ms
expect_eq "$sum" "$(fetch 60)"

test_case "what is on its way stays there when another container comes"
expect_ok fault web db --delay 300ms
sandbox exec web ping -n -c 40 -i 0.05 -W 2 db >"$WORK/pings" 2>&1 &
pings=$!
for _ in 1 2 3; do expect_ok sandbox run --rm --network back -v /usr:/usr:ro localhost/debian true; done
wait "$pings"
expect_match '40 packets transmitted, 40 received, 0% packet loss' "$(cat "$WORK/pings")"
expect_no_match 'duplicates|DUP' "$(cat "$WORK/pings")"

test_case "loss loses some and not all, with a delay, too"
for flags in "--drop 40%" "--drop 40% --delay 1ms"; do
    # shellcheck disable=SC2086  # several words
    expect_ok fault web db $flags
    expect_match "drop 40%$" "$(fault)"
    heard=$(echoes web db 100)
    expect_eq 1 "$((heard > 0 && heard < 100))" "heard of 100 with $flags: $heard"
done
expect_eq 3 "$(echoes other db 3)"

test_case "it ends by --clear"
expect_ok fault web db --partition
expect_ok fault web other --delay 10ms
expect_ok fault db web --clear
expect_eq "web other (back): delay 10ms" "$(fault)"
expect_ok fault web other --clear
expect_eq "" "$(fault)"
expect_eq 5 "$(echoes web db 5)"

test_case "a container that is started again keeps its faults"
expect_ok fault web db --partition
expect_ok sandbox restart -t 0 db
expect_eq "web db (back): partition" "$(fault)"
expect_eq 0 "$(echoes web db 2)"
expect_eq 2 "$(echoes other db 2)" "who knew its hardware address knows it still"
expect_ok fault web db --clear
expect_eq 2 "$(echoes web db 2)"

test_case "what makes no sense is one line"
expect_error 2 'which two' sandbox network fault --partition
expect_error 2 'between two' sandbox network fault web --partition
expect_error 2 'which fault' sandbox network fault web db
expect_error 2 'contradict' sandbox network fault web db --clear --partition
expect_error 2 'no percentage' sandbox network fault web db --drop 101%
expect_error 2 'no duration' sandbox network fault web db --delay soon
expect_error 1 'between two containers' sandbox network fault web web --partition
expect_error 1 'no such container|not found' sandbox network fault web nosuch --partition
expect_ok sandbox run -d --name alone --network none localhost/debian sleep 600
on_exit sandbox rm -f alone
expect_error 1 'no network together' sandbox network fault web alone --partition
expect_ok sandbox stop -t 0 db
expect_error 1 'does not run' sandbox network fault web db --partition
