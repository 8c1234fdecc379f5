/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_PLATE_H
#define MASK_PLATE_H
/*
 * The learnt picture of the empty place, and where the live picture differs from it. Pixels of a live picture get into
 * the plate in two ways only, both in learn.c: a cell is learnt from its candidate, or a cell that is learnt and agrees,
 * away from everything covered, follows the light by one step. docs/design/masking.md has the invariants.
 */
#include <stdbool.h>

#include "mask/light.h"

struct mask_plate {
    struct mask_grid grid;
    struct mask_picture plate; /* of the place, in the exposure it was learnt in */
    struct mask_picture pred;  /* the plate as the camera would send it now: through the gain */
    struct mask_picture cand;  /* what stands where the picture differs, in the plate's exposure */
    struct mask_picture cand_pred;
    struct mask_gain gain;
    struct mask_affine used[3]; /* the gain that pred was made with */
    struct mask_light light;
    int64_t light_us; /* when it was followed last */
    struct mask_blocks plate_blocks, live_blocks;
    uint8_t *usable; /* a byte per block */
    bool plate_changed;

    /* a 16-bit number per cell */
    uint16_t *sad, *chroma, *sum;     /* of this frame, mask_compare_row() against pred */
    uint16_t *previous;               /* sum of the frame before */
    uint16_t *cand_sad, *cand_chroma; /* against cand */
    uint16_t *noise, *noise_chroma;   /* mean of sad where all is quiet, in 1/16 */
    uint16_t *peak, *peak_chroma;     /* highest of late, in 1/16, slowly falling */
    uint16_t *limit, *limit_chroma;   /* above it a cell differs */
    uint16_t *quiet;                  /* time that the candidate has stood, in 1/10 s */
    uint16_t *look;                   /* number of detector looks when quiet began */
    /* a byte per cell, 0 or 255 unless said otherwise */
    uint8_t *learnt, *weak, *strong, *trace, *moving, *cover, *guard, *broke, *tmp;
    uint8_t *hold; /* 1/50 s that a cell stays covered after it differed last */

    int learnt_count, differing, moved; /* cells; of this frame */
    int64_t measured_us;                /* of the last lesson */
    unsigned measures;
    unsigned unlearnt_ms; /* passed since then */
    unsigned frames;
    bool frozen; /* set by the owner: another view is seen, neither light nor noise are followed */
};

int mask_plate_init(struct mask_plate *p, int width,
                    int height); /* -ENOMEM; released by the caller then too */
void mask_plate_release(struct mask_plate *p);
void mask_plate_forget(struct mask_plate *p);
/* Fit the gain, compare, and say which cells differ, which move. @dt_ms since the frame before. */
void mask_plate_see(struct mask_plate *p, const struct mask_picture *live, int64_t now_us,
                    int dt_ms);
/* Grow what differs or was different within the last second, with @claims (a byte per cell), into p->cover. */
void mask_plate_cover(struct mask_plate *p, const uint8_t *claims);
/* Set the limits of a cell from the noise that was measured in it. */
void mask_plate_limits(struct mask_plate *p, size_t cell);
/* Share of the cells that are learnt, and of these that differ, 0..1. */
float mask_plate_learnt(const struct mask_plate *p);
float mask_plate_differing(const struct mask_plate *p);

/* What learning may do in this frame. */
struct mask_lesson {
    int64_t now_us;
    int dt_ms;
    unsigned quiet_new;             /* 1/10 s before a cell that was never known is learnt */
    unsigned quiet_stay;            /* 1/10 s before what came and stayed is learnt; 0: never */
    unsigned looks_new, looks_stay; /* detector looks that must have found nobody meanwhile */
    unsigned looks;                 /* looks so far */
    const uint8_t *claims;          /* a byte per cell: a detector says that somebody is there */
};
/* Rows of cells @from to @to of a picture in the plate's exposure as the camera would send them now. */
void mask_plate_expose(const struct mask_plate *p, const struct mask_picture *plate,
                       struct mask_picture *ret, int from, int to);
/*
 * After mask_plate_cover(). Works twice a second and returns whether it did. Cells of p->broke have shown something new
 * then: see mask_plate_unsettle().
 */
bool mask_plate_learn(struct mask_plate *p, const struct mask_picture *live,
                      const struct mask_lesson *l);
/* Start the quiet time of a cell anew. */
static inline void mask_plate_unsettle(struct mask_plate *p, size_t cell)
{
    p->quiet[cell] = 0;
}
/* A detector sees somebody who is in the plate: what is known of the cell is forgotten. */
void mask_plate_doubt(struct mask_plate *p, size_t cell);
#endif
