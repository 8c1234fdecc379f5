/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/figure.h"

#include <math.h>

#define TURN 6.2831853f

void sim_canvas_reset(struct sim_canvas *c)
{
    c->x0 = c->y0 = INFINITY;
    c->x1 = c->y1 = -INFINITY;
}

static void touch(struct sim_canvas *c, float x0, float y0, float x1, float y1)
{
    c->x0 = fminf(c->x0, x0 * c->scale);
    c->y0 = fminf(c->y0, y0 * c->scale);
    c->x1 = fmaxf(c->x1, x1 * c->scale);
    c->y1 = fmaxf(c->y1, y1 * c->scale);
}

void sim_canvas_rect(struct sim_canvas *c, float x0, float y0, float x1, float y1,
                     struct sim_colour k)
{
    touch(c, x0, y0, x1, y1);
    sim_draw_rect(c->p, x0 * c->scale, y0 * c->scale, x1 * c->scale, y1 * c->scale, k);
}

void sim_canvas_ellipse(struct sim_canvas *c, float x, float y, float rx, float ry,
                        struct sim_colour k)
{
    touch(c, x - rx, y - ry, x + rx, y + ry);
    sim_draw_ellipse(c->p, x * c->scale, y * c->scale, rx * c->scale, ry * c->scale, k);
}

void sim_canvas_limb(struct sim_canvas *c, float x0, float y0, float x1, float y1, float r,
                     struct sim_colour k)
{
    touch(c, fminf(x0, x1) - r, fminf(y0, y1) - r, fmaxf(x0, x1) + r, fmaxf(y0, y1) + r);
    sim_draw_limb(c->p, x0 * c->scale, y0 * c->scale, x1 * c->scale, y1 * c->scale, r * c->scale,
                  k);
}

static void draw_head(struct sim_canvas *c, float x, float y, float r, float facing,
                      const struct sim_person_look *k)
{
    const struct sim_colour dark = {30, 128, 128}, lips = sim_colour_rgb(160, 70, 70);
    sim_canvas_ellipse(c, x - facing * r * 0.15f, y - r * 0.25f, r * 1.02f, r * 1.1f, k->hair);
    sim_canvas_ellipse(c, x + facing * r * 0.12f, y + r * 0.1f, r * 0.82f, r * 1.0f, k->skin);
    for (int eye = -1; eye <= 1; eye += 2)
        sim_canvas_ellipse(c, x + facing * r * 0.25f + (float)eye * r * 0.33f, y - r * 0.08f,
                           r * 0.13f, r * 0.1f, dark);
    sim_canvas_limb(c, x + facing * r * 0.3f, y, x + facing * r * 0.38f, y + r * 0.28f, r * 0.06f,
                    sim_colour_shade(k->skin, 0.8f));
    sim_canvas_limb(c, x + facing * r * 0.05f, y + r * 0.55f, x + facing * r * 0.45f, y + r * 0.55f,
                    r * 0.07f, lips);
}

static void draw_leg(struct sim_canvas *c, float hip_x, float hip_y, float len, float swing,
                     float facing, const struct sim_person_look *k)
{
    float bend = swing < 0 ? -swing * 0.6f : 0.05f, half = len * 0.5f, r = len * 0.1f;
    float knee_x = hip_x + facing * sinf(swing) * half, knee_y = hip_y + cosf(swing) * half;
    float foot_x = knee_x + facing * sinf(swing - bend) * half,
          foot_y = knee_y + cosf(swing - bend) * half;
    sim_canvas_limb(c, hip_x, hip_y, knee_x, knee_y, r, k->trousers);
    sim_canvas_limb(c, knee_x, knee_y, foot_x, foot_y - r, r * 0.8f, k->trousers);
    sim_canvas_limb(c, foot_x, foot_y - r * 0.6f, foot_x + facing * len * 0.16f, foot_y - r * 0.5f,
                    r * 0.6f, k->shoes);
}

static void draw_arm(struct sim_canvas *c, float x, float y, float len, float swing, float facing,
                     const struct sim_person_look *k, float shade)
{
    float half = len * 0.5f, r = len * 0.11f;
    float elbow_x = x + facing * sinf(swing) * half, elbow_y = y + cosf(swing) * half;
    float hand_x = elbow_x + facing * sinf(swing + 0.35f) * half,
          hand_y = elbow_y + cosf(swing + 0.35f) * half;
    sim_canvas_limb(c, x, y, elbow_x, elbow_y, r, sim_colour_shade(k->coat, shade));
    sim_canvas_limb(c, elbow_x, elbow_y, hand_x, hand_y, r * 0.85f,
                    sim_colour_shade(k->coat, shade));
    sim_canvas_ellipse(c, hand_x, hand_y, r * 0.9f, r * 0.9f, k->skin);
}

