/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve/sandbox.h"

#define DEFAULT_USER "lethe"

int privileges_find(const char *wanted, uid_t *ret_uid, gid_t *ret_gid, struct err *reterr)
{
    if (geteuid() != 0)
        return 0;
    const struct passwd *pw = getpwnam(wanted && *wanted ? wanted : DEFAULT_USER);
    if (!pw && wanted && *wanted)
        return err_set(reterr, E_NOTFOUND,
                       "the configuration names the user \"%s\", who does not exist here", wanted);
    if (!pw || pw->pw_uid == 0)
        return 0;
    *ret_uid = pw->pw_uid;
    *ret_gid = pw->pw_gid;
    return 1;
}

int privileges_drop(uid_t uid, gid_t gid, struct err *reterr)
{
    if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0) {
        int code = -errno;
        return err_set(reterr, code, "cannot become user id %u: %s", (unsigned)uid, err_text(code));
    }
    if (uid != 0 && setuid(0) == 0)
        return err_set(reterr, E_BUG, "user id %u could become root again", (unsigned)uid);
    return 0;
}

static void raise_soft(__rlimit_resource_t what)
{
    struct rlimit limit;
    if (getrlimit(what, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(what, &limit); /* what cannot be had is reported by whoever runs out of it */
}

long privileges_limits(void)
{
    raise_soft(RLIMIT_NOFILE);
    raise_soft(RLIMIT_MEMLOCK);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    return (long)limit.rlim_cur;
}

int privileges_confine(long long memory_bytes, int open_files, struct err *reterr)
{
    const struct {
        __rlimit_resource_t what;
        rlim_t limit;
    } limits[] = {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        {RLIMIT_AS, (rlim_t)memory_bytes},
#endif
        {RLIMIT_NOFILE, (rlim_t)open_files},
        {RLIMIT_MEMLOCK, 0},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit now;
        if (getrlimit(limits[i].what, &now) < 0)
            return err_set(reterr, -errno, "limits cannot be read: %s", err_text(-errno));
        rlim_t limit = limits[i].limit < now.rlim_max ? limits[i].limit : now.rlim_max;
        if (setrlimit(limits[i].what, &(struct rlimit){limit, limit}) < 0)
            return err_set(reterr, -errno, "limits cannot be set: %s", err_text(-errno));
    }
    return 0;
}

int privileges_capabilities(struct err *reterr)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct now[2] = {{0}}, next[2] = {{0}};
    if (syscall(SYS_capget, &header, now) < 0)
        return err_set(reterr, -errno, "cannot read the capabilities: %s", err_text(-errno));
    if (!(now[0].permitted | now[1].permitted))
        return 0; /* the ordinary case, and the only one that a service manager's own filter lets through */
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0,
              0); /* EPERM without CAP_SETPCAP: no new privileges holds anyway */
    if (geteuid() == 0)
        next[0].permitted = next[0].effective = now[0].permitted & (1U << CAP_DAC_OVERRIDE);
    if (syscall(SYS_capset, &header, next) < 0)
        return err_set(reterr, -errno, "cannot give up capabilities: %s", err_text(-errno));
    return 0;
}

int privileges_follow_parent(pid_t parent, int signal, struct err *reterr)
{
    if (prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0) < 0)
        return err_set(reterr, -errno, "cannot ask for a signal when the parent dies: %s",
                       err_text(-errno));
    if (parent && getppid() != parent)
        return err_set(reterr, E_CLOSED, "the process that started this one is gone");
    return 0;
}
