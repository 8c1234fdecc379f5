/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Files by Landlock. The structures and constants are spelled out here, because the kernel headers of a build machine
 * are often older than the kernel that the program runs on. Source: Linux Documentation/userspace-api/landlock.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve/sandbox.h"

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_DIR (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_DIR (UINT64_C(1) << 7)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_MAKE_SOCK (UINT64_C(1) << 9)
#define FS_REFER (UINT64_C(1) << 13)     /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define FS_ABI1 ((UINT64_C(1) << 13) - 1)
#define NET_BIND_TCP (UINT64_C(1) << 0) /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

#define READ (FS_READ_FILE | FS_READ_DIR)
#define READ_WRITE                                                                                 \
    (READ | FS_WRITE_FILE | FS_TRUNCATE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR |           \
     FS_MAKE_REG | FS_MAKE_SOCK | FS_REFER)
#define FILE_ONLY (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define VERSION_FLAG 1U
#define RULE_PATH_BENEATH 1

struct ruleset_attr {
    uint64_t handled_fs, handled_net, scoped;
};
struct path_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

struct rule {
    const char *path; /* "./…" is below the data directory */
    uint64_t access;
};

/*
 * What is its own, so neither the key of the log nor the accounts nor the keys of practice custodians. Files are made by
 * the supervisor before: a rule holds on to the file that was there, and a new one in DATA itself is nothing it needs.
 */
static const struct rule recorder_rules[] = {
    {"./", FS_READ_DIR},
    {"./recordings", READ_WRITE},
    {"./keys", READ_WRITE},
    {"./manifests", READ_WRITE},
    {"./run", READ_WRITE},
    {"./log", READ},
    {"./custodians.txt", FS_READ_FILE},
    {"./practice/custodians.txt", FS_READ_FILE},
    {"./volume-id", FS_READ_FILE},
    {"./lethe.db", READ_WRITE},
    {"./lethe.db-wal", READ_WRITE},
    {"./lethe.db-shm", READ_WRITE},
    {"./cameras.db", READ_WRITE},
    {"./cameras.db-wal", READ_WRITE},
    {"./cameras.db-shm", READ_WRITE},
    {NULL, 0},
};
/* Of the data directory what everybody may read anyway. */
static const struct rule cosigner_rules[] = {
    {"./log", READ},
    {"./run", READ},
    {NULL, 0},
};
/* For roles with a network: name resolution, certificates, time zones, what the C library reads about the machine. */
static const struct rule network_rules[] = {
    {"/etc", READ},
    {"/run/systemd/resolve", READ},
    {"/run/NetworkManager", READ},
    {"/run/resolvconf", READ},
    {"/usr/lib", READ},
    {"/usr/lib64", READ},
    {"/lib", READ},
    {"/lib64", READ},
    {"/usr/share/ca-certificates", READ},
    {"/usr/local/share/ca-certificates", READ},
    {"/usr/share/zoneinfo", READ},
    {"/dev/null", FS_READ_FILE | FS_WRITE_FILE},
    {"/dev/urandom", FS_READ_FILE},
    {"/proc/self", READ},
    {"/proc/meminfo", FS_READ_FILE},
    {"/proc/stat", FS_READ_FILE},
    {"/proc/sys/vm", READ},
    {"/sys/devices/system/cpu", READ},
    {NULL, 0},
};
/* The log and its key, and the folder of its socket. */
static const struct rule logger_rules[] = {
    {"./log", READ_WRITE},
    {"./log-key", READ_WRITE},
    {"./run", READ_WRITE},
    {"/dev/urandom", FS_READ_FILE},
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    {"/proc/self", READ},
#endif
    {NULL, 0},
};
/* Cases, and what an order's shares are copied from. */
static const struct rule clerk_rules[] = {
    {"./cases", READ_WRITE},
    {"./run", READ_WRITE},
    {"./keys", READ},
    {"./log", READ},
    {"/dev/urandom", FS_READ_FILE},
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    {"/proc/self", READ},
#endif
    {NULL, 0},
};
/* The index can only be read with the two files beside it, which is why nobody ever removes them (index/sqlite_open.c):
 * a rule holds on to the file that was there. */
static const struct rule web_rules[] = {
    {"./run", READ},
    {"./web", READ_WRITE},
    {"./recordings", READ},
    {"./keys", READ},
    {"./log", READ},
    {"./lethe.db", FS_READ_FILE},
    {"./lethe.db-wal", FS_READ_FILE},
    {"./lethe.db-shm", FS_READ_FILE},
    {"/dev/urandom", FS_READ_FILE}, /* seed of hash tables */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    {"/proc/self", READ},
#endif
    {NULL, 0},
};

/* Its models and its socket are open before. */
static const struct rule masker_rules[] = {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    {"/proc/self", READ},
#endif
    {NULL, 0},
};

static const struct rule *rules_of(enum sandbox_role role)
{
    switch (role) {
    case SANDBOX_RECORDER:
        return recorder_rules;
    case SANDBOX_WEB:
        return web_rules;
    case SANDBOX_LOGGER:
        return logger_rules;
    case SANDBOX_COSIGNER:
        return cosigner_rules;
    case SANDBOX_CLERK:
        return clerk_rules;
    case SANDBOX_MASKER:
        break;
    }
    return masker_rules;
}

/* A path that does not exist on this machine needs no rule. */
static int add_rule(int ruleset, const char *path, uint64_t access, struct err *reterr)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -errno;
    struct stat st;
    int r = 0;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        access &= FILE_ONLY;
    struct path_beneath rule = {access, fd};
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
        r = err_set(reterr, -errno, "Landlock does not take the rule for %s: %s", path,
                    err_text(-errno));
    close(fd);
    return r;
}

