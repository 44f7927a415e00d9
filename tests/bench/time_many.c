// time_many ROUNDS -- COMMAND… [-- COMMAND…]…: runs the commands in turn, ROUNDS times, and prints
// for each one the median and the 10th and 90th percentile of its wall time in microseconds. A
// command that begins with a word N<FILE gets FILE, opened anew each time, as descriptor N.
// With QUIET=1 it waits before each command until nothing else runs on the machine, and takes the
// time again when something else ran at its end: for machines that are shared.
// Interleaved, so that a noisy neighbour disturbs all alike.
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
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

static int others_running(void) {
    int running = 0;
    FILE* load = fopen("/proc/loadavg", "r");
    if (load == NULL || fscanf(load, "%*s %*s %*s %d/", &running) != 1) running = 1;
    if (load != NULL) fclose(load);
    return running > 1;  // we are one
}

static void wait_for_quiet(void) {
    const struct timespec a_moment = {0, 700000};
    for (int quiet = 0; quiet < 3; quiet = others_running() ? 0 : quiet + 1) {
        nanosleep(&a_moment, NULL);
    }
}

static int start(char** command, pid_t* pid) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const char* file = strchr(command[0], '<');
    if (isdigit((unsigned char)command[0][0]) && file != NULL) {
        posix_spawn_file_actions_addopen(&actions, atoi(command[0]), file + 1, O_RDONLY, 0);
        ++command;
    }
    int rc = posix_spawnp(pid, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
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
    const char* wish = getenv("QUIET");
    int quiet = wish != NULL && strcmp(wish, "1") == 0;
    double* times = malloc(sizeof(double) * (size_t)rounds * (size_t)count);
    if (times == NULL) return 1;
    for (int round = -2; round < rounds; ++round) {  // two to warm up
        for (int c = 0; c < count; ++c) {
            int status;
            pid_t pid;
            double took;
            do {
                if (quiet) wait_for_quiet();
                double begin = now_us();
                if (start(commands[c], &pid) != 0) return 1;
                waitpid(pid, &status, 0);
                took = now_us() - begin;
            } while (quiet && status == 0 && others_running());
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