static void draw_sitter(struct sim_canvas *c, float x, float y, float h, float breath, float facing,
                        const struct sim_person_look *k)
{
    float leg = h * 0.25f, hip_y = y - leg, top = hip_y - h * 0.36f + breath, r = h * 0.045f;
    float knee = x + facing * h * 0.2f;
    sim_canvas_limb(c, x, hip_y - r, x + facing * 0.02f * h, top + r * 2, h * 0.1f, k->coat);
    sim_canvas_limb(c, x, hip_y, knee, hip_y, r * 1.2f, k->trousers);
    sim_canvas_limb(c, knee, hip_y, knee, y - r, r, k->trousers);
    sim_canvas_limb(c, knee, y - r * 0.6f, knee + facing * h * 0.08f, y - r * 0.6f, r * 0.6f,
                    k->shoes);
    draw_arm(c, x, top + r * 2, h * 0.3f, 0.5f, facing, k, 0.85f);
    draw_head(c, x + facing * h * 0.03f, top - h * 0.075f, h * 0.075f, facing, k);
}

void sim_draw_person(struct sim_canvas *c, float x, float y, float h, enum sim_object_state state,
                     float step, float facing, const struct sim_person_look *k)
{
    float wave = sinf(step * TURN);
    if (state == SIM_SITTING) {
        draw_sitter(c, x, y, h, wave * h * 0.004f, facing, k);
        return;
    }
    float swing = state == SIM_WALKING ? wave * 0.55f : wave * 0.02f;
    float leg = h * 0.46f, bob = state == SIM_WALKING ? fabsf(wave) * h * 0.015f : 0;
    float hip_y = y - leg + bob, shoulder_y = y - h * 0.8f + bob;
    draw_arm(c, x, shoulder_y, h * 0.38f, -swing, facing, k, 0.75f);
    draw_leg(c, x, hip_y, leg, -swing, facing, k);
    draw_leg(c, x, hip_y, leg, swing, facing, k);
    sim_canvas_limb(c, x, shoulder_y + h * 0.02f, x, hip_y, h * 0.095f, k->coat);
    sim_canvas_limb(c, x, shoulder_y - h * 0.03f, x, shoulder_y, h * 0.03f, k->skin);
    draw_arm(c, x, shoulder_y, h * 0.38f, swing, facing, k, 0.9f);
    draw_head(c, x, y - h * 0.92f + bob, h * 0.075f, facing, k);
}

void sim_draw_car(struct sim_canvas *c, float x, float y, float len, float facing,
                  struct sim_colour paint)
{
    const struct sim_colour glass = {70, 134, 124}, tyre = {25, 128, 128}, rim = {120, 128, 128};
    float h = len * 0.3f, wheel = len * 0.085f, body = y - wheel;
    sim_canvas_limb(c, x - len * 0.25f, body - h * 0.75f, x + len * 0.12f, body - h * 0.75f,
                    h * 0.3f, sim_colour_shade(paint, 0.9f));
    sim_canvas_limb(c, x - len * 0.2f, body - h * 0.72f, x + len * 0.08f, body - h * 0.72f,
                    h * 0.2f, glass);
    sim_canvas_rect(c, x - len * 0.06f, body - h, x - len * 0.04f, body - h * 0.4f, paint);
    sim_canvas_limb(c, x - len * 0.42f, body - h * 0.25f, x + len * 0.42f, body - h * 0.25f,
                    h * 0.3f, paint);
    for (int i = -1; i <= 1; i += 2) {
        sim_canvas_ellipse(c, x + (float)i * len * 0.28f, y - wheel, wheel, wheel, tyre);
        sim_canvas_ellipse(c, x + (float)i * len * 0.28f, y - wheel, wheel * 0.5f, wheel * 0.5f,
                           rim);
    }
    sim_canvas_ellipse(c, x + facing * len * 0.47f, body - h * 0.3f, len * 0.02f, h * 0.08f,
                       sim_colour_rgb(255, 250, 210));
    sim_canvas_ellipse(c, x - facing * len * 0.47f, body - h * 0.3f, len * 0.02f, h * 0.08f,
                       sim_colour_rgb(200, 30, 30));
}

void sim_draw_bench(struct sim_canvas *c, float x, float y, float w)
{
    const struct sim_colour wood = sim_colour_rgb(122, 84, 50), iron = {50, 128, 128};
    sim_canvas_rect(c, x - w * 0.45f, y - 42, x - w * 0.42f, y, iron);
    sim_canvas_rect(c, x + w * 0.42f, y - 42, x + w * 0.45f, y, iron);
    for (int i = 0; i < 3; i++)
        sim_canvas_rect(c, x - w / 2, y - 78 + (float)i * 11, x + w / 2, y - 70 + (float)i * 11,
                        wood);
    sim_canvas_rect(c, x - w / 2, y - 42, x + w / 2, y - 34, sim_colour_shade(wood, 1.15f));
}
