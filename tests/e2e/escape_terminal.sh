#!/bin/bash
# A container types nothing into the host's shell, with and without a terminal of its own. E12.
. "$SANDBOX_TESTS/support/lib.sh"

mkdir -p "$WORK/layer/bin"
cat >"$WORK/inject.c" <<'C'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
// Types into every terminal it can reach, in every way.
static void type(int fd, const char *who) {
    const char *text = "touch /tmp/injected-by-container\n";
    int pushed = 0;
    for (const char *c = text; *c; ++c) {
        pushed += ioctl(fd, TIOCSTI, c) == 0;
        pushed += syscall(SYS_ioctl, fd, (unsigned long)TIOCSTI | 1UL << 32, c) == 0;
    }
    char paste = 3;
    pushed += ioctl(fd, TIOCLINUX, &paste) == 0;
    printf("%s tty:%d pushed:%d errno:%d\n", who, isatty(fd), pushed, errno);
}
int main(void) {
    type(0, "stdin");
    type(1, "stdout");
    type(2, "stderr");
    return 0;
}
C
expect_ok cc -O1 -static -w -o "$WORK/layer/bin/inject" "$WORK/inject.c"
expect_ok make_image "$WORK/img" --layer busybox --layer "$WORK/layer"
expect_ok sandbox pull -q "oci:$WORK/img"

# A host shell on a terminal: what is typed into it by somebody else, it would execute.
on_terminal() { # SECONDS STEP… -- COMMAND…
    python3 "$SANDBOX_TESTS/support/terminal.py" "$@"
}
rm -f /tmp/injected-by-container

test_case "with a terminal of its own nothing reaches the caller's"
run_rc on_terminal expect:pushed expect:'rc=0' send:'exit\r' -- sh -c \
    "'$SANDBOX_BIN' run -it localhost/img inject; echo rc=\$?; exec sh"
expect_match 'stdin tty:1 pushed:0 errno:1[^0-9]' "$OUT"
expect_no_match 'pushed:[1-9]' "$OUT"

test_case "with the caller's terminal as stdin, stdout and stderr nothing is typed either"
run_rc on_terminal expect:'stderr tty' expect:'rc=0' send:'exit\r' -- sh -c \
    "'$SANDBOX_BIN' run -i --tty=false localhost/img inject; echo rc=\$?; exec sh"
expect_match 'stdin tty:1 pushed:0 errno:1[^0-9]' "$OUT"
expect_no_match 'pushed:[1-9]' "$OUT"

test_case "without a filter the kernel still refuses: the session is not the caller's"
run_rc on_terminal expect:'stderr tty' expect:'rc=0' send:'exit\r' -- sh -c \
    "'$SANDBOX_BIN' run -i --tty=false --security-opt seccomp=unconfined localhost/img inject;
     echo rc=\$?; exec sh"
expect_no_match 'stdin tty:1 pushed:[1-9]' "$OUT"
expect_no_file /tmp/injected-by-container
