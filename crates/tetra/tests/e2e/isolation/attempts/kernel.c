/* Namespaces, privileges, other processes, and calls that concern the whole machine. */

#include "attempt.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define TRY(name, expression) \
    static struct answer name(void) { return of_call(expression); }

/* Namespaces */

TRY(new_user_namespace, unshare(CLONE_NEWUSER))
TRY(new_mount_namespace, unshare(CLONE_NEWNS))
TRY(new_network_namespace, unshare(CLONE_NEWNET))
TRY(new_pid_namespace, unshare(CLONE_NEWPID))
TRY(new_cgroup_namespace, unshare(CLONE_NEWCGROUP))

static int stop(void *unused)
{
    (void)unused;
    return 0;
}
static char stack[64 << 10];
TRY(clone_user_namespace, clone(stop, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL))

static struct answer clone3_user_namespace(void)
{
    unsigned long long arguments[11] = { CLONE_NEWUSER, 0, 0, 0, SIGCHLD };
    long child = syscall(SYS_clone3, arguments, 88);
    if (child == 0)
        _exit(0);
    return of_call(child);
}

static struct answer enter_namespace(void)
{
    int namespace = open("/proc/self/ns/mnt", O_RDONLY);
    return namespace < 0 ? of_call(-1) : of_call(setns(namespace, CLONE_NEWNS));
}

/* Privileges */

/* What a program of `path` may do when a tenant's ordinary user starts it. */
static struct answer of_set_uid(const char *path)
{
    if (access(path, X_OK))
        return answered(UNTRIED, "%s: %s", path, strerrorname_np(errno));
    pid_t child = fork();
    if (child == 0) {
        if (setgid(1000) || setuid(1000))
            _exit(1);
        execl(path, path, "whoami", NULL);
        _exit(2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    switch (WEXITSTATUS(status)) {
    case 0: return answered(REFUSED, "it runs as user 1000");
    case 42: return answered(DONE, "it runs as root");
    default: return answered(UNTRIED, "it ended with %d", WEXITSTATUS(status));
    }
}

/* Of the image. Outside of a container there is none, so that it is made. */
static struct answer set_uid_of_image(void) { return of_set_uid("/bin/attempts-set-uid"); }

static struct answer set_uid_made(void)
{
    char copy[96];
    strcpy(copy, file("set-uid"));
    char command[600], self[200] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return answered(UNTRIED, "no /proc/self/exe");
    snprintf(command, sizeof command, "chmod 755 %s && cp %s %s && chmod 4755 %s", dir(), self, copy, copy);
    return system(command) ? answered(UNTRIED, "no copy of the program could be made") : of_set_uid(copy);
}

static struct answer file_capabilities(void)
{
    int made = open(file("capable"), O_CREAT | O_WRONLY, 0755);
    if (made < 0)
        return answered(UNTRIED, "no file: %s", strerrorname_np(errno));
    /* Version 2, effective, CAP_SYS_ADMIN. */
    unsigned words[5] = { 0x02000001, 1u << CAP_SYS_ADMIN, 0, 0, 0 };
    return of_call(fsetxattr(made, "security.capability", words, sizeof words, 0));
}

static struct answer take_capabilities(void)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { { ~0u, ~0u, 0 }, { 0x1ff, 0x1ff, 0 } };
    for (int capability = CAP_LAST_CAP; capability > 40; capability--)
        data[1].effective = data[1].permitted &= ~(1u << (capability - 32));
    data[0].effective = data[0].permitted = 1u << CAP_SYS_ADMIN | 1u << CAP_NET_ADMIN;
    data[1].effective = data[1].permitted = 0;
    return of_call(syscall(SYS_capset, &head, data));
}

TRY(real_time, sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 50 }))
TRY(nicer, setpriority(PRIO_PROCESS, 0, -10))

#ifdef __x86_64__
/* mount(2) by the entry of 32-bit programs, and by that of x32: doors that a filter may forget. */
static struct answer call_of_i386(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(21L), "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L) : "memory");
    errno = result < 0 ? (int)-result : 0;
    return of_call(result < 0 ? -1 : 0);
}
TRY(call_of_x32, syscall(0x40000000L | SYS_mount, dir(), dir(), "tmpfs", 0, NULL))
#endif

/* Other processes, keys, and what concerns the whole machine */