static int add_rules(int ruleset, const struct rule *rule, const char *data_dir, uint64_t handled,
                     struct err *reterr)
{
    char path[PATH_MAX];
    int r = 0;
    for (; rule->path && r >= 0; rule++) {
        bool own = rule->path[0] == '.';
        snprintf(path, sizeof(path), "%s%s", own ? data_dir : "", rule->path + (own ? 1 : 0));
        r = add_rule(ruleset, path, rule->access & handled, reterr);
    }
    return r;
}

static uint64_t handled_files(int abi)
{
    return FS_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
           (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static bool has_network(enum sandbox_role role)
{
    return role == SANDBOX_RECORDER || role == SANDBOX_COSIGNER;
}

/*
 * The recorder connects to cameras, the cosigner to witnesses; they listen nowhere. The web process got its listening
 * sockets as a gift.
 */
static uint64_t handled_net(enum sandbox_role role, int abi)
{
    return abi < 4 ? 0 : has_network(role) ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP;
}

int sandbox_landlock(enum sandbox_role role, const char *data_dir, const char *also_read,
                     int *ret_abi, struct err *reterr)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s%s", data_dir, role == SANDBOX_WEB ? "/run" : "");
    if (access(path, F_OK) < 0)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);
    *ret_abi = 0;
    if (abi < 1)
        return 0;
    struct ruleset_attr attr = {handled_files((int)abi), handled_net(role, (int)abi),
                                abi >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0};
    size_t size = abi >= 6   ? sizeof(attr)
                  : abi >= 4 ? offsetof(struct ruleset_attr, scoped)
                             : sizeof(uint64_t);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return err_set(reterr, -errno, "Landlock refuses the rules: %s", err_text(-errno));
    int r = add_rules(ruleset, rules_of(role), data_dir, attr.handled_fs, reterr);
    if (r >= 0 && has_network(role))
        r = add_rules(ruleset, network_rules, data_dir, attr.handled_fs, reterr);
    if (r >= 0 && also_read && *also_read)
        r = add_rule(ruleset, also_read, READ, reterr);
    if (r >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        r = err_set(reterr, -errno, "Landlock does not take effect: %s", err_text(-errno));
    close(ruleset);
    if (r >= 0)
        *ret_abi = (int)abi;
    return r;
}
