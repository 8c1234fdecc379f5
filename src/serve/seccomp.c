/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * System calls by seccomp. Three answers: allowed; EPERM for what is merely not needed, so that a library that tries
 * something new fails politely; the end of the process for what only an attacker calls. Lists found with strace on
 * real runs (docs/design/processes.md says how to find a missing one).
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/sandbox.h"

/* Memory, threads, time, and descriptors that are open already: what every role needs, and all that a masker has. */
static const char *const basic_calls[] = {
    "brk",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "exit",
    "exit_group",
    "fstat",
    "futex",
    "futex_waitv",
    "get_robust_list",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "getrusage",
    "gettid",
    "gettimeofday",
    "getuid",
    "madvise",
    "membarrier",
    "mremap",
    "munmap",
    "nanosleep",
    "poll",
    "ppoll",
    "read",
    "readv",
    "recvfrom",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_yield",
    "sendto",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "sysinfo",
    "time",
    "uname",
    "write",
    "writev",
    NULL,
};

/* Files, sockets, event loops: what recorder and web need besides. */
static const char *const common_calls[] = {
    "accept",
    "accept4",
    "access",
    "arch_prctl",
    "close_range",
    "connect",
    "dup",
    "dup2",
    "dup3",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "faccessat",
    "faccessat2",
    "fcntl",
    "fstatfs",
    "getpeername",
    "getpgrp",
    "getsockname",
    "getsockopt",
    "lseek",
    "mincore",
    "newfstatat",
    "open",
    "openat",
    "pipe2",
    "pread64",
    "readlink",
    "readlinkat",
    "recvmsg",
    "select",
    "pselect6",
    "sendmmsg",
    "sendmsg",
    "setsockopt",
    "shutdown",
    "signalfd4",
    "stat",
    "lstat",
    "statx",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    NULL,
};

/* Files, camera sockets, locked memory, processor affinity. */
static const char *const recorder_calls[] = {
    "bind",
    "chdir",
    "chmod",
    "copy_file_range",
    "creat",
    "fadvise64",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchown",
    "fdatasync",
    "flock",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents",
    "getdents64",
    "getitimer",
    "getpriority",
    "ioprio_set",
    "link",
    "linkat",
    "listen",
    "memfd_create",
    "mkdir",
    "mkdirat",
    "mlock",
    "mlock2",
    "munlock",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "recvmmsg",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sched_setaffinity",
    "sched_setscheduler",
    "setitimer",
    "setpriority",
    "socketpair",
    "statfs",
    "symlink",
    "sync",
    "sync_file_range",
    "syncfs",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "utimensat",
    NULL,
};

/* Its own database below DATA/web; Landlock keeps it there. */
static const char *const web_calls[] = {
    "fchmod",   "fchown", "fdatasync", "fsync",  "ftruncate", "getcwd", "mkdir", "mkdirat",
    "pwrite64", "rename", "renameat",  "unlink", "unlinkat",  "umask",  NULL,
};

/* No code of ours and no library that we link calls these after start-up. */
static const char *const deadly_calls[] = {
    "acct",
    "add_key",
    "adjtimex",
    "bpf",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "delete_module",
    "execve",
    "execveat",
    "finit_module",
    "fork",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pidfd_open",
    "pivot_root",
    "process_madvise",
    "process_vm_readv",
    "process_vm_writev",
    "quotactl",
    "reboot",
    "request_key",
    "setdomainname",
    "setgid",
    "setgroups",
    "sethostname",
    "setns",
    "setresgid",
    "setresuid",
    "setreuid",
    "setregid",
    "settimeofday",
    "setuid",
    "swapoff",
    "swapon",
    "syslog",
    "umount",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
    "ustat",
    "vfork",
    "vhangup",
#if !defined(__SANITIZE_ADDRESS__)
    "ptrace", /* the leak checker of a sanitiser build needs it at exit */
#endif
    NULL,
};

#define ANY_NAMESPACE                                                                              \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)
#define THREAD_FLAGS                                                                               \
    ((unsigned long)(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD))

/* Remembers the first failure; later calls then do nothing. */
struct filter {
    scmp_filter_ctx ctx;
    int code;
};

/* A name that this library or processor does not know needs no rule. */
static void each(struct filter *f, uint32_t action, const char *const *names)
{
    for (; *names && f->code == 0; names++) {
        int nr = seccomp_syscall_resolve_name(*names);
        if (nr != __NR_SCMP_ERROR)
            f->code = seccomp_rule_add(f->ctx, action, nr, 0);
    }
}

static void allow_if(struct filter *f, const char *name, struct scmp_arg_cmp cmp)
{
    int nr = seccomp_syscall_resolve_name(name);
    if (f->code == 0 && nr != __NR_SCMP_ERROR)
        f->code = seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, nr, 1, &cmp);
}

static void refuse(struct filter *f, const char *name, int error)
{
    int nr = seccomp_syscall_resolve_name(name);
    if (f->code == 0 && nr != __NR_SCMP_ERROR)
        f->code = seccomp_rule_add(f->ctx, SCMP_ACT_ERRNO((uint32_t)error), nr, 0);
}

