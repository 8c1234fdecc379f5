/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* From bytes of the connection to events: the path that every byte of every camera takes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/params.h"
#include "rtsp/internal.h"
#include "rtsp/reorder.h"
#include "rtsp/udp.h"

void receive_reset(struct rtsp_session *s)
{
    for (int i = 0; i < s->tracks; i++) {
        struct rtsp_track *t = &s->track[i];
        s->oddities |= t->assembler.oddities | t->audio.oddities;
        assembler_release(&t->assembler);
        depay_audio_release(&t->audio);
        udp_pair_free(t->udp);
        buf_release(&t->held);
        free(t->media.params);
        *t = (struct rtsp_track){0};
    }
    s->tracks = 0;
    s->channels = (struct rtsp_channels){0};
    s->tail.len = 0;
    s->garbage = 0;
    s->in_step = true;
}

static int index_of(const struct rtsp_track *t)
{
    return (int)(t - t->session->track);
}

static void tell_track(struct rtsp_track *t)
{
    struct rtsp_session *s = t->session;
    struct media_sps sps;
    if (media_params_sps(t->media.params, t->media.codec, &sps) >= 0) {
        t->media.width = sps.width;
        t->media.height = sps.height;
    }
    if (s->ev.track)
        s->ev.track(s->user, index_of(t), &t->media);
}

static void give(struct rtsp_track *t, struct media_au *au, uint32_t ts)
{
    struct rtsp_session *s = t->session;
    bool stamped;
    au->pts_ticks = timeline_next(&t->timeline, ts, s->now_us, &stamped);
    au->arrival_us = s->arrival_us;
    if (stamped)
        session_odd(s, ODD_TIMESTAMP);
    s->stats.access_units++;
    s->stats.last_au_us = s->arrival_us;
    s->last_media_us = s->now_us;
    if (s->ev.au)
        s->ev.au(s->user, index_of(t), au);
}

static void on_unit(struct assembler *a, const uint8_t *data, uint32_t size, uint32_t ts, bool key,
                    bool changed, bool loss)
{
    struct rtsp_track *t = list_entry(a, struct rtsp_track, assembler);
    if (changed && !t->session->closing)
        tell_track(t);
    if (t->session->closing)
        return;
    struct media_au au = {
        .data = data, .size = size, .key = key, .params_changed = changed, .loss = loss};
    give(t, &au, ts);
}

const struct assembler_events receive_assembler_events = {.unit = on_unit};

void receive_audio_frame(void *user, const uint8_t *data, uint32_t size, uint32_t ts, bool loss)
{
    struct rtsp_track *t = user;
    struct media_au au = {.data = data, .size = size, .key = true, .loss = loss};
    if (!t->session->closing)
        give(t, &au, ts);
}

static void gap(struct rtsp_track *t, uint32_t packets)
{
    struct rtsp_session *s = t->session;
    if (t->media.params)
        assembler_gap(&t->assembler);
    else
        depay_audio_gap(&t->audio);
    s->stats.packets_lost += packets;
    if (packets && !s->closing && s->ev.lost)
        s->ev.lost(s->user, index_of(t), packets);
}

/* A stream keeps its payload type; when it never uses the one announced, the announcement was wrong. */
static bool payload_type_ok(struct rtsp_track *t, uint8_t pt)
{
    if (pt == t->payload_type) {
        t->payload_seen = true;
        return true;
    }
    session_odd(t->session, ODD_PAYLOAD_TYPE);
    if (t->payload_seen || ++t->strange_payload < STRANGE_PAYLOAD_PACKETS)
        return false;
    t->payload_type = pt;
    t->payload_seen = true;
    return true;
}

static bool source_ok(struct rtsp_track *t, uint32_t ssrc)
{
    struct rtp_source *src = &t->source;
    if (src->started && src->ssrc == ssrc) {
        src->stale = 0;
        return true;
    }
    bool first = !src->started;
    if (rtp_source_check(src, ssrc) == RTP_DROP_STALE) {
        session_odd(t->session, ODD_SSRC);
        return false;
    }
    src->announced = t->has_ssrc && t->announced_ssrc == ssrc;
    if (!first) {
        session_odd(t->session, ODD_SSRC);
        gap(t, 0);
    }
    return true;
}

