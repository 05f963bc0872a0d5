/* Runs attempts: as a program `attempts GROUP`, as a CGI script with `?do=GROUP&…`. */

#include "attempt.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds after which an attempt counts as untried. */
enum { LIMIT = 60 };

/* Outside of a container what works must harm nothing. */
static int in_own_namespaces;

const char *host_file = "/no-file-was-named";
int host_process = 1;
const char *foreign_address = "192.0.2.1";

struct answer answered(enum verdict verdict, const char *format, ...)
{
    struct answer answer = { .verdict = verdict };
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(answer.text, sizeof answer.text, format, arguments);
    va_end(arguments);
    return answer;
}

static const char *name_of(int error)
{
    const char *name = strerrorname_np(error);
    return name ? name : "an unknown error";
}

struct answer of_call(long result)
{
    if (result != -1)
        return answered(DONE, "it worked");
    switch (errno) {
    case EPERM: case EACCES: case ENOSYS: case EROFS:
        return answered(REFUSED, "%s", name_of(errno));
    default:
        return answered(DONE, "allowed, and then %s", name_of(errno));
    }
}

struct answer of_open(const char *path, int flags)
{
    int file = open(path, flags | O_CLOEXEC);
    if (file < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENXIO))
        return answered(REFUSED, "%s: %s", path, name_of(errno));
    struct answer answer = of_call(file);
    if (file >= 0)
        close(file);
    return answer;
}

const char *dir(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/attempt-%d", getpid());
    mkdir(path, 0755);
    return path;
}

const char *file(const char *name)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/%s", dir(), name);
    return path;
}

static const char *word(enum verdict verdict)
{
    return verdict == REFUSED ? "refused" : verdict == DONE ? "done" : "untried";
}

enum verdict show(const struct attempt *attempt)
{
    struct answer *answer = mmap(NULL, sizeof *answer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *answer = answered(UNTRIED, "it gave no answer");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(LIMIT);
        if (in_own_namespaces && (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET) ||
                                  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)))
            _exit(1);
        *answer = attempt->run();
        _exit(0);
    }
    int status = 0;
    if (child < 0)
        *answer = answered(UNTRIED, "no process for it: %s", name_of(errno));
    else if (waitpid(child, &status, 0) == child && WIFSIGNALED(status)) {
        /* The filter kills for calls of another architecture; a kernel without one faults. */
        if (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV)
            *answer = answered(REFUSED, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
        else
            *answer = answered(UNTRIED, "ended by SIG%s", sigabbrev_np(WTERMSIG(status)));
    }
    printf("%s\t%s\t%s\t%s\n", attempt->name, attempt->tried, word(answer->verdict), answer->text);
    fflush(stdout);
    enum verdict verdict = answer->verdict;
    munmap(answer, sizeof *answer);
    return verdict;
}

/* All of a group, the one of a name, those that work outside, or (`list`) no more than the names. */
static int show_group(const char *group)
{
    static const struct attempt *const tables[] = { file_attempts, kernel_attempts, network_attempts,
                                                    resource_attempts };
    static const char *const names[] = { "files", "kernel", "network", "resources" };
    int shown = 0;
    in_own_namespaces = strcmp(group, "outside") == 0;
    for (int table = 0; table < 4; table++)
        for (const struct attempt *attempt = tables[table]; attempt->name; attempt++) {
            if (strcmp(group, "list") == 0)
                printf("%s\t%s\t\t%s\n", attempt->name, attempt->tried, names[table]);
            else if (strcmp(group, names[table]) == 0 || strcmp(group, attempt->name) == 0 ||
                     (in_own_namespaces && attempt->works_outside))
                show(attempt);
            else
                continue;
            shown++;
        }
    return shown;
}

/* `to=NAME,ADDRESS,PORT` */
static void connect_to(char *target)
{
    char *name = strsep(&target, ","), *address = strsep(&target, ",");
    if (target)
        show_connection(name, address, atoi(target));
}

static void ask(char *query)
{
    struct utsname kernel;
    for (char *pair; (pair = strsep(&query, "&"));) {
        char *value = strchr(pair, '=');
        if (!value)
            continue;
        *value++ = 0;
        if (strcmp(pair, "file") == 0)
            host_file = value;
        else if (strcmp(pair, "process") == 0)
            host_process = atoi(value);
        else if (strcmp(pair, "foreign") == 0)
            foreign_address = value;
        else if (strcmp(pair, "to") == 0)
            connect_to(value);
        else if (strcmp(pair, "do") == 0 && strcmp(value, "kernel-release") == 0 && uname(&kernel) == 0)
            printf("kernel-release\t\tdone\t%s\n", kernel.release);
        else if (strcmp(pair, "do") == 0 && strcmp(value, keep_devices_open.name) == 0)
            show(&keep_devices_open);
        else if (strcmp(pair, "do") == 0 && !show_group(value))
            printf("%s\t\tuntried\tno attempt of this name\n", value);
    }
}

int main(int count, char **arguments)
{
    /* As the set-uid copy of the image: tells whose rights it has. */
    if (count > 1 && strcmp(arguments[1], "whoami") == 0)
        return geteuid() == 0 ? 42 : 0;
    const char *query = getenv("QUERY_STRING");
    if (query) {
        printf("Content-Type: text/plain\r\n\r\n");
        ask(strdup(query));
    }
    for (int i = 1; i < count; i++)
        ask(arguments[i]);
    return 0;
}
