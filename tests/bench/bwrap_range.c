// bwrap_range ARGUMENTS…: runs bwrap with these arguments in a user namespace with the caller's
// range of subordinate ids. bwrap itself maps one id only; it has an option to wait until somebody
// else has written the maps, which is what is done here.
#define _GNU_SOURCE
#include "map_ids.h"

enum { kInfoFd = 20, kBlockFd = 21 };

// bwrap tells the child's pid in a line of JSON.
static pid_t read_child(int info) {
    char text[1024];
    size_t filled = 0;
    for (;;) {
        ssize_t got = read(info, text + filled, sizeof text - 1 - filled);
        need(got > 0, "bwrap's information");
        filled += (size_t)got;
        text[filled] = '\0';
        const char* key = strstr(text, "\"child-pid\":");
        if (key != NULL && strchr(key, '\n') != NULL) return (pid_t)atoi(key + 12);
    }
}

int main(int argc, char** argv) {
    int info[2], block[2], status;
    char info_text[16], block_text[16];
    char* words[256] = {"bwrap", "--info-fd", info_text, "--userns-block-fd", block_text};
    const int own = 5;
    need(argc + own < 256, "too many arguments");
    for (int i = 1; i <= argc; ++i) words[own + i - 1] = argv[i];
    need(pipe2(info, O_CLOEXEC) == 0 && pipe2(block, O_CLOEXEC) == 0, "pipe");
    snprintf(info_text, sizeof info_text, "%d", kInfoFd);
    snprintf(block_text, sizeof block_text, "%d", kBlockFd);

    posix_spawn_file_actions_t actions;
    pid_t bwrap;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, info[1], kInfoFd);
    posix_spawn_file_actions_adddup2(&actions, block[0], kBlockFd);
    extern char** environ;
    need(posix_spawnp(&bwrap, "bwrap", &actions, NULL, words, environ) == 0, "bwrap");
    close(info[1]);
    close(block[0]);
    write_maps(read_child(info[0]), 1);
    need(write(block[1], "m", 1) == 1, "bwrap's block");
    need(waitpid(bwrap, &status, 0) == bwrap, "wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
