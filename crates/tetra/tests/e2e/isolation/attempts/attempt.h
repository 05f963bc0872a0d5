/* What a tenant might try from inside of a container, each by a name. */

#ifndef ATTEMPT_H
#define ATTEMPT_H

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>

enum verdict { REFUSED, DONE, UNTRIED };

struct answer {
    enum verdict verdict;
    char text[160];
};

struct attempt {
    const char *name;
    const char *tried;
    struct answer (*run)(void);
    /* Whether root outside of a container can do it: then it is also run there, where it must not be refused. */
    int works_outside;
};

/* What the test tells: a file of the host, a process of the host, and an address that is not the container's. */
extern const char *host_file;
extern int host_process;
extern const char *foreign_address;

/* By its name alone, and in no group: it leaves a process behind. */
extern const struct attempt keep_devices_open;

extern const struct attempt file_attempts[], kernel_attempts[], network_attempts[], resource_attempts[];

struct answer answered(enum verdict verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of a system call: refused only by errors that speak of permission. An error about arguments means that the kernel
   would have done it. */
struct answer of_call(long result);

/* Of opening a file: a file that is not there is as good as one that may not be opened. */
struct answer of_open(const char *path, int flags);

/* A directory of the attempt's own, and a path in it. */
const char *dir(void);
const char *file(const char *name);

/* Runs one in a process of its own and prints: name, what was tried, verdict, answer. Returns the verdict. */
enum verdict show(const struct attempt *attempt);

/* Connects by TCP; an attempt whose parts the test gives. */
void show_connection(const char *name, const char *address, int port);

#endif