static void add_threads(struct filter *f)
{
    /* Threads only: no child processes, no namespaces. clone3 hides its flags behind a pointer; libc then uses clone. */
#if defined(__SANITIZE_ADDRESS__)
    allow_if(f, "clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, ANY_NAMESPACE, 0));
    static const char *const sanitiser[] = {"ptrace",    "wait4",    "waitid",     "kill",
                                            "prlimit64", "getdents", "getdents64", NULL};
    each(f, SCMP_ACT_ALLOW, sanitiser);
#else
    allow_if(f, "clone",
             SCMP_A0_64(SCMP_CMP_MASKED_EQ, THREAD_FLAGS | ANY_NAMESPACE, THREAD_FLAGS));
#endif
    refuse(f, "clone3", ENOSYS);
    refuse(f, "io_uring_setup", ENOSYS); /* libuv asks for it and does without */
    scmp_datum_t self = (scmp_datum_t)getpid();
    allow_if(f, "tgkill", SCMP_A0_64(SCMP_CMP_EQ, self, 0));
    allow_if(f, "kill", SCMP_A0_64(SCMP_CMP_EQ, self, 0));
}

/* Cameras and witnesses are far away. */
static bool has_network(enum sandbox_role role)
{
    return role == SANDBOX_RECORDER || role == SANDBOX_COSIGNER;
}

static void add_memory(struct filter *f, enum sandbox_role role)
{
    /* Never writable and executable; who has a network may map code because name resolution loads modules on first use. */
    allow_if(f, "mmap", SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    allow_if(f, "mprotect", SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (has_network(role))
        allow_if(f, "mmap", SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC));
    allow_if(f, "prctl", SCMP_A0_64(SCMP_CMP_EQ, PR_SET_NAME, 0));
    allow_if(f, "prctl", SCMP_A0_64(SCMP_CMP_EQ, PR_GET_NAME, 0));
    allow_if(f, "prctl", SCMP_A0_64(SCMP_CMP_EQ, PR_GET_DUMPABLE, 0));
#if defined(__SANITIZE_ADDRESS__)
    static const char *const sanitiser[] = {"prctl", NULL};
    each(f, SCMP_ACT_ALLOW, sanitiser);
#endif
    allow_if(f, "prctl",
             SCMP_A0_64(SCMP_CMP_EQ, 0x53564d41 /* PR_SET_VMA: names of mappings */, 0));
    allow_if(f, "prlimit64", SCMP_A2_64(SCMP_CMP_EQ, 0, 0)); /* read limits, set none */
    static const char *const limits[] = {"getrlimit", NULL};
    each(f, SCMP_ACT_ALLOW, limits);
}

#if defined(__SANITIZE_ADDRESS__)
/* Reports and the leak checker read /proc/self; Landlock guards the rest. */
static const char *const sanitised_masker_calls[] = {
    "open", "openat", "readlink",          "lseek",   "pipe2",
    "stat", "lstat",  "newfstatat",        "mincore", "fcntl",
    "dup",  "access", "sched_setaffinity", NULL};
#endif

static void add_sockets(struct filter *f, enum sandbox_role role)
{
    if (role == SANDBOX_MASKER)
        return;
    allow_if(f, "socket", SCMP_A0_64(SCMP_CMP_EQ, AF_UNIX, 0));
    if (has_network(role)) {
        allow_if(f, "socket", SCMP_A0_64(SCMP_CMP_EQ, AF_INET, 0));
        allow_if(f, "socket", SCMP_A0_64(SCMP_CMP_EQ, AF_INET6, 0));
        allow_if(
            f, "socket",
            SCMP_A0_64(SCMP_CMP_EQ, AF_NETLINK, 0)); /* which address families this machine has */
    }
    static const unsigned long requests[] = {FIONBIO, FIOCLEX,    FIONCLEX, FIONREAD,
                                             TCGETS,  TIOCGWINSZ, TIOCOUTQ};
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        allow_if(f, "ioctl", SCMP_A1_64(SCMP_CMP_EQ, requests[i], 0));
}

int sandbox_seccomp(enum sandbox_role role, struct err *reterr)
{
    struct filter f = {seccomp_init(SCMP_ACT_ERRNO(EPERM)), 0};
    if (!f.ctx)
        return err_set(reterr, -ENOMEM, "no memory for the system call filter");
    each(&f, SCMP_ACT_ALLOW, basic_calls);
    if (role != SANDBOX_MASKER)
        each(&f, SCMP_ACT_ALLOW, common_calls);
#if defined(__SANITIZE_ADDRESS__)
    else
        each(&f, SCMP_ACT_ALLOW, sanitised_masker_calls);
#endif
    if (role != SANDBOX_WEB && role != SANDBOX_MASKER)
        each(&f, SCMP_ACT_ALLOW, recorder_calls);
    if (role == SANDBOX_WEB)
        each(&f, SCMP_ACT_ALLOW, web_calls);
    each(&f, SCMP_ACT_KILL_PROCESS, deadly_calls);
    add_threads(&f);
    add_memory(&f, role);
    add_sockets(&f, role);
    if (f.code == 0)
        f.code = seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (f.code == 0)
        f.code = seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE,
                                  2); /* binary tree instead of a list */
    if (f.code == 0)
        f.code = seccomp_load(f.ctx);
    seccomp_release(f.ctx);
    if (f.code < 0)
        return err_set(reterr, E_UNSUPPORTED,
                       "the system call filter does not load (%s); this kernel needs seccomp",
                       err_text(f.code));
    return 0;
}
