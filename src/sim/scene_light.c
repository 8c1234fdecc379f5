/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Daylight that drifts and falls, an automatic exposure that steps, noise, and a camera that is knocked. */
#include <math.h>
#include <stdlib.h>

#include "sim/scene_private.h"

#define TURN 6.2831853f
#define STEP_S 20.0f /* between two steps of the exposure scene */

static int fixed(float v)
{
    return (int)(v * 128);
}

/* Slow drift and one step of the exposure that decays. */
static struct scene_light street_light(const struct sim_scene *s, float t)
{
    float u = t / s->period, gain = 1 + 0.06f * sinf(u * TURN) + 0.02f * sinf(u * TURN * 3);
    float since = u - s->step_at;
    if (since >= 0 && since < s->step_len)
        gain *= 1 + (s->step_gain - 1) * (1 - since / s->step_len);
    return (struct scene_light){.gain = fixed(gain), .colour = 128};
}

/* The light falls to a fifth, colours fade and the sensor becomes noisy. */
static struct scene_light dusk_light(const struct sim_scene *s, float t)
{
    float end = s->period * 0.95f, done = (t - s->empty_s) / (end - s->empty_s);
    done = fminf(fmaxf(done, 0), 1);
    float gain = powf(0.2f, done);
    return (struct scene_light){
        .gain = fixed(gain), .colour = fixed(sqrtf(gain)), .extra_noise = (int)(5 * done)};
}

/* An exposure and white balance that jump from picture to picture, and stay. */
static struct scene_light stepped_light(const struct sim_scene *s, float t)
{
    static const float gains[] = {1, 1.3f, 0.95f, 0.7f, 1.15f};
    static const int warmth[] = {0, 5, -3, -6, 3};
    int i = t < s->empty_s ? 0 : (int)((t - s->empty_s) / STEP_S) % 5;
    return (struct scene_light){.gain = fixed(gains[i]), .colour = 128, .warm = warmth[i]};
}

struct scene_light scene_light_at(const struct sim_scene *s, float t)
{
    if (s->kind == SIM_SCENE_DUSK)
        return dusk_light(s, t);
    if (s->kind == SIM_SCENE_EXPOSURE)
        return stepped_light(s, t);
    if (s->kind == SIM_SCENE_STREET)
        return street_light(s, t);
    float drift = 1 + 0.04f * sinf(t / 90 * TURN);
    return (struct scene_light){.gain = fixed(drift), .colour = 128};
}

void scene_knock_at(const struct sim_scene *s, float t, float *ret_dx, float *ret_dy)
{
    *ret_dx = *ret_dy = 0;
    float since = t - (s->empty_s + (s->period - s->empty_s) * 0.5f);
    if (s->kind != SIM_SCENE_KNOCK || since < 0)
        return;
    float swing = expf(-since * 5) * cosf(since * 20);
    *ret_dx = 36 * (1 - swing);
    *ret_dy = 18 * (1 - swing);
}

static void fill_noise(struct sim_scene *s, int amplitude)
{
    uint32_t keep = s->rng;
    for (size_t i = 0; i < NOISE_BYTES; i++) {
        uint32_t r = scene_random(s);
        int v = (int)(r % (unsigned)(amplitude + 1)) +
                (int)((r >> 16) % (unsigned)(amplitude + 1)) - amplitude;
        s->noise[i] = (uint8_t)(v + 128);
    }
    s->rng = keep;
    s->noise_amplitude = amplitude;
}

/* The only loops over all pixels. Clang makes vectors of them at -O2, GCC 12 only when asked. */
#ifdef __clang__
#define VECTORISE
#else
#define VECTORISE __attribute__((optimize("O3")))
#endif

VECTORISE static void expose(uint8_t *line, const uint8_t *noise, int width, int gain)
{
    for (int x = 0; x < width; x++) {
        int v = 16 + (((line[x] - 16) * gain) >> 7) + noise[x] - 128;
        v = v < 16 ? 16 : v;
        line[x] = (uint8_t)(v > 235 ? 235 : v);
    }
}

VECTORISE static void tint(uint8_t *line, int count, int gain, int add)
{
    for (int x = 0; x < count; x++) {
        int v = 128 + (((line[x] - 128) * gain) >> 7) + add;
        v = v < 16 ? 16 : v;
        line[x] = (uint8_t)(v > 240 ? 240 : v);
    }
}

void scene_expose(struct sim_scene *s, struct sim_picture *p, const struct scene_light *l,
                  uint32_t frame, int noise)
{
    int amplitude = noise ? noise + l->extra_noise : 0;
    if (s->noise_amplitude != amplitude || !s->noise[0])
        fill_noise(s, amplitude);
    uint32_t r = frame * 2246822519u + 1;
    for (int y = 0; y < p->height; y++) {
        r = r * 1664525u + 1013904223u;
        size_t room = NOISE_BYTES - (size_t)p->width;
        expose(p->y + (size_t)y * (size_t)p->width, s->noise + (r >> 8) % room, p->width, l->gain);
    }
    int quarter = p->width / 2 * (p->height / 2);
    if (l->colour != 128 || l->warm) {
        tint(p->u, quarter, l->colour, -l->warm);
        tint(p->v, quarter, l->colour, l->warm);
    }
}
