/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/mangle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/wire.h"

enum { MARKER_NEVER, MARKER_ALWAYS };
enum { SDP_PT35 = 13 };
#define MILLION 1000000
#define FOREIGN_PT 50
#define STRAY_CHANNEL 17
#define OUT_MAX ((size_t)40 << 20)

struct sim_mangle {
    uint16_t sequence; /* of the next packet */
    uint32_t ts_delta, ts_once, ssrc_xor;
    int64_t stall_until_us, since_us;
    int64_t skip;
    bool cut, changed; /* changed: plays the other program */
    struct sim_program *home;
    struct buf out, packets;
};

static struct sim_mangle *get(struct sim_player *p)
{
    struct sim_mangle *m = p->mangle;
    if (m)
        return m;
    m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->home = p->program;
    m->since_us = p->session->server->now_us;
    buf_init(&m->out, OUT_MAX);
    buf_init(&m->packets, OUT_MAX);
    m->sequence = sim_program_sequence(p->program, p->index, p->loop);
    p->mangle = m;
    return m;
}

void sim_mangle_free(struct sim_mangle *m)
{
    if (!m)
        return;
    buf_release(&m->out);
    buf_release(&m->packets);
    free(m);
}

static const struct sim_quirks *quirks_of(const struct sim_player *p)
{
    return p->session->camera->quirks[p->session->stream];
}

uint32_t sim_mangle_timestamp(const struct sim_player *p, uint32_t ts)
{
    const struct sim_mangle *m = p->mangle;
    int64_t drift = sim_quirk(quirks_of(p), SIM_Q_DRIFT);
    if (!m)
        return ts;
    int64_t age = p->session->server->now_us - m->since_us;
    return ts + m->ts_delta +
           (uint32_t)(age * drift / MILLION * (int64_t)p->program->clock_rate / MILLION);
}

uint16_t sim_mangle_sequence(const struct sim_player *p, uint16_t seq)
{
    return p->mangle ? p->mangle->sequence : seq;
}

uint32_t sim_mangle_ssrc(const struct sim_player *p)
{
    return p->mangle ? p->mangle->home->ssrc ^ p->mangle->ssrc_xor : p->program->ssrc;
}

bool sim_mangle_stalled(const struct sim_player *p)
{
    return p->mangle && p->session->server->now_us < p->mangle->stall_until_us;
}

static bool roll(const struct sim_player *p, enum sim_quirk_id id)
{
    int64_t chance = sim_quirk(quirks_of(p), id);
    return chance && (int64_t)(sim_random(p->session->server) % MILLION) < chance;
}

/* Does the packet end a NAL unit? */
static bool ends_nal(const struct sim_program *g, const uint8_t *payload, size_t len)
{
    if (g->codec == MEDIA_H264 && len > 1 && (payload[0] & 0x1f) == 28)
        return payload[1] & 0x40;
    if (g->codec == MEDIA_H265 && len > 2 && ((payload[0] >> 1) & 0x3f) == 49)
        return payload[2] & 0x40;
    return true;
}

/* Write one packet with the numbers of this session; @d is its framing, header and payload. */
static int emit(struct sim_player *p, const uint8_t *d, size_t len, uint32_t ts)
{
    struct sim_mangle *m = p->mangle;
    const struct sim_quirks *q = quirks_of(p);
    size_t at = m->out.len;
    if (sim_quirk(q, SIM_Q_CRLF) && !p->udp && buf_append(&m->out, "\r\n", 2) >= 0)
        at += 2;
    int r = buf_append(&m->out, d, len);
    if (r < 0)
        return r;
    uint8_t *h = m->out.data + at;
    h[1] = p->channel;
    if (sim_quirk_word(q, SIM_Q_MARKER, MARKER_NEVER))
        h[5] &= 0x7f;
    if (sim_quirk_word(q, SIM_Q_MARKER, MARKER_ALWAYS) && ends_nal(p->program, h + 16, len - 16))
        h[5] |= 0x80;
    if (sim_quirk_word(q, SIM_Q_SDP, SDP_PT35) && p->track == 0)
        h[5] = (uint8_t)((h[5] & 0x80) | 35);
    wr16(h + 6, m->sequence++);
    wr32(h + 8, ts);
    wr32(h + 12, sim_mangle_ssrc(p));
    return 0;
}

/* Packets that belong to nobody. */
static void emit_strangers(struct sim_player *p)
{
    static const uint8_t nobody[] = {
        '$', STRAY_CHANNEL, 0, 16, 0x80, 0x60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4};
    struct sim_mangle *m = p->mangle;
    uint8_t d[sizeof(nobody)];
    memcpy(d, nobody, sizeof(d));
    if (sim_quirk(quirks_of(p), SIM_Q_UNKNOWN_CHANNEL) && !p->udp)
        buf_append(&m->out, d, sizeof(d));
    if (sim_quirk(quirks_of(p), SIM_Q_FOREIGN_PT)) {
        d[1] = p->channel;
        d[5] = FOREIGN_PT;
        wr16(d + 6, m->sequence++);
        wr32(d + 12, sim_mangle_ssrc(p));
        buf_append(&m->out, d, sizeof(d));
    }
}

