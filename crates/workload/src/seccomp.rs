//! The system calls that a container may make, as an OCI seccomp section.
//!
//! An allow-list. What is on no list fails with `ENOSYS`, so that C libraries fall back to older
//! calls (`clone3` to `clone`, whose flags a filter can see). What is known and withheld on
//! purpose fails with `EPERM`, which programs report as "operation not permitted".

use serde_json::{Value, json};

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// All `CLONE_NEW*` flags: a container makes no namespaces of its own.
const CLONE_NAMESPACES: u64 = 0x7e02_0000;

/// `personality` values that only report or choose the execution domain.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// `AF_VSOCK` reaches the hypervisor behind the network rules.
const AF_VSOCK: u64 = 40;

/// The OCI `linux.seccomp` section for this machine's architecture.
pub(crate) fn profile() -> Value {
    let mut rules = vec![
        json!({ "names": names(ALLOWED), "action": "SCMP_ACT_ALLOW" }),
        json!({ "names": names(WITHHELD), "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM }),
        only_if(&["clone"], "SCMP_CMP_MASKED_EQ", CLONE_NAMESPACES, 0),
        only_if(&["socket", "socketpair"], "SCMP_CMP_NE", AF_VSOCK, 0),
    ];
    // Without these a clone with a namespace flag would fall to ENOSYS.
    rules.extend(eperm_for_any_bit("clone", CLONE_NAMESPACES));
    rules.extend(PERSONALITIES.map(|value| only_if(&["personality"], "SCMP_CMP_EQ", value, 0)));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": ENOSYS,
        "architectures": [ARCHITECTURE],
        "syscalls": rules,
    })
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: &str = "SCMP_ARCH_X86_64";
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: &str = "SCMP_ARCH_AARCH64";

fn names(list: &str) -> Vec<&str> {
    list.split_whitespace().collect()
}

fn only_if(names: &[&str], op: &str, value: u64, value_two: u64) -> Value {
    json!({
        "names": names,
        "action": "SCMP_ACT_ALLOW",
        "args": [{ "index": 0, "op": op, "value": value, "valueTwo": value_two }],
    })
}

fn eperm_for_any_bit(name: &str, mask: u64) -> impl Iterator<Item = Value> {
    let bits = (0..64).map(|bit| 1_u64 << bit).filter(move |bit| mask & bit != 0);
    bits.map(move |bit| {
        json!({
            "names": [name],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": EPERM,
            "args": [{ "index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": bit, "valueTwo": bit }],
        })
    })
}

/// Ordinary programs: files, memory, processes, signals, sockets, time, polling.
const ALLOWED: &str = "
    accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod
    chown clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range
    creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2
    epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2
    fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr
    flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue
    futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd
    getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp
    getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname
    getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioctl
    ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self
    lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat
    madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod
    mknodat mlock mlock2 mlockall mmap mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
    mq_timedsend mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
    name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal
    pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64
    process_mrelease pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv
    recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2
    restart_syscall riscv_flush_icache rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield seccomp select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto
    set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setitimer
    setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid
    setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 splice stat
    statfs statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create
    timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime
    timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork
    vmsplice wait4 waitid write writev chroot";

/// Known calls that a tenant gets `EPERM` for: new namespaces and mounts, kernel modules and
/// programs, keys (not per namespace), tracing and other processes' memory, the machine's clock,
/// and `io_uring`, whose operations a filter cannot see.
const WITHHELD: &str = "
    acct add_key bpf clock_adjtime clock_settime create_module delete_module fanotify_init
    fanotify_mark finit_module fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy
    init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load
    kexec_load keyctl lookup_dcookie mbind migrate_pages mount mount_setattr move_mount move_pages
    nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root process_madvise
    process_vm_readv process_vm_writev ptrace query_module quotactl quotactl_fd reboot request_key
    set_mempolicy setdomainname sethostname setns settimeofday swapoff swapon sysfs syslog umount
    umount2 unshare uselib userfaultfd ustat vhangup";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_call_is_both_allowed_and_withheld() {
        let allowed: BTreeSet<_> = names(ALLOWED).into_iter().collect();
        let withheld: BTreeSet<_> = names(WITHHELD).into_iter().collect();
        assert_eq!(allowed.intersection(&withheld).count(), 0);
        assert_eq!(allowed.len(), names(ALLOWED).len(), "a name stands twice");
        for conditional in ["clone", "clone3", "socket", "personality"] {
            assert!(!allowed.contains(conditional) && !withheld.contains(conditional));
        }
    }

    #[test]
    fn every_namespace_flag_is_refused() {
        let rules = profile()["syscalls"].as_array().unwrap().clone();
        let refused = rules.iter().filter(|r| r["names"][0] == "clone" && r["action"] != "SCMP_ACT_ALLOW");
        let mask = refused.map(|r| r["args"][0]["value"].as_u64().unwrap()).sum::<u64>();
        assert_eq!(mask, CLONE_NAMESPACES);
    }
}
