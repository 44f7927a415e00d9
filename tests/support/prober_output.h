// The prober's output: one JSON object of strings, one key a line.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int first = 1;

static void say(const char* key, const char* value) {
    printf("%s\n  \"%s\": \"", first ? "{" : ",", key);
    first = 0;
    for (; *value != 0; ++value) {
        if (*value == '"' || *value == '\\') putchar('\\');
        if ((unsigned char)*value >= 0x20) putchar(*value);
    }
    putchar('"');
}

static const char* name_of(int error) {
    const char* name = strerrorname_np(error);
    return name != NULL ? name : "?";
}

static void say_result(const char* key, long rc) {
    say(key, rc < 0 ? name_of(errno) : "works");
}

static char* slurp(const char* path) {
    static char buffer[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, buffer, sizeof buffer - 1);
    if (size < 0) snprintf(buffer, sizeof buffer, "%s", name_of(errno));
    if (size >= 0) buffer[size] = 0;
    if (fd >= 0) close(fd);
    buffer[strcspn(buffer, "\n")] = 0;
    return buffer;
}
