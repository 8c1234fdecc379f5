/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_CT_H
#define SEAL_CT_H
/*
 * Marks for the constant-time test. Code of this folder must neither branch on a secret nor use one as an index; the
 * test runs it under valgrind with all secrets marked as undefined memory, which then reports exactly that.
 * SEAL_DECLASSIFY says that a value derived from secrets may be known from here on (a verdict, a public key, a
 * ciphertext). It is nothing outside of that test.
 */
#ifndef SEAL_DECLASSIFY
#define SEAL_DECLASSIFY(p, n) ((void)(p), (void)(n))
#endif
#endif