TRY(trace, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
TRY(trace_other, ptrace(PTRACE_SEIZE, getppid(), NULL, NULL))

static struct answer read_other_memory(void)
{
    char byte;
    struct iovec here = { &byte, 1 }, there = { &byte, 1 };
    return of_call(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static struct answer take_descriptor(void)
{
    int process = (int)syscall(SYS_pidfd_open, getppid(), 0);
    return process < 0 ? of_call(-1) : of_call(syscall(SYS_pidfd_getfd, process, 1, 0));
}

TRY(add_key, syscall(SYS_add_key, "user", "attempt", "x", 1, -3 /* session */))
TRY(read_keyring, syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 0))
TRY(request_key, syscall(SYS_request_key, "user", "attempt", NULL, 0))
TRY(bpf, syscall(SYS_bpf, 0 /* BPF_MAP_CREATE */, NULL, 0))
TRY(perf, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
TRY(user_faults, syscall(SYS_userfaultfd, 0))
TRY(uring, syscall(SYS_io_uring_setup, 1, (char[256]){ 0 }))
TRY(load_kernel, syscall(SYS_kexec_load, 0, 0xffff, NULL, 0))
TRY(load_module, syscall(SYS_init_module, NULL, 0, ""))
TRY(unload_module, syscall(SYS_delete_module, "no_such_module", O_NONBLOCK))
/* Wrong magic numbers: it is refused for permission first. */
TRY(restart_machine, syscall(SYS_reboot, 0, 0, 0, NULL))
TRY(set_clock, clock_settime(CLOCK_REALTIME, &(struct timespec){ .tv_sec = -1 }))
TRY(tune_clock, adjtimex(&(struct timex){ .modes = ADJ_OFFSET, .offset = 0 }))
TRY(set_host_name, sethostname("attempt", 7))
TRY(set_domain_name, setdomainname("attempt", 7))
TRY(swap_on, swapon("/no-such-file", 0))
TRY(io_ports, syscall(SYS_iopl, 3))
TRY(watch_file_system, syscall(SYS_fanotify_init, 0, 0))
TRY(quota, syscall(SYS_quotactl, 0, NULL, 0, NULL))
TRY(accounting, acct("/no-such-file"))
TRY(place_memory, syscall(SYS_set_mempolicy, 0, NULL, 0))

const struct attempt kernel_attempts[] = {
    { "unshare-user", "make a user namespace", new_user_namespace, 1 },
    { "unshare-mount", "make a mount namespace", new_mount_namespace, 1 },
    { "unshare-net", "make a network namespace", new_network_namespace, 1 },
    { "unshare-pid", "make a pid namespace", new_pid_namespace, 1 },
    { "unshare-cgroup", "make a cgroup namespace", new_cgroup_namespace, 1 },
    { "clone-user", "clone into a user namespace", clone_user_namespace, 1 },
    { "clone3-user", "clone3 into a user namespace", clone3_user_namespace, 1 },
    { "setns", "enter a mount namespace", enter_namespace, 1 },
    { "set-uid-image", "run a set-uid program of the image", set_uid_of_image, 0 },
    { "set-uid-made", "make a set-uid program and run it", set_uid_made, 1 },
    { "file-capabilities", "give a file capabilities", file_capabilities, 1 },
    { "capset", "take CAP_SYS_ADMIN and CAP_NET_ADMIN", take_capabilities, 1 },
    { "real-time", "a real-time priority", real_time, 0 },
    { "nice", "a better priority than the neighbours", nicer, 1 },
#ifdef __x86_64__
    { "i386-mount", "mount by the 32-bit entry", call_of_i386, 0 },
    { "x32-mount", "mount by the x32 entry", call_of_x32, 0 },
#endif
    { "ptrace", "be traced", trace, 1 },
    { "ptrace-other", "trace another process", trace_other, 1 },
    { "process-vm-readv", "read another process's memory", read_other_memory, 1 },
    { "pidfd-getfd", "take a descriptor of another process", take_descriptor, 1 },
    { "add-key", "add a key to the session's keyring", add_key, 1 },
    { "keyctl", "open the session's keyring", read_keyring, 1 },
    { "request-key", "request a key", request_key, 1 },
    { "bpf", "make a BPF map", bpf, 1 },
    { "perf-event-open", "count events of the CPU", perf, 1 },
    { "userfaultfd", "handle page faults", user_faults, 1 },
    { "io-uring", "set up an io_uring", uring, 1 },
    { "kexec", "load another kernel", load_kernel, 0 },
    { "init-module", "load a module", load_module, 0 },
    { "delete-module", "unload a module", unload_module, 0 },
    { "reboot", "restart the machine", restart_machine, 0 },
    { "clock-settime", "set the clock", set_clock, 0 },
    { "adjtimex", "tune the clock", tune_clock, 0 },
    { "sethostname", "change the host name", set_host_name, 1 },
    { "setdomainname", "change the domain name", set_domain_name, 1 },
    { "swapon", "swap to a file", swap_on, 1 },
    { "iopl", "access I/O ports", io_ports, 0 },
    { "fanotify", "watch whole file systems", watch_file_system, 1 },
    { "quotactl", "change quotas", quota, 1 },
    { "acct", "process accounting", accounting, 1 },
    { "set-mempolicy", "place memory on nodes", place_memory, 1 },
    { NULL, NULL, NULL, 0 },
};