/* Where the packets of the access unit come from: the shared block, or built in a wrong way. */
static int make_packets(struct sim_player *p)
{
    struct sim_mangle *m = p->mangle;
    struct sim_program *g = p->program;
    const struct sim_au *au = &g->aus[p->index];
    m->packets.len = 0;
    if (p->track == 0 && sim_wire_is_odd(quirks_of(p)))
        return sim_wire_build(g, au, quirks_of(p), &m->packets);
    return buf_append(&m->packets, au->block->data, au->block->len);
}

/* One pass over the packets: lose, double, swap, renumber. Returns true when something was lost. */
static bool rewrite(struct sim_player *p, uint32_t ts)
{
    struct sim_mangle *m = p->mangle;
    bool split = sim_quirk(quirks_of(p), SIM_Q_SPLIT_TIMESTAMP), lost = false;
    size_t held_at = 0, held_len = 0;
    m->out.len = 0;
    for (size_t at = 0, len; at + SIM_FRAMING <= m->packets.len; at += len) {
        const uint8_t *d = m->packets.data + at;
        len = SIM_FRAMING + (size_t)rd16(d + 2);
        uint32_t t = ts + (split && at > m->packets.len / 2 ? 1 : 0);
        size_t before = m->out.len;
        if (roll(p, SIM_Q_LOSS)) {
            m->sequence++;
            lost = true;
            continue;
        }
        emit(p, d, len, t);
        size_t made = m->out.len - before;
        if (held_len) { /* the one before goes behind this one */
            uint8_t *tmp = malloc(held_len);
            if (tmp) {
                memcpy(tmp, m->out.data + held_at, held_len);
                memmove(m->out.data + held_at, m->out.data + before, made);
                memcpy(m->out.data + held_at + made, tmp, held_len);
            }
            free(tmp);
            held_len = 0;
        } else if (roll(p, SIM_Q_REORDER)) {
            held_at = before;
            held_len = made;
        }
        if (roll(p, SIM_Q_DUPLICATE) && !held_len && buf_reserve(&m->out, made) >= 0)
            buf_append(&m->out, m->out.data + before, made);
    }
    emit_strangers(p);
    return lost;
}

static bool swallowed(struct sim_player *p)
{
    struct sim_mangle *m = p->mangle;
    if (sim_mangle_stalled(p))
        return true;
    if (m->skip > 0) {
        m->skip--;
        return true;
    }
    return p->track == 0 && sim_quirk(quirks_of(p), SIM_Q_DROP_KEYS) &&
           p->program->aus[p->index].key && p->number > 0;
}

/* Send the first half of what was built and hang up. */
static bool cut_off(struct sim_player *p)
{
    struct sim_mangle *m = p->mangle;
    struct sim_session *ss = p->session;
    sim_player_send(p, sim_block_copy(m->out.data, m->out.len / 2), NULL);
    if (ss->conn)
        sim_conn_finish(ss->conn);
    else
        sim_session_free(ss);
    return false;
}

bool sim_mangle_play(struct sim_player *p)
{
    struct sim_mangle *m = get(p);
    if (!m || swallowed(p) || make_packets(p) < 0)
        return true;
    uint32_t ts =
        sim_mangle_timestamp(p, sim_program_timestamp(p->program, p->index, p->loop)) + m->ts_once;
    m->ts_once = 0;
    bool lost = rewrite(p, ts);
    if (m->cut)
        return cut_off(p);
    struct sim_note n = {.player = p->noted ? p : NULL,
                         .program = p->program,
                         .index = (uint32_t)p->index,
                         .timestamp = ts,
                         .loop = p->loop,
                         .damaged = lost};
    p->packets += p->program->aus[p->index].packet_count;
    p->octets += (uint32_t)m->out.len;
    p->session->server->stats.aus++;
    sim_player_send(p, sim_block_copy(m->out.data, m->out.len), p->noted ? &n : NULL);
    return !list_empty(&p->wheel);
}

/* Go over to another program of the camera at a key picture; time and sequence numbers go on. */
static void change_program(struct sim_player *p)
{
    struct sim_mangle *m = p->mangle;
    struct sim_program *from = p->program;
    struct sim_program *to =
        m->changed ? m->home : p->session->camera->stream[p->session->stream].other;
    if (!to || to->codec != from->codec)
        return;
    uint32_t now = sim_mangle_timestamp(p, sim_program_timestamp(from, p->index, p->loop));
    p->program = to;
    p->index = 0;
    p->loop = 0;
    p->base_us = p->due_us;
    m->changed = !m->changed;
    m->ts_delta += now - sim_mangle_timestamp(p, sim_program_timestamp(to, 0, 0));
}

static void send_random(struct sim_player *p, int64_t bytes, bool with_dollar)
{
    const int64_t piece = 1 << 20;
    struct sim_server *s = p->session->server;
    struct sim_block *b = sim_block_new((size_t)(bytes < piece ? bytes : piece));
    for (uint32_t i = 0; b && i < b->len; i++) {
        b->data[i] = (uint8_t)(sim_random(s) >> 16);
        if (b->data[i] == '$' && !with_dollar)
            b->data[i] = '%';
    }
    for (; b && bytes > 0 && p->session->conn && !p->udp; bytes -= piece) {
        b->refs++;
        sim_conn_send(p->session->conn, b, NULL);
    }
    sim_block_unref(b);
}

