/* More than was paid for. Every one cleans up after itself, so that the next finds the container as it was. */

#include "attempt.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the test's deployment pays for, and a little more. */
enum {
    MANY_PROCESSES = 5000,
    MEMORY_MIB = 640,
    MANY_FILES = 200000,
    MANY_TERMINALS = 1500,
    FLOOD_MIB = 20,
    BURN_MS = 1000,
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits for the end of a child that the kernel may kill. */
static int ended(pid_t child)
{
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

static struct answer fork_bomb(void)
{
    setpgid(0, 0);
    int made = 0, error = 0;
    for (; made < MANY_PROCESSES; made++) {
        pid_t child = fork();
        if (child == 0)
            for (;;)
                pause();
        if (child < 0) {
            error = errno;
            break;
        }
    }
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    for (int i = 0; i < made; i++)
        wait(NULL);
    return made == MANY_PROCESSES ? answered(DONE, "%d processes", made)
                                  : answered(REFUSED, "%s after %d processes", strerrorname_np(error), made);
}

static struct answer memory(void)
{
    int *touched = mmap(NULL, sizeof *touched, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < MEMORY_MIB; i++, ++*touched) {
            char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (block == MAP_FAILED)
                _exit(1);
            memset(block, 1, 1 << 20);
        }
        _exit(0);
    }
    if (child < 0)
        return answered(UNTRIED, "no process");
    int status = ended(child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
               ? answered(REFUSED, "killed after %d MiB", *touched)
               : answered(*touched == MEMORY_MIB ? DONE : REFUSED, "%d MiB", *touched);
}

/* Writes to a new file in `dir` until there is no room, and compares with the size of the file system. */
static struct answer fill(const char *dir, int limit_mib)
{
    char path[100];
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    snprintf(path, sizeof path, "%s/fill", dir);
    int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (file < 0)
        return answered(UNTRIED, "%s: %s", path, strerrorname_np(errno));
    long bytes = 0, written = 0;
    while (bytes >> 20 < limit_mib && (written = write(file, block, sizeof block)) > 0)
        bytes += written;
    int error = errno;
    close(file);
    unlink(path);
    return written > 0 ? answered(DONE, "%ld bytes", bytes)
                       : answered(REFUSED, "%s after %ld bytes", strerrorname_np(error), bytes);
}

static struct answer fill_root(void) { return fill("/tmp", 48); }
static struct answer fill_volume(void) { return fill("/data", 32); }
static struct answer fill_memory_file_system(void) { return fill("/dev/shm", 96); }
static struct answer fill_dev(void) { return fill("/dev", 8); }

/* Makes empty files until there are no more. */
static struct answer inodes(const char *dir)
{
    char path[120];
    snprintf(path, sizeof path, "%s/inodes", dir);
    if (mkdir(path, 0700))
        return answered(UNTRIED, "%s: %s", path, strerrorname_np(errno));
    int folder = open(path, O_RDONLY | O_DIRECTORY), made = 0, error = 0;
    for (; made < MANY_FILES; made++) {
        char name[16];
        snprintf(name, sizeof name, "%d", made);
        int file = openat(folder, name, O_CREAT | O_WRONLY, 0600);
        if (file < 0) {
            error = errno;
            break;
        }
        close(file);
    }
    for (int i = 0; i < made; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        unlinkat(folder, name, 0);
    }
    rmdir(path);
    return made == MANY_FILES ? answered(DONE, "%d files", made)
                              : answered(REFUSED, "%s after %d files", strerrorname_np(error), made);
}

static struct answer inodes_of_root(void) { return inodes("/tmp"); }
static struct answer inodes_of_volume(void) { return inodes("/data"); }
static struct answer inodes_of_dev(void) { return inodes("/dev"); }
static struct answer inodes_of_shm(void) { return inodes("/dev/shm"); }

/* The host's reader takes it slowly and keeps the last of it; the test looks at what it kept. */
static struct answer flood_log(void)
{
    static char line[1 << 16];
    memset(line, 'x', sizeof line);
    for (size_t i = 127; i < sizeof line; i += 128)
        line[i] = '\n';
    int log = open("/proc/1/fd/1", O_WRONLY);
    if (log < 0)
        return answered(UNTRIED, "the log: %s", strerrorname_np(errno));
    double start = seconds();
    for (int i = 0; i < FLOOD_MIB * 16; i++)
        if (write(log, line, sizeof line) < 0)
            return answered(UNTRIED, "the log: %s", strerrorname_np(errno));
    double took = seconds() - start;
    return took < 2 ? answered(DONE, "%d MiB in %.1f s", FLOOD_MIB, took)
                    : answered(REFUSED, "slowed down: %d MiB took %.1f s", FLOOD_MIB, took);
}

static struct answer descriptors(void)
{
    int opened = 0;
    while (opened < MANY_FILES && open("/bin/attempts", O_RDONLY) >= 0)
        opened++;
    return opened == MANY_FILES ? answered(DONE, "%d files", opened)
                                : answered(REFUSED, "%s after %d files", strerrorname_np(errno), opened);
}

static struct answer more_descriptors(void)
{
    struct rlimit limit = { 1 << 20, 1 << 20 };
    return of_call(setrlimit(RLIMIT_NOFILE, &limit));
}

/* All containers of a machine share one supply of terminals. */
static struct answer terminals(void)
{
    int opened = 0;
    while (opened < MANY_TERMINALS && open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0)
        opened++;
    return opened == MANY_TERMINALS ? answered(DONE, "%d terminals", opened)
                                    : answered(REFUSED, "%s after %d terminals", strerrorname_np(errno), opened);
}

/* Two processes that do nothing else; the deployment pays for half a core. */
static struct answer burn(void)
{
    double start = seconds();
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            while ((seconds() - start) * 1000 < BURN_MS)
                ;
            _exit(0);
        }
    wait(NULL);
    wait(NULL);
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    double share = ((double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6 + (double)used.ru_stime.tv_sec +
                    (double)used.ru_stime.tv_usec / 1e6) / (seconds() - start);
    return answered(share > 0.7 ? DONE : REFUSED, "%.2f of a core", share);
}

const struct attempt resource_attempts[] = {
    { "fork-bomb", "processes without end", fork_bomb, 0 },
    { "memory", "more memory than was paid for", memory, 0 },
    { "cpu", "two processes at full speed on half a core", burn, 0 },
    { "disk-of-root", "fill the root file system", fill_root, 0 },
    { "disk-of-volume", "fill the volume", fill_volume, 0 },
    { "disk-of-shm", "fill /dev/shm", fill_memory_file_system, 0 },
    { "disk-of-dev", "fill /dev", fill_dev, 0 },
    { "inodes-of-root", "files without end in the root", inodes_of_root, 0 },
    { "inodes-of-volume", "files without end in the volume", inodes_of_volume, 0 },
    { "inodes-of-dev", "files without end in /dev", inodes_of_dev, 0 },
    { "inodes-of-shm", "files without end in /dev/shm", inodes_of_shm, 0 },
    { "descriptors", "open files without end", descriptors, 0 },
    { "raise-descriptors", "raise the limit of open files", more_descriptors, 0 },
    { "terminals", "terminals without end", terminals, 0 },
    { "log-flood", "a log without end", flood_log, 0 },
    { NULL, NULL, NULL, 0 },
};
