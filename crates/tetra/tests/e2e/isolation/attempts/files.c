/* Mounts, devices, /proc and /sys, control groups. */

#include "attempt.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TRY(name, expression) \
    static struct answer name(void) { return of_call(expression); }

/* Mounts */

TRY(mount_tmpfs, mount("none", dir(), "tmpfs", 0, NULL))
TRY(mount_bind, mount("/", dir(), NULL, MS_BIND, NULL))
TRY(mount_proc, mount("proc", dir(), "proc", 0, NULL))
TRY(mount_sysfs, mount("sysfs", dir(), "sysfs", 0, NULL))
TRY(mount_cgroup, mount("none", dir(), "cgroup", 0, "memory"))
TRY(mount_cgroup2, mount("none", dir(), "cgroup2", 0, NULL))
TRY(mount_overlay, mount("none", dir(), "overlay", 0, "lowerdir=/etc:/bin"))
TRY(mount_devpts, mount("none", dir(), "devpts", 0, NULL))
TRY(remount_sys, mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL))
TRY(make_shared, mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL))
TRY(unmount, umount2("/sys", MNT_DETACH))
TRY(pivot, syscall(SYS_pivot_root, dir(), dir()))
TRY(new_mount_api, syscall(SYS_fsopen, "tmpfs", 0))
TRY(open_tree_clone, syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */))
TRY(mount_set_attributes, syscall(SYS_mount_setattr, AT_FDCWD, "/sys", 0, NULL, 0))

/* The classic: a root below the working directory, then up until there is no more up. */
static struct answer chroot_escape(void)
{
    if (mkdir(file("sub"), 0755) || chroot(file("sub")))
        return of_call(-1);
    for (int i = 0; i < 64; i++)
        if (chdir(".."))
            return of_call(-1);
    return chroot(".") ? of_call(-1) : of_open(host_file, O_RDONLY);
}

static struct answer file_by_root_of_init(void)
{
    char path[512];
    snprintf(path, sizeof path, "/proc/1/root%s", host_file);
    return of_open(path, O_RDONLY);
}

/* A handle of the root directory of the file system in which the root lies (inode 2 on ext4). */
static struct answer file_by_handle(void)
{
    struct { struct file_handle handle; unsigned char id[8]; } root = { { 8, 1, {} }, { 2 } };
    int mount = open("/etc/hostname", O_RDONLY);
    return mount < 0 ? answered(UNTRIED, "no /etc/hostname")
                     : of_call(open_by_handle_at(mount, &root.handle, O_RDONLY));
}

/* Devices */

TRY(make_memory_device, mknod(file("mem"), S_IFCHR | 0600, makedev(1, 1)))
TRY(make_disk, mknod(file("disk"), S_IFBLK | 0600, makedev(8, 0)))
TRY(make_loop, mknod(file("loop"), S_IFBLK | 0600, makedev(7, 0)))

static struct answer open_memory(void) { return of_open("/dev/mem", O_RDWR); }
static struct answer open_kernel_log(void) { return of_open("/dev/kmsg", O_RDWR); }
static struct answer open_tun(void) { return of_open("/dev/net/tun", O_RDWR); }
static struct answer open_loop_control(void) { return of_open("/dev/loop-control", O_RDWR); }
static struct answer open_fuse(void) { return of_open("/dev/fuse", O_RDWR); }
static struct answer open_kvm(void) { return of_open("/dev/kvm", O_RDWR); }

/* Any block device under /dev. */
static struct answer open_disks(void)
{
    DIR *devices = opendir("/dev");
    if (!devices)
        return answered(UNTRIED, "no /dev");
    for (struct dirent *entry; (entry = readdir(devices));) {
        char path[300];
        snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        struct stat found;
        if (stat(path, &found) == 0 && S_ISBLK(found.st_mode) && open(path, O_RDONLY) >= 0)
            return answered(DONE, "opened %s", entry->d_name);
    }
    return answered(REFUSED, "no block device in /dev can be opened");
}

/* Opens what a kernel of its own offers, gives it what it asks for, and keeps all of it in a process that stays, so that
   the test can look from outside at what stands behind it. */
