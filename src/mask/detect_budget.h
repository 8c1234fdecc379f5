/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_DETECT_BUDGET_H
#define MASK_DETECT_BUDGET_H
/*
 * Who may use the detectors now: a share of one core over a sliding second, given to cameras in turn.
 *
 * A look counts against the budget for a second, or for as long as the budget needs to earn it if it cost more than
 * that. Among cameras that wait, the one that had least lately goes first; what is new in the picture counts as if its
 * camera had had two looks less. So a camera with constant motion gets more than its share only while nobody waits.
 * Thread-bound; time is passed in and may jump.
 */
#include <stdbool.h>
#include <stdint.h>

#define DETECT_CAMERAS 256 /* known at a time; the one that asked longest ago is forgotten first */
#define DETECT_LOOKS 256   /* that can lie within a window */

struct detect_turn {
    uint64_t camera;
    double had_us;     /* CPU lately: halves every 4 s */
    int64_t had_at_us; /* when had_us was right */
    int64_t asked_us;  /* last time */
    int64_t waits_us;  /* first refusal since it was last served */
    int64_t cost_us;   /* of what it waits for */
    bool known, waiting, urgent;
};

struct detect_budget {
    double share; /* CPU of one core */
    struct {
        int64_t until_us, cost_us;
    } look[DETECT_LOOKS];
    int looks;
    int64_t now_us; /* latest time seen */
    struct detect_turn turn[DETECT_CAMERAS];
};

void detect_budget_init(struct detect_budget *b, double share);
/* May @camera have a look that will cost about @cost_us? If not, it is noted that it waits. */
bool detect_budget_ask(struct detect_budget *b, uint64_t camera, bool urgent, int64_t cost_us,
                       int64_t now_us);
/* A look was taken and cost so much. */
void detect_budget_spend(struct detect_budget *b, uint64_t camera, int64_t cost_us, int64_t now_us);
/* CPU microseconds that count against the window now. */
int64_t detect_budget_spent(struct detect_budget *b, int64_t now_us);
#endif
