/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_SHAMIR_H
#define SEAL_SHAMIR_H
/*
 * Secret sharing over GF(2^8), byte by byte. A share is the polynomial's value for every byte of the secret and then
 * one byte x, the format of HashiCorp Vault. Constant time in secret, coefficients and values; which x a share has is
 * no secret from who holds it. Reentrant; nothing is allocated.
 * Source: A. Shamir, "How to share a secret", CACM 22 (1979); field of FIPS 197 §4 (polynomial 0x11b).
 */
#include <stddef.h>
#include <stdint.h>

#define SEAL_SHAMIR_SECRET 32 /* longest secret */
#define SEAL_SHAMIR_SHARES 32 /* most shares */
#define SEAL_SHAMIR_SHARE (SEAL_SHAMIR_SECRET + 1)

/*
 * Split @secret of @len bytes into @n shares, any @t of which give it back.
 * @shares  n shares of len + 1 bytes each, one behind the other; x random, distinct, never 0
 * Errors:  E_RANGE unless 2 <= t <= n <= SEAL_SHAMIR_SHARES and 1 <= len <= SEAL_SHAMIR_SECRET.
 */
int seal_shamir_split(const uint8_t *secret, size_t len, int t, int n, uint8_t *shares);
/*
 * Combine @n shares of @len + 1 bytes each. With fewer shares than the threshold, or with shares of different
 * secrets, the result is a wrong secret and no error: the caller checks it.
 * Errors: E_RANGE (n or len), E_MISMATCH (an x is 0 or stands twice); @secret is untouched then.
 */
int seal_shamir_combine(const uint8_t *shares, int n, size_t len, uint8_t *secret);
#endif