void receive_rtp(struct rtsp_track *t, const struct rtp_packet *p)
{
    struct rtsp_session *s = t->session;
    s->stats.packets++;
    if (!payload_type_ok(t, p->payload_type)) {
        if (p->seq == (uint16_t)(t->source.last_seq + 1))
            rtp_source_count(&t->source, p->seq);
        s->stats.discarded_bytes += p->len;
        return;
    }
    int missing = rtp_source_count(&t->source, p->seq);
    if (missing < 0) {
        session_odd(s, ODD_SEQUENCE);
        gap(t, 0);
    } else if (missing > 0) {
        gap(t, (uint32_t)missing);
    }
    if (s->closing)
        return;
    if (t->media.codec == MEDIA_H264)
        depay_h264(&t->assembler, p);
    else if (t->media.codec == MEDIA_H265)
        depay_h265(&t->assembler, p, t->donl);
    else
        depay_audio(&t->audio, p);
}

bool receive_rtp_accept(struct rtsp_track *t, const uint8_t *p, size_t n, struct rtp_packet *ret)
{
    struct rtsp_session *s = t->session;
    if (rtp_parse(p, n, ret) < 0) {
        session_odd(s, ODD_BAD_RTP);
        s->stats.discarded_bytes += n;
        return false;
    }
    const struct rtp_source *src = &t->source;
    bool foreign = ret->payload_type != t->payload_type;
    uint16_t far = (uint16_t)(ret->seq - src->last_seq + REORDER_PACKETS);
    if (foreign && src->started && ret->ssrc == src->ssrc && far < 2 * REORDER_PACKETS)
        return true; /* dropped in its place by receive_rtp(), as it may have taken one of our sequence numbers */
    if ((foreign && !payload_type_ok(t, ret->payload_type)) || !source_ok(t, ret->ssrc)) {
        s->stats.discarded_bytes += n;
        return false;
    }
    return true;
}

void receive_rtcp(struct rtsp_track *t, const uint8_t *p, size_t n)
{
    struct rtsp_session *s = t->session;
    struct rtcp_sender_report sr;
    int64_t pts;
    if (n < 4 || p[0] >> 6 != 2) {
        session_odd(s, ODD_RTCP);
        return;
    }
    if (rtcp_find_sender_report(p, n, &sr, NULL) <= 0)
        return;
    if (t->source.started && sr.ssrc != t->source.ssrc)
        session_odd(s, ODD_RTCP);
    t->last_sr = (uint32_t)(sr.ntp >> 16);
    t->last_sr_us = s->now_us;
    if (sr.ntp && timeline_at(&t->timeline, sr.rtp_timestamp, &pts) >= 0 && !s->closing &&
        s->ev.sender_report)
        s->ev.sender_report(s->user, index_of(t), rtcp_ntp_to_us(sr.ntp), pts, s->arrival_us);
}

/* The track of a channel; when two share one, the payload type decides. */
static struct rtsp_track *track_of(struct rtsp_session *s, uint8_t channel, const uint8_t *p,
                                   size_t n)
{
    struct rtsp_track *hit = NULL;
    for (int i = 0; i < s->tracks; i++) {
        struct rtsp_track *t = &s->track[i];
        if (channel != t->rtp_channel && channel != t->rtcp_channel)
            continue;
        if (!hit || (n > 1 && channel == t->rtp_channel && (p[1] & 127) == t->payload_type))
            hit = t;
    }
    return hit;
}

static void take_rtp(struct rtsp_track *t, const uint8_t *p, size_t n)
{
    struct rtp_packet packet;
    if (receive_rtp_accept(t, p, n, &packet))
        receive_rtp(t, &packet);
}

static void on_frame(struct rtsp_session *s, uint8_t channel, const uint8_t *p, size_t n)
{
    struct rtsp_track *t = track_of(s, channel, p, n);
    if (!t || s->step < STEP_PLAY) {
        if (!t)
            session_odd(s, ODD_UNKNOWN_CHANNEL);
        s->stats.discarded_bytes += n;
        return;
    }
    if (s->closing)
        return;
    if (s->step == STEP_PLAY) {
        session_odd(s, ODD_EARLY_MEDIA);
        session_tell_playing(s);
    }
    if (channel == t->rtp_channel)
        early_packet(t, p, n, take_rtp);
    else
        receive_rtcp(t, p, n);
}

/* Count bytes that belong to nothing; a camera that sends too many is cut off. */
static void on_junk(struct rtsp_session *s, size_t n)
{
    session_odd(s, ODD_GARBAGE);
    s->stats.discarded_bytes += n;
    s->in_step = false;
    if (s->now_us - s->garbage_since_us > MINUTE_US) {
        s->garbage_since_us = s->now_us;
        s->garbage_minute = 0;
    }
    s->garbage += (uint32_t)n;
    s->garbage_minute += (uint32_t)n;
    if (s->garbage > GARBAGE_MAX || s->garbage_minute > GARBAGE_PER_MINUTE)
        session_fail(s, E_PROTOCOL,
                     "the camera sends garbage: %u bytes without a packet between them",
                     s->garbage);
}

