// thread_ids: one thread becomes 33 for itself, past the C library; then the C library makes all of
// them 8. Prints what both threads say each time, and whom a file of the first one belongs to.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t turn;
static long other_uid;

static void* run(void* unused) {
    (void)unused;
    syscall(SYS_setresuid, -1, 33, -1);
    close(open("/tmp/by-thread", O_CREAT | O_WRONLY, 0644));
    other_uid = geteuid();
    pthread_barrier_wait(&turn);  // read by the first thread
    pthread_barrier_wait(&turn);
    syscall(SYS_setresuid, -1, 0, -1);  // or it could not become another with all
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    other_uid = geteuid();
    pthread_barrier_wait(&turn);
    return NULL;
}

int main(void) {
    pthread_t thread;
    struct stat made = {0};
    pthread_barrier_init(&turn, NULL, 2);
    if (pthread_create(&thread, NULL, run, NULL) != 0) return 1;
    pthread_barrier_wait(&turn);
    stat("/tmp/by-thread", &made);
    printf("%u %ld %u ", geteuid(), other_uid, made.st_uid);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    int rc = setresuid(8, 8, 8);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    printf("%d %u %ld %d\n", rc, geteuid(), other_uid, setuid(0));
    pthread_join(thread, NULL);
    return 0;
}
