/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Recordings in the hands of stock FFmpeg: NAL units identical after decryption, from a file, through a pipe and after
 * seeking; nothing without the key. Clips are encoded here; those of $LETHE_MEDIA are added when it is set.
 */
#include <dirent.h>

#include "clip.h"

static void make_clip(const char *path, const char *codec, int bframes, int slices)
{
    int hevc = strcmp(codec, "libx265") == 0;
    assert_int_equal(
        run("ffmpeg -v error -y -f lavfi -i testsrc=s=320x240:r=25 -frames:v 120 -pix_fmt yuv420p "
            "-g 30 "
            "-threads 2 -c:v %s -preset veryfast -bf %d %s%s%d '%s'",
            codec, bframes,
            hevc ? "-x265-params log-level=none:keyint=30:slices=" : "-x264-params slices=", "",
            slices, path),
        0);
}

static uint8_t *all_bytes(const struct clip *c, size_t *ret)
{
    size_t n = 0;
    for (int i = 0; i < c->count; i++)
        n += c->au[i].size;
    uint8_t *p = malloc(n + 1);
    *ret = 0;
    for (int i = 0; i < c->count; i++) {
        memcpy(p + *ret, c->au[i].data, c->au[i].size);
        *ret += c->au[i].size;
    }
    return p;
}

static void assert_file_is(const char *path, const uint8_t *want, size_t want_len)
{
    size_t n = 0;
    uint8_t *got = slurp(path, &n);
    assert_non_null(got);
    assert_int_equal(n, want_len);
    assert_memory_equal(got, want, n);
    free(got);
}

/* Compare the NAL units of an Annex B file with those of @c; sets that FFmpeg puts in front once more are passed over. */
static void assert_annexb_is(const char *path, const struct clip *c)
{
    size_t n = 0, pos = 0;
    uint8_t *f = slurp(path, &n);
    int nals = 0;
    assert_non_null(f);
    for (int i = 0; i < c->count; i++) {
        for (uint32_t at = 0; at < c->au[i].size;) {
            uint32_t len = rd32(c->au[i].data + at);
            const uint8_t *nal = c->au[i].data + at + 4;
            enum media_nal_kind k = media_nal_kind(c->track.codec, nal, len);
            at += 4 + len;
            if (k == NAL_VPS || k == NAL_SPS || k == NAL_PPS)
                continue;
            for (;;) { /* next NAL unit of the file that is no set */
                while (pos + 3 <= n && !(f[pos] == 0 && f[pos + 1] == 0 && f[pos + 2] == 1))
                    pos++;
                pos += 3;
                assert_true(pos + len <= n);
                enum media_nal_kind found = media_nal_kind(c->track.codec, f + pos, n - pos);
                if (found != NAL_VPS && found != NAL_SPS && found != NAL_PPS)
                    break;
            }
            assert_memory_equal(f + pos, nal, len);
            pos += len;
            nals++;
        }
    }
    assert_true(nals >= c->count);
    free(f);
}

static int same_frames_after_seek(const char *sealed, const char *source, const char *t)
{
    return run(
        "cd '%s' && ffmpeg -v quiet -ss %s -decryption_key " TEST_KEY
        " -i '%s' -map 0:v -f framemd5 - | "
        "awk '!/#/{print $NF}' > a && ffmpeg -v quiet -ss %s -i '%s' -map 0:v -f framemd5 - | "
        "awk '!/#/{print $NF}' > b && test -s a && cmp a b",
        test_dir, t, sealed, t, source);
}

static void check_sealed(const char *source, const char *name, bool generated)
{
    char path[512], out[512];
    size_t want_len;
    struct clip *c = clip_load(source);
    uint8_t *want = all_bytes(c, &want_len);
    print_message("%s: %d access units, %zu bytes\n", name, c->count, want_len);
    snprintf(path, sizeof(path), "%s/sealed.mp4", test_dir);
    snprintf(out, sizeof(out), "%s/out", test_dir);
    record(c, path, true, 25, 400, true);

    assert_int_equal(run("ffmpeg -v error -y -decryption_key " TEST_KEY
                         " -i '%s' -map 0:v -c copy -f data '%s'",
                         path, out),
                     0);
    assert_file_is(out, want, want_len);
    assert_int_equal(run("cat '%s' | ffmpeg -v error -y -decryption_key " TEST_KEY
                         " -i - -map 0:v -c copy -f data '%s'",
                         path, out),
                     0);
    assert_file_is(out, want, want_len);
    assert_int_equal(run("ffmpeg -v quiet -y -decryption_key " TEST_KEY
                         " -i '%s' -map 0:v -c copy -f %s '%s'",
                         path, c->track.codec == MEDIA_H265 ? "hevc" : "h264", out),
                     0);
    assert_annexb_is(out, c);
    if (generated) {
        assert_int_equal(same_frames_after_seek(path, source, "3.9"), 0);
        assert_int_equal(same_frames_after_seek(path, source, "1.5"), 0);
    }
    /* without the key, or with another, not one picture of the source comes out */
    assert_int_equal(run("cd '%s' && ffmpeg -v error -i '%s' -frames:v 60 -f framemd5 - | awk "
                         "'!/#/{print $NF}' | sort -u > b; "
                         "for k in '' '-decryption_key 0f0e0d0c0b0a09080706050403020100'; do "
                         "ffmpeg -v quiet $k -i '%s' "
                         "-frames:v 60 -f framemd5 - | awk '!/#/{print $NF}' | sort -u > a; test "
                         "-z \"$(comm -12 a b)\" || exit 9; done",
                         test_dir, source, path),
                     0);
    clip_free(c);
    free(want);
}