/* Packets of a session that should be over: old numbers, another source. */
static void send_stale(struct sim_player *p, int64_t count)
{
    struct sim_mangle *m = p->mangle;
    const struct sim_block *b = p->program->aus[p->index].block;
    m->out.len = 0;
    for (size_t at = 0; count > 0 && at + SIM_FRAMING <= b->len; count--) {
        size_t len = SIM_FRAMING + (size_t)rd16(b->data + at + 2), to = m->out.len;
        if (buf_append(&m->out, b->data + at, len) < 0)
            break;
        m->out.data[to + 1] = p->channel;
        wr16(m->out.data + to + 6, (uint16_t)(rd16(b->data + at + 6) ^ 0x4000));
        wr32(m->out.data + to + 12, 0x0badcafe);
        at += len;
    }
    sim_player_send(p, sim_block_copy(m->out.data, m->out.len), NULL);
}

static void send_bye(struct sim_player *p)
{
    uint8_t d[SIM_FRAMING + 8] = {'$', p->rtcp_channel, 0, 8, 0x81, 203, 0, 1};
    wr32(d + 8, sim_mangle_ssrc(p));
    sim_player_send(p, sim_block_copy(d, sizeof(d)), NULL);
}

static void send_text(struct sim_session *ss, bool ask)
{
    char text[120];
    if (!ss->conn)
        return;
    int n = ask ? snprintf(text, sizeof(text),
                           "OPTIONS * RTSP/1.0\r\nCSeq: %u\r\nUser-Agent: camera\r\n\r\n",
                           ++ss->conn->server_cseq)
                : snprintf(text, sizeof(text), "RTSP/1.0 200 OK\r\nCSeq: 987654\r\n\r\n");
    sim_conn_text(ss->conn, text, (size_t)n);
}

/* What concerns the session as a whole. False: not such an event. */
static bool session_event(struct sim_session *ss, enum sim_event_id e)
{
    bool conn = ss->conn && (e == SIM_E_DROP || e == SIM_E_RESET);
    if (conn) {
        sim_conn_close(ss->conn, e == SIM_E_RESET, "fault: dropped");
        return true;
    }
    if (e == SIM_E_DROP || e == SIM_E_RESET || e == SIM_E_EXPIRE) {
        sim_session_free(ss);
        return true;
    }
    if (e == SIM_E_ASK || e == SIM_E_STRAY_REPLY) {
        send_text(ss, e == SIM_E_ASK);
        return true;
    }
    return false;
}

static uint32_t ticks(const struct sim_player *p, int64_t us)
{
    return (uint32_t)(us * (int64_t)p->program->clock_rate / MILLION);
}

static void player_event(struct sim_player *p, const struct sim_rule *r)
{
    struct sim_mangle *m = get(p);
    bool video = p->track == 0;
    if (!m)
        return;
    switch ((enum sim_event_id)r->action) {
    case SIM_E_STALL:
        m->stall_until_us = p->session->server->now_us + r->arg;
        break;
    case SIM_E_GARBAGE:
    case SIM_E_FLOOD:
        if (video)
            send_random(p, r->arg, r->action == SIM_E_FLOOD);
        break;
    case SIM_E_SEQ_JUMP:
        m->sequence = (uint16_t)(m->sequence + r->arg);
        break;
    case SIM_E_TS_JUMP:
        m->ts_delta += ticks(p, r->arg);
        break;
    case SIM_E_TS_BACK:
        m->ts_delta -= ticks(p, r->arg);
        break;
    case SIM_E_TS_ONCE:
        m->ts_once = ticks(p, r->arg);
        break;
    case SIM_E_PARAM_CHANGE:
        if (video)
            change_program(p);
        break;
    case SIM_E_CUT:
        m->cut = video;
        break;
    case SIM_E_SKIP:
        m->skip = r->arg;
        break;
    case SIM_E_SSRC_CHANGE:
        m->ssrc_xor = (uint32_t)sim_random(p->session->server);
        m->sequence = (uint16_t)sim_random(p->session->server);
        break;
    case SIM_E_STALE_DATA:
        if (video)
            send_stale(p, r->arg);
        break;
    case SIM_E_BYE:
        send_bye(p);
        break;
    case SIM_E_DROP:
    case SIM_E_RESET:
    case SIM_E_EXPIRE:
    case SIM_E_ASK:
    case SIM_E_STRAY_REPLY:
    case SIM_EVENTS:
        break;
    }
}

void sim_mangle_event(struct sim_session *ss, const struct sim_rule *r)
{
    if (session_event(ss, (enum sim_event_id)r->action))
        return;
    for (int i = 0; i < SIM_TRACKS && ss->playing; i++)
        if (ss->player[i].set_up)
            player_event(&ss->player[i], r);
}
