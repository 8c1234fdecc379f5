/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The cover sheet of evidence: what it is, and commands of stock tools that check it, as text and as a page. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "cli/case_opening.h"
#include "seal/file.h"
#include "tlog/base64.h"

/* DER of an Ed25519 public key: a fixed head and the key. Source: RFC 8410 §4. */
static const uint8_t ed25519_head[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                         0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The order and its signature, for openssl. */
static int put_order(const struct evidence_sheet *s, struct buf *b)
{
    const struct case_folder *f = &s->opening->f;
    struct tlog_note note;
    uint8_t der[44];
    char b64[128];
    int r = tlog_note_parse(f->note.data, f->note.len, &note, NULL);
    if (r < 0)
        return r;
    memcpy(der, ed25519_head, sizeof(ed25519_head));
    memcpy(der + sizeof(ed25519_head), f->order.requester.public_key, 32);
    r = buf_appendf(b,
                    "3. The order that this was opened by, as it stands in the public log, and its "
                    "signature:\n\n"
                    "cat > order.txt <<'END'\n%.*sEND\n"
                    "printf '%%s' '%s' | base64 -d > order.sig\n",
                    (int)note.text_len, note.text, tlog_base64(note.signatures[0].bytes, 64, b64));
    if (r >= 0)
        r = buf_appendf(
            b,
            "printf '%%s' '%s' | base64 -d > order.pub\n"
            "openssl pkeyutl -verify -pubin -keyform DER -inkey order.pub -rawin -in order.txt "
            "-sigfile order.sig\n"
            "   must say: Signature Verified Successfully\n\n",
            tlog_base64(der, sizeof(der), b64));
    return r;
}

static int put_facts(const struct evidence_sheet *s, struct buf *b)
{
    const struct cli_opening *o = s->opening;
    const struct case_order *order = &o->f.order;
    char t[4][TIME_TEXT], hex[65];
    return buf_appendf(
        b,
        "EVIDENCE %s\n\n"
        "Camera:        %s (node %s)\n"
        "From:          %s\n"
        "To:            %s (UTC, by the recorder's clock)\n"
        "Pictures:      %llu, as the camera sent them; nothing was decoded or encoded again\n"
        "File:          %s, %llu bytes\n"
        "SHA-256:       %s\n"
        "Exported:      %s\n"
        "Case:          %s\n"
        "Purpose:       %s\n"
        "Legal basis:   %s\n"
        "Order made:    %s\n"
        "Approved by:   %d custodians, %d were needed\n"
        "Gaps:          %zu\n",
        base_name(s->file), o->job.camera, order->node, time_format(o->job.from_us, t[0]),
        time_format(o->job.to_us, t[1]), (unsigned long long)s->frames, base_name(s->file),
        (unsigned long long)s->bytes, hex_encode(s->sha256, 32, hex), time_format(s->made_us, t[2]),
        order->id, case_code_text(&o->c.codes, CASE_PURPOSE, order->purpose, CASE_EN),
        case_code_text(&o->c.codes, CASE_BASIS, order->basis, CASE_EN),
        time_format(order->made_us, t[3]), __builtin_popcountll(o->answers.approved),
        o->f.policy.threshold, o->job.gaps);
}

static int put_gaps(const struct evidence_sheet *s, struct buf *b)
{
    const struct open_job *j = &s->opening->job;
    char from[TIME_TEXT], to[TIME_TEXT];
    int r = 0;
    for (size_t i = 0; i < j->gaps && r >= 0; i++)
        r = buf_appendf(b, "  %s to %s: %s\n", time_format(j->gap[i].from_us, from),
                        time_format(j->gap[i].to_us, to), j->gap[i].reason);
    return r;
}

static int put_checks(const struct evidence_sheet *s, struct buf *b)
{
    const char *file = base_name(s->file);
    char hex[65];
    int r = buf_appendf(b,
                        "\nHOW TO CHECK IT (in a terminal, in the folder of the file)\n\n"
                        "1. That this is the file that was exported:\n\n"
                        "echo '%s  %s' | sha256sum -c\n   must say: OK\n\n"
                        "2. That every picture can be decoded, with FFmpeg:\n\n"
                        "ffmpeg -v error -i '%s' -enc_time_base 1:90000 -fps_mode passthrough -f "
                        "null - && echo decoded\n   must say: decoded, "
                        "and nothing else\n\n",
                        hex_encode(s->sha256, 32, hex), file, file);
    if (r >= 0)
        r = put_order(s, b);
    if (r >= 0)
        r = buf_appendf(b,
                        "4. That every fragment is the one that was sealed when it was recorded, "
                        "that the order was in the\n"
                        "public log before anything was opened, and who approved:\n\n"
                        "lethe verify '%s'\n"
                        "   names what is not as it was, and of which second. It needs no network. "
                        "Give the key of the\n"
                        "   log that the operator published: lethe verify --trust KEYFILE '%s'\n\n"
                        "The file holds the keys of the epochs it was taken from (ten minutes "
                        "each, unless the operator set\n"
                        "another length). Together with the recorder's sealed files they open "
                        "those epochs whole: keep it as\n"
                        "you would keep the pictures. A copy that was blurred or cut for a court "
                        "has to name this file's\n"
                        "SHA-256 as its master.\n",
                        file, file);
    return r;
}

/* The text inside a plain page: nothing to load, nothing to run. */
static int put_page(const struct buf *text, const char *title, struct buf *page)
{
    int r = buf_appendf(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n"
        "<style>body{max-width:60rem;margin:2rem auto;padding:0 1rem;font:15px/1.5 "
        "ui-monospace,monospace}pre{white-space:pre-wrap;overflow-wrap:anywhere}</style>\n"
        "</head><body><pre>",
        title);
    for (size_t i = 0; i < text->len && r >= 0; i++) {
        char c = (char)text->data[i];
        r = c == '<'   ? buf_append(page, "&lt;", 4)
            : c == '&' ? buf_append(page, "&amp;", 5)
            : c == '>' ? buf_append(page, "&gt;", 4)
                       : buf_append(page, &c, 1);
    }
    return r < 0 ? r : buf_append(page, "</pre></body></html>\n", 21);
}

static int write_beside(const char *file, const char *ending, const struct buf *b,
                        struct err *reterr)
{
    char path[4200];
    int n = snprintf(path, sizeof(path), "%s%s", file, ending);
    return n < 0 || (size_t)n >= sizeof(path)
               ? -ENAMETOOLONG
               : seal_file_write(path, b->data, b->len, 0644, true, reterr);
}

int cli_evidence_sheets(const struct evidence_sheet *s, struct err *reterr)
{
    struct buf text, page;
    buf_init(&text, 1 << 22);
    buf_init(&page, 1 << 23);
    int r = put_facts(s, &text);
    if (r >= 0)
        r = put_gaps(s, &text);
    if (r >= 0)
        r = put_checks(s, &text);
    if (r >= 0)
        r = put_page(&text, "Evidence", &page);
    if (r >= 0)
        r = write_beside(s->file, ".txt", &text, reterr);
    if (r >= 0)
        r = write_beside(s->file, ".html", &page, reterr);
    buf_release(&text);
    buf_release(&page);
    return r;
}