static void test_players__ffmpeg_opens_sealed_files(void **state)
{
    static const struct {
        const char *codec;
        int bframes, slices;
    } rows[] = {{"libx264", 0, 1}, {"libx264", 2, 1}, {"libx264", 0, 4}, {"libx264", 2, 4},
                {"libx265", 0, 1}, {"libx265", 2, 1}, {"libx265", 0, 4}, {"libx265", 2, 4}};
    char source[512], name[64];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(source, sizeof(source), "%s/source.mp4", test_dir);
        snprintf(name, sizeof(name), "%s, %d B-frames, %d slices", rows[i].codec, rows[i].bframes,
                 rows[i].slices);
        make_clip(source, rows[i].codec, rows[i].bframes, rows[i].slices);
        check_sealed(source, name, true);
    }
}

static void test_players__ffmpeg_opens_real_clips(void **state)
{
    const char *dir = getenv("LETHE_MEDIA");
    DIR *d = dir ? opendir(dir) : NULL;
    struct dirent *e;
    int clips = 0;
    while (d && (e = readdir(d)) && clips < 6) {
        char source[768];
        snprintf(source, sizeof(source), "%s/%s", dir, e->d_name);
        struct stat st;
        if (!strstr(e->d_name, ".mp4") || stat(source, &st) < 0 || st.st_size > 2 << 20)
            continue;
        check_sealed(source, e->d_name, false);
        clips++;
    }
    if (d)
        closedir(d);
    if (!clips)
        skip();
}

static void test_players__torn_file_plays_to_its_last_fragment(void **state)
{
    char source[512], path[512], out[512];
    snprintf(source, sizeof(source), "%s/source.mp4", test_dir);
    snprintf(path, sizeof(path), "%s/torn.mp4", test_dir);
    snprintf(out, sizeof(out), "%s/out", test_dir);
    make_clip(source, "libx264", 2, 1);
    struct clip *c = clip_load(source);
    record(c, path, true, 25, 400, false);
    int fd = open(path, O_RDWR);
    struct mp4_reader *r;
    assert_int_equal(mp4_reader_open(fd, &r, NULL), 0);
    size_t last = mp4_reader_fragments(r) - 1, want_len = 0;
    assert_int_equal(ftruncate(fd, (off_t)mp4_reader_entry(r, last)->offset + 4096), 0);
    int whole = c->count - (int)mp4_reader_entry(r, last)->samples;
    for (int i = 0; i < whole; i++)
        want_len += c->au[i].size;
    mp4_reader_close(r);
    close(fd);
    size_t n = 0, all_len;
    uint8_t *all = all_bytes(c, &all_len);
    run("cat '%s' | ffmpeg -v quiet -y -decryption_key " TEST_KEY
        " -i - -map 0:v -c copy -f data '%s'",
        path, out);
    uint8_t *got = slurp(out, &n);
    assert_true(got && n >= want_len);
    assert_memory_equal(got, all, want_len);
    free(got);
    free(all);
    clip_free(c);
}

