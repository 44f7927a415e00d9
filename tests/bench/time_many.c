// time_many ROUNDS -- COMMAND… [-- COMMAND…]…: runs the commands in turn, ROUNDS times, and prints
// for each one the median and the 10th and 90th percentile of its wall time in microseconds.
// Interleaved, so that a noisy neighbour disturbs all alike.
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char** environ;

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void* a, const void* b) {
    double x = *(const double*)a, y = *(const double*)b;
    return (x > y) - (x < y);
}

int main(int argc, char** argv) {
    enum { kMost = 16 };
    char** commands[kMost];
    int count = 0;
    int rounds = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 2; i < argc; ++i) {
        if (strcmp(argv[i], "--") != 0) continue;
        argv[i] = NULL;
        if (count < kMost) commands[count++] = argv + i + 1;
    }
    if (rounds < 1 || count < 1) return 2;
    double* times = malloc(sizeof(double) * (size_t)rounds * (size_t)count);
    if (times == NULL) return 1;
    for (int round = -2; round < rounds; ++round) {  // two to warm up
        for (int c = 0; c < count; ++c) {
            int status;
            pid_t pid;
            double start = now_us();
            if (posix_spawnp(&pid, commands[c][0], NULL, NULL, commands[c], environ) != 0) return 1;
            waitpid(pid, &status, 0);
            double took = now_us() - start;
            if (status != 0) {
                fprintf(stderr, "time_many: \"%s\" failed: status %d\n", commands[c][0], status);
                return 1;
            }
            if (round >= 0) times[c * rounds + round] = took;
        }
    }
    for (int c = 0; c < count; ++c) {
        double* mine = times + c * rounds;
        qsort(mine, (size_t)rounds, sizeof *mine, compare);
        printf("%.0f %.0f %.0f\n", mine[rounds / 2], mine[rounds / 10], mine[rounds * 9 / 10]);
    }
    free(times);
    return 0;
}
