/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * No branch and no index depends on a secret: secrets are marked as undefined memory, and valgrind's memcheck reports
 * every jump and every address that is made of them. The test starts itself under valgrind; it is skipped where there
 * is none, and in builds with a sanitiser, which valgrind cannot run.
 *
 * The sources are compiled into this program, so that SEAL_DECLASSIFY can tell memcheck what may be known.
 */
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define HAVE_VALGRIND 1
#else
#define HAVE_VALGRIND 0
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#endif
#define SEAL_DECLASSIFY(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED(p, n))

#include "seal/age_decrypt.c"
#undef BASE64_32
#include "seal/age_encrypt.c"
#include "seal/age_key.c"
#include "seal/bech32.c"
#undef CHECK
#include "seal/combine.c"
#include "seal/record.c"
#include "seal/shamir.c"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int failures;

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            failures++, fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
    } while (0)

static void secret(void *p, size_t n)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n);
}

static void known(void *p, size_t n)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(p, n);
}

static void check_shamir(void)
{
    enum { LEN = 32, N = 5, T = 3 };
    uint8_t k[LEN], shares[N * (LEN + 1)], back[LEN];
    randombytes_buf(k, sizeof(k));
    secret(k, sizeof(k));
    CHECK(seal_shamir_split(k, LEN, T, N, shares) == 0);
    for (int i = 0; i < N; i++)
        secret(shares + i * (LEN + 1), LEN); /* x is no secret */
    CHECK(seal_shamir_combine(shares, T, LEN, back) == 0);
    known(back, sizeof(back));
    known(k, sizeof(k));
    CHECK(memcmp(back, k, LEN) == 0);
}

static void check_bech32(void)
{
    uint8_t key[32], back[32];
    char text[SEAL_IDENTITY_CHARS + 1];
    randombytes_buf(key, sizeof(key));
    secret(key, sizeof(key));
    seal_identity_encode(key, text);
    CHECK(seal_identity_decode(text, SEAL_IDENTITY_CHARS, back) == 0);
    known(text, sizeof(text));
    text[70] ^= 1;
    secret(text + 16, 58);
    CHECK(seal_identity_decode(text, SEAL_IDENTITY_CHARS, back) == E_SYNTAX);
}

static void check_age(void)
{
    struct seal_identity id, *ids[] = {&id};
    uint8_t text[300], out[300];
    size_t n = 0;
    struct buf file;
    buf_init(&file, 0);
    randombytes_buf(id.secret, 32);
    secret(id.secret, 32);
    crypto_scalarmult_base(id.public_key, id.secret);
    known(id.public_key, 32);
    memset(text, 7, sizeof(text));
    secret(text, sizeof(text));
    CHECK(seal_age_encrypt(id.public_key, text, sizeof(text), &file) == 0);
    known(file.data, file.len);
    CHECK(seal_age_decrypt(file.data, file.len, ids, 1, out, sizeof(out), &n) == 0);
    known(out, sizeof(out));
    CHECK(n == sizeof(out) && out[0] == 7 && out[299] == 7);
    file.data[file.len - 1] ^= 1;
    CHECK(seal_age_decrypt(file.data, file.len, ids, 1, out, sizeof(out), &n) == E_CRYPTO);
    buf_release(&file);
}

static void check_record(void)
{
    uint8_t k[SEAL_SECRET], share[SEAL_SHAMIR_SHARE], back[SEAL_SHAMIR_SHARE], commitment[32];
    char text[SEAL_SHARE_TEXT];
    randombytes_buf(share, sizeof(share));
    randombytes_buf(k, sizeof(k));
    secret(k, sizeof(k));
    seal_commitment(k, commitment);
    secret(share, sizeof(share));
    int n = seal_share_build("record\n", 7, 3, share, text);
    CHECK(n > 0);
    secret(text + 7 + 8, 66); /* the hexadecimal digits */
    CHECK(seal_share_parse(text, (size_t)n, "record\n", 7, 3, back) == 0);
    known(back, sizeof(back));
    known(share, sizeof(share));
    CHECK(memcmp(back, share, sizeof(share)) == 0);
}

/* That the method sees something at all: this uses a secret as an index, and must be reported. */
static void leak(void)
{
    static volatile uint8_t table[256], k = 1, sink;
    secret((void *)(uintptr_t)&k, 1);
    sink = table[k];
    (void)sink;
}

/* A copy without debugging information, which valgrind 3.19 cannot read as clang 14 writes it. Names of functions stay. */
static int under_valgrind(const char *self, const char *arg)
{
    char command[4096], copy[] = "/tmp/lethe-constant-time.XXXXXX";
    int fd = mkstemp(copy);
    if (fd < 0)
        return -1;
    close(fd);
    snprintf(command, sizeof(command),
             "strip --strip-debug -o %s '%s' && chmod 700 %s && valgrind -q --error-exitcode=9 "
             "--suppressions=tests/unit/seal/constant_time.supp %s %s %s",
             copy, self, copy, copy, arg, *arg ? ">/dev/null 2>&1" : "");
    int r = system(command);
    unlink(copy);
    return r < 0 ? -1 : r >> 8;
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        return 1;
    if (RUNNING_ON_VALGRIND && argc > 1) {
        leak();
        return 0;
    }
    check_shamir();
    check_bech32();
    check_age();
    check_record();
    if (failures || RUNNING_ON_VALGRIND)
        return failures != 0;
#if defined(__SANITIZE_ADDRESS__)
    return 77;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return 77;
#endif
#endif
    if (!HAVE_VALGRIND || system("command -v valgrind >/dev/null") != 0)
        return 77; /* skipped */
    int leaked = under_valgrind(argv[0], "leak"), clean = under_valgrind(argv[0], "");
    if (leaked != 9) {
        fprintf(stderr, "valgrind does not see a secret used as an index: it cannot read this "
                        "compiler's programs\n");
        return 77;
    }
    if (clean != 0)
        fprintf(stderr, "a branch or an index depends on a secret\n");
    return clean != 0;
}