/* Audio of @source becomes track 1 of @info; returns its frames as access units that the caller frees. */
static int load_audio(const char *source, struct mp4_info *info, struct media_au *au, int max)
{
    AVFormatContext *f = NULL;
    AVPacket *p = av_packet_alloc();
    int n = 0;
    assert_int_equal(avformat_open_input(&f, source, NULL, NULL), 0);
    int a = av_find_best_stream(f, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    AVCodecParameters *par = f->streams[a]->codecpar;
    struct media_track *t = &info->track[1];
    *t = (struct media_track){.codec = par->codec_id == AV_CODEC_ID_AAC ? MEDIA_AAC : MEDIA_PCMU,
                              .clock_rate = (uint32_t)par->sample_rate,
                              .channels = 1,
                              .asc_len = (uint8_t)par->extradata_size};
    if (par->extradata)
        memcpy(t->asc, par->extradata, (size_t)par->extradata_size);
    info->tracks = 2;
    for (; n < max && av_read_frame(f, p) >= 0; av_packet_unref(p)) {
        if (p->stream_index != a)
            continue;
        uint8_t *data = memcpy(malloc((size_t)p->size), p->data, (size_t)p->size);
        au[n++] = (struct media_au){.data = data,
                                    .size = (uint32_t)p->size,
                                    .key = true,
                                    .pts_ticks = av_rescale_q(p->pts, f->streams[a]->time_base,
                                                              (AVRational){1, par->sample_rate})};
    }
    av_packet_free(&p);
    avformat_close_input(&f);
    return n;
}

static void record_with_audio(const struct clip *c, const struct media_au *audio, int frames,
                              struct recording *r, const char *path)
{
    struct mp4_cipher cipher;
    struct mp4_fragment *f;
    struct media_dts dts;
    int a = 0;
    recording_head(r, path);
    mp4_cipher_init(&cipher, test_key, 77);
    mp4_fragment_new(&f);
    media_dts_init(&dts, c->reorder);
    for (int i = 0; i < c->count; i++) {
        if (i % 30 == 0)
            mp4_fragment_begin(f, &r->info);
        int64_t t = media_dts_next(&dts, c->au[i].pts_ticks);
        assert_int_equal(mp4_fragment_append(f, 0, &c->au[i], t, c->au[i].pts_ticks, &cipher), 0);
        for (; a < frames && (audio[a].pts_ticks * 25 < (int64_t)i * r->info.track[1].clock_rate ||
                              i + 1 == c->count);
             a++)
            assert_int_equal(mp4_fragment_append(f, 1, &audio[a], audio[a].pts_ticks,
                                                 audio[a].pts_ticks, &cipher),
                             0);
        if (i % 30 == 29 || i + 1 == c->count)
            recording_fragment(r, f, -1);
    }
    recording_close(r);
    close(r->fd);
    mp4_fragment_free(f);
    mp4_cipher_release(&cipher);
}

static void export_one(const char *path, const char *out)
{
    struct mp4_reader *r;
    struct mp4_export *e;
    struct mp4_sample s;
    uint64_t bytes;
    int in = open(path, O_RDONLY), fd = open(out, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(mp4_reader_open(in, &r, NULL), 0);
    assert_int_equal(mp4_export_open(fd, mp4_reader_info(r), &e, NULL), 0);
    for (size_t i = 0; i < mp4_reader_fragments(r); i++) {
        assert_int_equal(mp4_reader_load(r, i, test_key, NULL), 0);
        while (mp4_reader_next(r, &s))
            assert_int_equal(mp4_export_sample(e, &s, NULL), 0);
    }
    assert_int_equal(mp4_export_close(e, &bytes, NULL), 0);
    mp4_reader_close(r);
    close(in);
    close(fd);
}

static void assert_audio_is(const char *path, const struct media_au *audio, int frames)
{
    size_t n = 0, at = 0;
    uint8_t *got = slurp(path, &n);
    assert_non_null(got);
    for (int i = 0; i < frames; at += audio[i].size, i++) {
        assert_true(at + audio[i].size <= n);
        assert_memory_equal(got + at, audio[i].data, audio[i].size);
    }
    assert_int_equal(at, n);
    free(got);
}

static void test_players__ffmpeg_opens_sealed_audio(void **state)
{
    static const char *const codecs[] = {"aac", "pcm_mulaw -ar 8000 -f mov"};
    for (int k = 0; k < 2; k++) {
        char source[512], path[512], out[512];
        static struct media_au audio[4000];
        struct recording *r = calloc(1, sizeof(*r));
        snprintf(source, sizeof(source), "%s/av.mp4", test_dir);
        snprintf(path, sizeof(path), "%s/sealed.mp4", test_dir);
        snprintf(out, sizeof(out), "%s/out", test_dir);
        assert_int_equal(run("ffmpeg -v error -y -f lavfi -i testsrc=s=160x120:r=25 -f lavfi -i "
                             "sine=f=440 -t 4 -pix_fmt yuv420p "
                             "-g 30 -c:v libx264 -bf 2 -ac 1 -c:a %s '%s'",
                             codecs[k], source),
                         0);
        struct clip *c = clip_load(source);
        r->info = clip_info(c, true);
        r->max_fragments = 50;
        int frames = load_audio(source, &r->info, audio, 4000);
        record_with_audio(c, audio, frames, r, path);
        assert_int_equal(run("ffmpeg -v error -y -decryption_key " TEST_KEY
                             " -i '%s' -map 0:a -c copy -f data '%s'",
                             path, out),
                         0);
        assert_audio_is(out, audio, frames);
        assert_int_equal(run("ffmpeg -v error -y -decryption_key " TEST_KEY
                             " -i '%s' -f null - 2>&1 | grep . && exit 1 || exit 0",
                             path),
                         0);
        snprintf(source, sizeof(source), "%s/export.mp4", test_dir);
        export_one(path, source);
        assert_int_equal(
            run("ffmpeg -v error -y -i '%s' -map 0:a -c copy -f data '%s'", source, out), 0);
        assert_audio_is(out, audio, frames);
        assert_int_equal(
            run("ffmpeg -v error -y -i '%s' -f null - 2>&1 | grep . && exit 1 || exit 0", source),
            0);
        for (int i = 0; i < frames; i++)
            free((void *)(uintptr_t)audio[i].data);
        free(r);
        clip_free(c);
    }
}

/* Two recordings of other parameters with 7 s of nothing between them, the first sealed. */
static void export_two(struct clip *c[2], const char *out)
{
    struct mp4_export *e = NULL;
    struct err err = {0};
    uint64_t bytes;
    int fd = open(out, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int k = 0; k < 2; k++) {
        char path[512];
        struct mp4_reader *r;
        struct mp4_sample s;
        snprintf(path, sizeof(path), "%s/part%d.mp4", test_dir, k);
        record(c[k], path, k == 0, 25, 400, true);
        int in = open(path, O_RDONLY);
        assert_int_equal(mp4_reader_open(in, &r, &err), 0);
        struct mp4_info info = *mp4_reader_info(r);
        info.start_us += k * 12 * SECOND_US;
        assert_int_equal(
            k == 0 ? mp4_export_open(fd, &info, &e, &err) : mp4_export_source(e, &info, &err), 0);
        for (size_t i = 0; i < mp4_reader_fragments(r); i++) {
            assert_int_equal(mp4_reader_load(r, i, test_key, &err), 0);
            while (mp4_reader_next(r, &s))
                assert_int_equal(mp4_export_sample(e, &s, &err), 0);
        }
        mp4_reader_close(r);
        close(in);
    }
    assert_int_equal(mp4_export_close(e, &bytes, &err), 0);
    struct stat st;
    fstat(fd, &st);
    assert_int_equal(st.st_size, bytes);
    close(fd);
}

static void test_players__export_keeps_bits_and_time(void **state)
{
    static const char *const codecs[] = {"libx264", "libx265"};
    for (int k = 0; k < 2; k++) {
        char source[512], other[512], out[512], data[512];
        snprintf(source, sizeof(source), "%s/source.mp4", test_dir);
        snprintf(other, sizeof(other), "%s/other.mp4", test_dir);
        snprintf(out, sizeof(out), "%s/export.mp4", test_dir);
        snprintf(data, sizeof(data), "%s/out", test_dir);
        make_clip(source, codecs[k], 2, 1);
        assert_int_equal(run("ffmpeg -v fatal -y -i '%s' -vf scale=160:120 -g 25 -c:v %s -preset "
                             "veryfast '%s' 2>&1 | grep -v x265",
                             source, codecs[k], other) > 1,
                         0);
        struct clip *c[2] = {clip_load(source), clip_load(other)};
        size_t len[2];
        uint8_t *bytes[2] = {all_bytes(c[0], &len[0]), all_bytes(c[1], &len[1])};
        export_two(c, out);
        assert_int_equal(run("ffmpeg -v fatal -y -i '%s' -map 0:v -c copy -f data '%s'", out, data),
                         0);
        bytes[0] = realloc(bytes[0], len[0] + len[1]);
        memcpy(bytes[0] + len[0], bytes[1], len[1]);
        assert_file_is(data, bytes[0], len[0] + len[1]);
        /* every picture decodes; the second part begins at 12 s */
        assert_int_equal(run("test \"$(ffprobe -v error -count_frames -show_entries "
                             "stream=nb_read_frames -of csv=p=0 '%s')\" = 240",
                             out),
                         0);
        assert_int_equal(run("ffprobe -v error -show_entries packet=pts_time,flags -of csv=p=0 "
                             "'%s' | sed -n 121,122p | grep -q ^12.000000,K",
                             out),
                         0);
        for (int i = 0; i < 2; i++) {
            clip_free(c[i]);
            free(bytes[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_players__ffmpeg_opens_sealed_files, setup_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_players__ffmpeg_opens_real_clips, setup_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_players__ffmpeg_opens_sealed_audio, setup_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_players__torn_file_plays_to_its_last_fragment,
                                        setup_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_players__export_keeps_bits_and_time, setup_dir,
                                        remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