/* Handle one thing at @p. Bytes used, 0 when more are needed. */
static size_t take_item(struct rtsp_session *s, const uint8_t *p, size_t n)
{
    struct rtsp_item item;
    struct rtsp_message m;
    rtsp_interleaved_next(p, n, &s->channels, s->in_step, &item);
    switch (item.type) {
    case RTSP_ITEM_FRAME:
        s->in_step = true;
        s->garbage = 0;
        on_frame(s, item.channel, p + RTSP_FRAME_HEAD, item.size - RTSP_FRAME_HEAD);
        return item.size;
    case RTSP_ITEM_TEXT: {
        int r = rtsp_message_parse((const char *)p, n, &m);
        if (r == 0)
            return 0;
        if (r < 0) {
            on_junk(s, 1);
            return 1;
        }
        s->in_step = true;
        handshake_message(s, &m);
        return (size_t)r;
    }
    case RTSP_ITEM_JUNK:
        if (!item.blank)
            on_junk(s, item.size);
        return item.size;
    case RTSP_ITEM_MORE:
        break;
    }
    return 0;
}

static size_t consume(struct rtsp_session *s, const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (at < n && session_alive(s)) {
        size_t used = take_item(s, p + at, n - at);
        if (used == 0)
            break;
        at += used;
    }
    return at;
}

static void read_failed(struct rtsp_session *s, ssize_t code)
{
    if (s->keepalive_unanswered &&
        s->now_us - (s->next_keepalive_us - s->keepalive_us) < 2 * SECOND_US)
        s->options_only = true; /* closed on the keepalive itself */
    if (code == E_CLOSED)
        session_fail(s, E_CLOSED, "the camera closed the connection");
    else
        session_fail(s, (int)code, "the connection broke: %s", err_text((int)code));
}

static void park(struct rtsp_session *s)
{
    for (int i = 0; i < s->tracks; i++)
        if (s->track[i].media.params)
            assembler_park(&s->track[i].assembler);
}

static void keep_tail(struct rtsp_session *s, const uint8_t *p, size_t n)
{
    s->tail.len = 0;
    if (n && buf_append(&s->tail, p, n) < 0)
        session_fail(s, -ENOMEM, "out of memory");
}

void receive_tcp(struct rtsp_session *s)
{
    uint8_t *rx = s->hub->rx;
    size_t have = s->tail.len, total = 0;
    struct conn *conn = s->conn;
    if (have)
        memcpy(rx, s->tail.data, have);
    bool started = false;
    while (total < ROUND_BYTES_MAX) {
        size_t room = HUB_RX_BYTES - have;
        ssize_t n = conn_read(conn, rx + have, room);
        if (s->conn != conn) /* the TLS handshake failed */
            return;
        if (n < 0) {
            read_failed(s, n);
            return;
        }
        if (n == 0)
            break;
        if (!started) {
            started = true;
            s->arrival_us = clock_wall_us(s->hub->clock);
            for (int i = 0; i < s->tracks; i++)
                if (s->track[i].media.params)
                    assembler_unpark(&s->track[i].assembler);
        }
        s->last_data_us = s->now_us;
        s->stats.bytes += (uint64_t)n;
        total += (size_t)n;
        have += (size_t)n;
        size_t used = consume(s, rx, have);
        if (s->conn != conn)
            return;
        have -= used;
        if (used && have)
            memmove(rx, rx + used, have);
        if ((size_t)n < room && !conn->tls)
            break;
    }
    if (!started)
        return;
    park(s);
    keep_tail(s, rx, have);
}

void receive_reports(struct rtsp_session *s)
{
    uint8_t frame[RTSP_FRAME_HEAD + RTCP_REPORT_BYTES];
    s->next_report_us = s->now_us + REPORT_US;
    for (int i = 0; i < s->tracks && session_alive(s); i++) {
        struct rtsp_track *t = &s->track[i];
        int64_t delay = s->now_us - t->last_sr_us;
        size_t n = rtcp_receiver_report(&t->source, s->our_ssrc, t->last_sr_us ? t->last_sr : 0,
                                        delay, frame + RTSP_FRAME_HEAD);
        if (s->use_udp) {
            udp_pair_report(t->udp, frame + RTSP_FRAME_HEAD, n);
            continue;
        }
        frame[0] = '$';
        frame[1] = t->rtcp_channel;
        wr16(frame + 2, (uint16_t)n);
        int r = conn_write(s->conn, frame, RTSP_FRAME_HEAD + n);
        if (r < 0)
            session_fail(s, r, "the camera takes no more reports: %s", err_text(r));
    }
}
