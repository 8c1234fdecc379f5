/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_MASK_TALLY_H
#define BENCH_MASK_TALLY_H
/*
 * From judged persons to the figures that are published. Only pictures in which something is shown count: where all is
 * covered nobody can be missed, and counting it would flatter every rate. Reentrant.
 */
#include <stdbool.h>
#include <stdint.h>

#include "bench/mask_judge.h"

#define TALLY_BINS 4
#define TALLY_IDS 4096
/* Height of a person in pixels: below each, the last bin takes the rest. 62.5 pixels a metre are 106. */
extern const int tally_bin_below[TALLY_BINS - 1];
#define TALLY_LARGE 106

struct tally_track {
    uint64_t last_frame;
    bool seen, leaked, large, large_leaked;
};

struct mask_tally {
    double fps;
    uint64_t frames, shown_frames; /* shown: state is not covered */
    uint64_t person_frames, missed_frames;
    uint64_t bin_frames[TALLY_BINS], bin_missed[TALLY_BINS];
    uint64_t still_frames, still_missed; /* persons who have not walked for 30 s */
    uint64_t person_pixels, exposed_pixels;
    uint64_t tracks, leaked_tracks, large_tracks, large_leaked_tracks;
    double false_area;   /* sum over false_frames */
    double covered_area; /* sum over shown_frames, as the masker says */
    uint64_t false_frames;
    uint64_t searched_frames, found_face_frames,
        found_person_frames; /* detectors on the masked output */
    double recovery_s;       /* longest after a step of the exposure; -1: never recovered */
    uint64_t labelled_frames;
    struct tally_track *track; /* TALLY_IDS, made with the first person */
};

/* @id: any number below TALLY_IDS that stays with the person; gone for a second, it is another track. -ENOMEM. */
int tally_person(struct mask_tally *t, int id, int height_pixels, bool still,
                 const struct judge_area *a);
/* Close the open tracks; after that the figures below are right. */
void tally_finish(struct mask_tally *t);
void tally_release(struct mask_tally *t);
/* Add up finished tallies. */
void tally_add(struct mask_tally *to, const struct mask_tally *from);

/* Rates; 0 where nothing was counted. */
double tally_miss_rate(const struct mask_tally *t);
double tally_track_leak_rate(const struct mask_tally *t);
double tally_exposed_seconds_per_person_hour(const struct mask_tally *t);
double tally_false_area(const struct mask_tally *t);
#endif
