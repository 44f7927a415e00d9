// ids32: who am I, and whose is /etc/shadow, by the calls of 32-bit programs (int $0x80); then
// tries to make "made" somebody's and to become him.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static char* low;  // addresses of 32 bits

static int call(int number, long a, long b, long c) {
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"((long)number), "b"(a), "c"(b), "d"(c)
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)result;
}

static long text(int offset, const char* value) {
    strcpy(low + offset, value);
    return (long)(low + offset);
}

static unsigned word(int offset) {
    uint32_t value;
    memcpy(&value, low + offset, sizeof value);
    return value;
}

int main(void) {
    low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED) return 1;
    call(195, text(0, "/etc/shadow"), (long)(low + 100), 0);  // stat64
    unsigned uid = word(100 + 24), gid = word(100 + 28);
    int fd = call(5, text(200, "made"), O_CREAT | O_WRONLY, 0644);  // open
    call(6, fd, 0, 0);                                              // close
    call(212, text(200, "made"), 1000, -1);                         // chown32
    int own = call(199, 0, 0, 0), narrow = call(24, 0, 0, 0), group = call(200, 0, 0, 0);
    int rc = call(213, 1000, 0, 0);  // setuid32
    if (rc == 0 && call(199, 0, 0, 0) != 1000) rc = 1;
    printf("%d %d %d drop %d %u:%u\n", own, narrow, group, rc, uid, gid);
    return 0;
}