static struct answer keep(void)
{
    struct ifreq tap = { .ifr_name = "tetra-tap", .ifr_flags = IFF_TAP | IFF_NO_PI };
    char ring[256] = { 0 };
    int tun = open("/dev/net/tun", O_RDWR), fuse = open("/dev/fuse", O_RDWR);
    int made = ioctl(tun, TUNSETIFF, &tap), error = errno;
    int ring_made = (int)syscall(SYS_io_uring_setup, 1, ring);
    pid_t child = fork();
    if (child == 0) {
        for (int standard = 0; standard < 3; standard++)
            close(standard);
        for (;;)
            pause();
    }
    return tun < 0 || fuse < 0 || ring_made < 0 || child < 0
               ? answered(REFUSED, "tun %d, fuse %d, io_uring %d", tun, fuse, ring_made)
               : answered(DONE, "held; an interface: %s", made ? strerrorname_np(error) : "made");
}

const struct attempt keep_devices_open = { "keep-open", "hold tun, fuse and an io_uring", keep, 0 };

/* /proc and /sys */

static struct answer sysrq(void) { return of_open("/proc/sysrq-trigger", O_WRONLY); }
static struct answer core_pattern(void) { return of_open("/proc/sys/kernel/core_pattern", O_WRONLY); }
static struct answer modprobe_path(void) { return of_open("/proc/sys/kernel/modprobe", O_WRONLY); }
static struct answer ip_forward(void) { return of_open("/proc/sys/net/ipv4/ip_forward", O_WRONLY); }
static struct answer write_sys(void) { return of_open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY); }
static struct answer write_irq(void) { return of_open("/proc/irq/default_smp_affinity", O_WRONLY); }

/* Masked files open, and are empty. */
static struct answer of_reading(const char *path)
{
    int found = open(path, O_RDONLY);
    if (found < 0)
        return answered(REFUSED, "%s: %s", path, strerrorname_np(errno));
    char byte;
    return read(found, &byte, 1) > 0 ? answered(DONE, "%s was read", path) : answered(REFUSED, "%s is empty", path);
}

static struct answer read_kcore(void) { return of_reading("/proc/kcore"); }
static struct answer read_keys(void) { return of_reading("/proc/keys"); }
static struct answer read_interrupts(void) { return of_reading("/proc/interrupts"); }
static struct answer read_firmware(void)
{
    DIR *firmware = opendir("/sys/firmware");
    int entries = 0;
    while (firmware && readdir(firmware))
        entries++;
    return entries > 2 ? answered(DONE, "%d entries in /sys/firmware", entries - 2)
                       : answered(REFUSED, "/sys/firmware is empty");
}

static struct answer oom_score(void)
{
    int score = open("/proc/1/oom_score_adj", O_WRONLY);
    return score < 0 ? of_call(-1) : of_call(write(score, "-1000", 5) == 5 ? 0 : -1);
}

static struct answer host_processes(void)
{
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        FILE *comm = fopen(path, "r");
        if (comm && fgets(name, sizeof name, comm) && strncmp(name, "tetra", 5) == 0)
            return answered(DONE, "saw process %s", entry->d_name);
        if (comm)
            fclose(comm);
    }
    return answered(REFUSED, "no process of the host is in /proc");
}

static struct answer signal_host(void)
{
    if (kill(host_process, 0) == 0)
        return answered(DONE, "process %d of the host takes signals", host_process);
    return answered(REFUSED, "%s", strerrorname_np(errno));
}

static struct answer kernel_log(void)
{
    char text[64];
    return of_call(klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof text));
}

/* Control groups, by the names of both versions */

static struct answer of_cgroup_file(const char *controller, const char *v1, const char *v2)
{
    char path[200];
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s", v2);
    else
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s/%s", controller, v1);
    return of_open(path, O_WRONLY);
}

static struct answer raise_memory(void)
{
    return of_cgroup_file("memory", "memory.limit_in_bytes", "memory.max");
}
static struct answer raise_cpu(void) { return of_cgroup_file("cpu", "cpu.cfs_quota_us", "cpu.max"); }
static struct answer raise_pids(void) { return of_cgroup_file("pids", "pids.max", "pids.max"); }
static struct answer allow_devices(void) { return of_cgroup_file("devices", "devices.allow", "devices.allow"); }
static struct answer release_agent(void) { return of_cgroup_file("memory", "release_agent", "release_agent"); }
static struct answer leave_cgroup(void) { return of_cgroup_file("memory", "cgroup.procs", "cgroup.procs"); }
static struct answer make_cgroup(void)
{
    int v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    const char *path = v2 ? "/sys/fs/cgroup/attempt" : "/sys/fs/cgroup/memory/attempt";
    int made = mkdir(path, 0755);
    struct answer answer = made && errno == ENOENT ? answered(REFUSED, "ENOENT") : of_call(made);
    rmdir(path);
    return answer;
}

