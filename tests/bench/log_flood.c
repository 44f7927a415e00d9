/* A service that writes a lot: lines of a given length through stdio, as most programs do.
 *   log_flood BYTES LINE_LENGTH TIME_FILE
 * The time from the first to the last write goes to TIME_FILE, in milliseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const long long bytes = atoll(argv[1]);
    const size_t length = (size_t)atoll(argv[2]);
    char* line = malloc(length);
    memset(line, 'x', length - 1);
    line[length - 1] = '\n';
    const double start = now();
    for (long long left = bytes; left > 0; left -= (long long)length) {
        if (fwrite(line, 1, length, stdout) != length) return 1;
    }
    fflush(stdout);
    const double end = now();
    FILE* out = fopen(argv[3], "w");
    if (out == NULL) return 1;
    fprintf(out, "%.0f\n", end - start);
    fclose(out);
    return 0;
}
