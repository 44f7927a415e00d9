// The id maps of a new user namespace, written as any program has to write them: directly for one
// id, through newuidmap and newgidmap for a range. Shared by the floor and by bwrap_range.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(int good, const char* what) {
    if (!good) {
        perror(what);
        _exit(125);
    }
}

static void write_file(const char* path, const char* text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    close(fd);
}

// The first line of `file` that begins with the user's name (from $USER) gives start and count.
static void find_range(const char* file, char start[32], char count[32]) {
    char line[256], name[64];
    FILE* stream = fopen(file, "r");
    need(stream != NULL, file);
    while (fgets(line, sizeof line, stream)) {
        if (sscanf(line, "%63[^:]:%31[0-9]:%31[0-9]", name, start, count) == 3 &&
            strcmp(name, getenv("USER")) == 0) {
            fclose(stream);
            return;
        }
    }
    need(0, "no range for $USER");
}

static pid_t start_helper(const char* program, const char* file, const char* pid, unsigned own) {
    char self[16], start[32], count[32];
    char* none[] = {NULL};
    pid_t helper;
    snprintf(self, sizeof self, "%u", own);
    find_range(file, start, count);
    char* argv[] = {(char*)program, (char*)pid, "0", self, "1", "1", start, count, NULL};
    need(posix_spawn(&helper, program, NULL, NULL, argv, none) == 0, program);
    return helper;
}

// What a program that makes a user namespace for `child` has to do for it.
static void write_maps(pid_t child, int range) {
    char pid[16], path[64], text[64];
    snprintf(pid, sizeof pid, "%d", child);
    if (range) {
        int status;
        pid_t uids = start_helper("/usr/bin/newuidmap", "/etc/subuid", pid, getuid());
        pid_t gids = start_helper("/usr/bin/newgidmap", "/etc/subgid", pid, getgid());
        need(waitpid(uids, &status, 0) == uids && status == 0, "newuidmap");
        need(waitpid(gids, &status, 0) == gids && status == 0, "newgidmap");
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/setgroups", child);
    write_file(path, "deny");
    snprintf(path, sizeof path, "/proc/%d/uid_map", child);
    snprintf(text, sizeof text, "0 %u 1", getuid());
    write_file(path, text);
    snprintf(path, sizeof path, "/proc/%d/gid_map", child);
    snprintf(text, sizeof text, "0 %u 1", getgid());
    write_file(path, text);
}
