/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/mask_tally.h"

#include <errno.h>
#include <stdlib.h>

const int tally_bin_below[TALLY_BINS - 1] = {32, 64, TALLY_LARGE};

static void close_track(struct mask_tally *t, struct tally_track *k)
{
    t->tracks += k->seen;
    t->leaked_tracks += k->seen && k->leaked;
    t->large_tracks += k->seen && k->large;
    t->large_leaked_tracks += k->seen && k->large_leaked;
    *k = (struct tally_track){0};
}

int tally_person(struct mask_tally *t, int id, int height_pixels, bool still,
                 const struct judge_area *a)
{
    if (!t->track && !(t->track = calloc(TALLY_IDS, sizeof(*t->track))))
        return -ENOMEM;
    if (a->pixels < JUDGE_LEAST_PIXELS)
        return 0;
    bool missed = judge_missed(a);
    int bin = 0;
    while (bin < TALLY_BINS - 1 && height_pixels >= tally_bin_below[bin])
        bin++;
    t->person_frames++;
    t->missed_frames += missed;
    t->bin_frames[bin]++;
    t->bin_missed[bin] += missed;
    t->still_frames += still;
    t->still_missed += still && missed;
    t->person_pixels += a->pixels;
    t->exposed_pixels += a->exposed;
    struct tally_track *k = &t->track[(unsigned)id % TALLY_IDS];
    if (k->seen && (double)(t->frames - k->last_frame) > t->fps)
        close_track(t, k);
    k->seen = true;
    k->last_frame = t->frames;
    k->leaked |= missed;
    k->large |= height_pixels >= TALLY_LARGE;
    k->large_leaked |= missed && height_pixels >= TALLY_LARGE;
    return 0;
}

void tally_finish(struct mask_tally *t)
{
    for (int i = 0; t->track && i < TALLY_IDS; i++)
        close_track(t, &t->track[i]);
}

void tally_release(struct mask_tally *t)
{
    free(t->track);
    t->track = NULL;
}

void tally_add(struct mask_tally *to, const struct mask_tally *from)
{
    to->fps = from->fps; /* of the last; no rate needs it any more */
    to->frames += from->frames;
    to->shown_frames += from->shown_frames;
    to->person_frames += from->person_frames;
    to->missed_frames += from->missed_frames;
    for (int i = 0; i < TALLY_BINS; i++) {
        to->bin_frames[i] += from->bin_frames[i];
        to->bin_missed[i] += from->bin_missed[i];
    }
    to->still_frames += from->still_frames;
    to->still_missed += from->still_missed;
    to->person_pixels += from->person_pixels;
    to->exposed_pixels += from->exposed_pixels;
    to->tracks += from->tracks;
    to->leaked_tracks += from->leaked_tracks;
    to->large_tracks += from->large_tracks;
    to->large_leaked_tracks += from->large_leaked_tracks;
    to->false_area += from->false_area;
    to->covered_area += from->covered_area;
    to->false_frames += from->false_frames;
    to->searched_frames += from->searched_frames;
    to->found_face_frames += from->found_face_frames;
    to->found_person_frames += from->found_person_frames;
    to->labelled_frames += from->labelled_frames;
    if (from->recovery_s < 0 || (to->recovery_s >= 0 && from->recovery_s > to->recovery_s))
        to->recovery_s = from->recovery_s;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

double tally_miss_rate(const struct mask_tally *t)
{
    return share(t->missed_frames, t->person_frames);
}

double tally_track_leak_rate(const struct mask_tally *t)
{
    return share(t->leaked_tracks, t->tracks);
}

double tally_exposed_seconds_per_person_hour(const struct mask_tally *t)
{
    return 3600 * share(t->missed_frames, t->person_frames);
}

double tally_false_area(const struct mask_tally *t)
{
    return t->false_frames ? t->false_area / (double)t->false_frames : 0;
}