const struct attempt file_attempts[] = {
    { "mount-tmpfs", "mount a tmpfs", mount_tmpfs, 1 },
    { "mount-bind", "bind the root elsewhere", mount_bind, 1 },
    { "mount-proc", "mount a fresh proc, without masks", mount_proc, 1 },
    { "mount-sysfs", "mount a fresh, writable sysfs", mount_sysfs, 1 },
    { "mount-cgroup", "mount the memory controller", mount_cgroup, 1 },
    { "mount-cgroup2", "mount the unified hierarchy", mount_cgroup2, 1 },
    { "mount-overlay", "mount an overlay", mount_overlay, 1 },
    { "mount-devpts", "mount terminals", mount_devpts, 1 },
    { "remount-rw", "remount /sys writable", remount_sys, 1 },
    { "mount-shared", "make mounts propagate to the host", make_shared, 1 },
    { "umount", "unmount /sys", unmount, 1 },
    { "pivot-root", "pivot_root", pivot, 1 },
    { "fsopen", "the newer mount calls", new_mount_api, 1 },
    { "open-tree", "clone a mount tree", open_tree_clone, 1 },
    { "mount-setattr", "change a mount's attributes", mount_set_attributes, 1 },
    { "chroot-escape", "leave the root by chroot and ..", chroot_escape, 1 },
    { "proc-root", "a host's file by /proc/1/root", file_by_root_of_init, 0 },
    { "file-handle", "a host's file by open_by_handle_at", file_by_handle, 1 },
    { "mknod-mem", "mknod of /dev/mem", make_memory_device, 1 },
    { "mknod-disk", "mknod of a disk", make_disk, 1 },
    { "mknod-loop", "mknod of a loop device", make_loop, 1 },
    { "open-mem", "open /dev/mem", open_memory, 0 },
    { "open-kmsg", "open /dev/kmsg", open_kernel_log, 1 },
    { "open-tun", "open /dev/net/tun", open_tun, 0 },
    { "open-loop-control", "open /dev/loop-control", open_loop_control, 1 },
    { "open-fuse", "open /dev/fuse", open_fuse, 0 },
    { "open-kvm", "open /dev/kvm", open_kvm, 0 },
    { "open-disks", "open any block device", open_disks, 0 },
    { "sysrq-trigger", "open /proc/sysrq-trigger to write", sysrq, 0 },
    { "core-pattern", "open core_pattern to write", core_pattern, 1 },
    { "modprobe-path", "open the path of modprobe to write", modprobe_path, 0 },
    { "ip-forward", "open ip_forward to write", ip_forward, 1 },
    { "sys-write", "open a file of /sys to write", write_sys, 1 },
    { "irq-write", "open an interrupt's affinity to write", write_irq, 1 },
    { "kcore", "read /proc/kcore", read_kcore, 0 },
    { "proc-keys", "read /proc/keys", read_keys, 0 },
    { "proc-interrupts", "read /proc/interrupts", read_interrupts, 1 },
    { "sys-firmware", "list /sys/firmware", read_firmware, 0 },
    { "oom-score-adj", "exempt from the out-of-memory killer", oom_score, 0 },
    { "see-host-processes", "find the agent in /proc", host_processes, 1 },
    { "signal-host-process", "signal a process of the host", signal_host, 1 },
    { "kernel-log", "read the kernel's log", kernel_log, 1 },
    { "raise-memory", "raise the memory limit", raise_memory, 1 },
    { "raise-cpu", "raise the CPU quota", raise_cpu, 0 },
    { "raise-pids", "raise the limit of processes", raise_pids, 0 },
    { "allow-devices", "allow devices", allow_devices, 0 },
    { "release-agent", "set a cgroup's release agent", release_agent, 0 },
    { "leave-cgroup", "open cgroup.procs to write", leave_cgroup, 1 },
    { "make-cgroup", "make a cgroup", make_cgroup, 1 },
    { NULL, NULL, NULL, 0 },
};
