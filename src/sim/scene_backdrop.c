/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What stands there: houses, road, pavements, trees, a bench. */
#include "sim/scene_private.h"

static void paint_building(struct sim_scene *s, struct sim_canvas *c, float x0, float x1, float top)
{
    struct sim_colour wall = scene_muted_colour(s, 90, 200), window = {60, 136, 122},
                      lit = sim_colour_rgb(230, 210, 150);
    sim_canvas_rect(c, x0, top, x1, 340, wall);
    sim_canvas_rect(c, x0, top, x1, top + 8, sim_colour_shade(wall, 0.7f));
    for (float y = top + 22; y < 270; y += 46)
        for (float x = x0 + 14; x + 26 < x1; x += 42) {
            sim_canvas_rect(c, x - 2, y - 2, x + 26, y + 30, sim_colour_shade(wall, 0.8f));
            sim_canvas_rect(c, x, y, x + 24, y + 28, scene_random(s) % 7 ? window : lit);
        }
    float door = scene_random_between(s, x0 + 10, x1 - 40);
    sim_canvas_rect(c, door, 285, door + 30, 340, scene_muted_colour(s, 40, 120));
}

static void paint_ground(struct sim_canvas *c)
{
    const struct sim_colour paving = sim_colour_rgb(160, 155, 148),
                            road = sim_colour_rgb(78, 80, 84);
    const struct sim_colour white = sim_colour_rgb(215, 215, 205);
    sim_canvas_rect(c, 0, 340, SCENE_WIDTH, 395, paving);
    sim_canvas_rect(c, 0, 395, SCENE_WIDTH, 402, sim_colour_shade(paving, 0.7f));
    sim_canvas_rect(c, 0, 402, SCENE_WIDTH, 560, road);
    for (float x = 20; x < SCENE_WIDTH; x += 110)
        sim_canvas_rect(c, x, 479, x + 60, 484, white);
    sim_canvas_rect(c, 0, 560, SCENE_WIDTH, 568, sim_colour_shade(paving, 0.7f));
    sim_canvas_rect(c, 0, 568, SCENE_WIDTH, SCENE_HEIGHT, paving);
    for (float y = 568; y < SCENE_HEIGHT; y += 38)
        sim_canvas_rect(c, 0, y, SCENE_WIDTH, y + 2, sim_colour_shade(paving, 0.85f));
    for (float x = 0; x < SCENE_WIDTH; x += 64)
        sim_canvas_rect(c, x, 568, x + 2, SCENE_HEIGHT, sim_colour_shade(paving, 0.85f));
}

static void paint_trees(struct sim_scene *s, struct sim_canvas *c)
{
    for (int i = 0; i < 3; i++) {
        float x = scene_random_between(s, 60, 1220);
        sim_canvas_limb(c, x, 388, x, 270, 7, sim_colour_rgb(90, 65, 45));
        for (int k = 0; k < 14; k++)
            sim_canvas_ellipse(c, x + scene_random_between(s, -45, 45),
                               240 + scene_random_between(s, -45, 35), 24, 20,
                               sim_colour_rgb(40 + (int)(scene_random(s) % 40),
                                              90 + (int)(scene_random(s) % 50), 40));
    }
}

/* Fixed grain, so that surfaces have a texture. */
static void paint_texture(struct sim_scene *s, struct sim_picture *p)
{
    int sky = p->height / 10;
    for (int y = sky; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            uint8_t *px = p->y + (size_t)y * (size_t)p->width + x;
            int v = *px + (int)(scene_random(s) % 11) - 5;
            *px = (uint8_t)(v < 16 ? 16 : v > 235 ? 235 : v);
        }
}

void scene_paint_backdrop(struct sim_scene *s, struct sim_picture *p)
{
    uint32_t keep = s->rng;
    struct sim_canvas c = {.p = p, .scale = (float)p->width / SCENE_WIDTH};
    s->rng = keep ^ 0x5bd1e995u;
    for (float y = 0; y < 340; y += 4)
        sim_canvas_rect(&c, 0, y, SCENE_WIDTH, y + 4,
                        sim_colour_rgb(150 + (int)y / 6, 180 + (int)y / 8, 225));
    for (float x = 0; x < SCENE_WIDTH;) {
        float next = x + scene_random_between(s, 130, 260);
        paint_building(s, &c, x, next, scene_random_between(s, 60, 170));
        x = next;
    }
    paint_ground(&c);
    paint_trees(s, &c);
    sim_draw_bench(&c, s->bench_x, s->bench_y, 190);
    paint_texture(s, p);
    s->rng = keep;
}
