/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_SHARE_FILE_H
#define SEAL_SHARE_FILE_H
/*
 * Bytes of a share file: records one behind the other, big-endian. docs/format/shares.md.
 *
 *    0  8  "LETHKEY1"
 *    8  4  length L of the whole record
 *   12  2  length R of the key record
 *   14  2  number n of shares
 *   16  R  key record
 *       n × ( 2 length, age file )
 * L-16 16  first 16 bytes of SHA-256 over bytes 0 to L-17
 */
#define SHARE_FILE_MAGIC "LETHKEY1"
#define SHARE_FILE_HEAD 16
#define SHARE_FILE_HASH 16
#define SHARE_FILE_RECORD_MAX ((size_t)64 << 10)
#endif
