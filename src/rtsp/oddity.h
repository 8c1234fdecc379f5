/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_ODDITY_H
#define RTSP_ODDITY_H
/* What a camera does differently from the standards and is tolerated; `lethe probe` tells. At most 32. */

#define RTSP_ODDITY_LIST(X)                                                                        \
    X(ODD_CSEQ, "answers with a wrong or missing CSeq")                                            \
    X(ODD_CONTENT_BASE, "sends an unusable Content-Base")                                          \
    X(ODD_SDP, "describes its streams in a form that had to be guessed at")                        \
    X(ODD_SPROP, "announces parameter sets that cannot be read")                                   \
    X(ODD_TRANSPORT, "answers SETUP without a usable Transport header")                            \
    X(ODD_CHANNELS, "chooses other channels than those asked for")                                 \
    X(ODD_UNKNOWN_CHANNEL, "sends on channels that were never set up")                             \
    X(ODD_GARBAGE, "sends bytes between the packets that belong to nothing")                       \
    X(ODD_BAD_RTP, "sends packets that are not RTP")                                               \
    X(ODD_PAYLOAD_TYPE, "sends packets of a payload type that it did not announce")                \
    X(ODD_SSRC, "sends packets of more than one source")                                           \
    X(ODD_SEQUENCE, "sends sequence numbers that jump or go back")                                 \
    X(ODD_TIMESTAMP, "sends timestamps that jump")                                                 \
    X(ODD_MARKER, "sets the marker bit inside of a picture")                                       \
    X(ODD_NO_MARKER, "does not set marker bits")                                                   \
    X(ODD_SPLIT_TIMESTAMP, "changes the timestamp inside of an access unit")                       \
    X(ODD_ANNEX_B, "packs start codes into RTP packets")                                           \
    X(ODD_FRAGMENT, "sends fragments without a begin or an end")                                   \
    X(ODD_EMPTY, "sends empty packets or NAL units")                                               \
    X(ODD_PACKET_FORM, "uses packet forms for interleaved order (STAP-B, MTAP, FU-B, PACI)")       \
    X(ODD_TOO_LARGE, "sends access units over the ceiling")                                        \
    X(ODD_PARAMS, "sends parameter sets that cannot be kept")                                      \
    X(ODD_EARLY_MEDIA, "sends media before it answered PLAY")                                      \
    X(ODD_KEEPALIVE, "refuses its own keepalive method")                                           \
    X(ODD_SESSION, "changes the session id between answers")                                       \
    X(ODD_RTCP, "sends RTCP that cannot be read")                                                  \
    X(ODD_OPTIONS, "refuses OPTIONS")                                                              \
    X(ODD_AUDIO, "sends audio packets that do not fit their description")

enum rtsp_oddity {
#define X(name, text) name,
    RTSP_ODDITY_LIST(X)
#undef X
        ODD_COUNT
};

#define ODD_BIT(o) (UINT32_C(1) << (o))
#endif
