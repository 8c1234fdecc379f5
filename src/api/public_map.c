/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Pictures of the public pages: a map without tiles, and bars with their numbers. Plain SVG, no script. */
#include <math.h>
#include <stdio.h>

#include "api/public.h"

#define MAP_WIDTH 800.0
#define MAP_HEIGHT 420.0
#define MAP_EDGE 40.0
#define MAP_LABELS 60      /* with more cameras than that, names are in the dots' titles only */
#define MAP_SPAN_MIN 0.002 /* degrees: a single camera is not shown by the millimetre */
#define METRES_PER_DEGREE 111320.0

/* Equirectangular, true to scale at the middle: a city is small enough for it. */
struct map {
    double lat, lon, scale; /* middle; pixels per degree of latitude */
    double squeeze;         /* of longitude: cos(lat) */
};

static size_t located(const struct index_camera *c, size_t n, double box[4])
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (!c[i].reg.located)
            continue;
        double lat = c[i].reg.lat, lon = c[i].reg.lon;
        box[0] = found && box[0] < lat ? box[0] : lat;
        box[1] = found && box[1] > lat ? box[1] : lat;
        box[2] = found && box[2] < lon ? box[2] : lon;
        box[3] = found && box[3] > lon ? box[3] : lon;
        found++;
    }
    return found;
}

static struct map fit(const double box[4])
{
    struct map m = {.lat = (box[0] + box[1]) / 2, .lon = (box[2] + box[3]) / 2};
    m.squeeze = cos(m.lat * M_PI / 180);
    double tall = fmax(box[1] - box[0], MAP_SPAN_MIN);
    double wide = fmax((box[3] - box[2]) * m.squeeze, MAP_SPAN_MIN);
    m.scale = fmin((MAP_HEIGHT - 2 * MAP_EDGE) / tall, (MAP_WIDTH - 2 * MAP_EDGE) / wide);
    return m;
}

static double map_x(const struct map *m, double lon)
{
    return MAP_WIDTH / 2 + (lon - m->lon) * m->squeeze * m->scale;
}

static double map_y(const struct map *m, double lat)
{
    return MAP_HEIGHT / 2 - (lat - m->lat) * m->scale;
}

/* The largest of 1, 2, 5 times a power of ten metres that is at most a fifth of the width. */
static void put_scale(struct public_page *p, const struct map *m)
{
    double most = MAP_WIDTH / 5 / m->scale * METRES_PER_DEGREE,
           metres = pow(10, floor(log10(most)));
    metres *= most / metres >= 5 ? 5 : most / metres >= 2 ? 2 : 1;
    double width = metres / METRES_PER_DEGREE * m->scale;
    html_putf(&p->h,
              "<g class=\"scale\"><path d=\"M20 %.0fv6h%.1fv-6\"/><text x=\"24\" y=\"%.0f\">%g "
              "%s</text></g>",
              MAP_HEIGHT - 20, width, MAP_HEIGHT - 20, metres >= 1000 ? metres / 1000 : metres,
              metres >= 1000 ? "km" : "m");
}

static void put_grid(struct public_page *p)
{
    html_put(&p->h, "<g class=\"grid\">");
    for (int x = 100; x < (int)MAP_WIDTH; x += 100)
        html_putf(&p->h, "<path d=\"M%d 0v%.0f\"/>", x, MAP_HEIGHT);
    for (int y = 60; y < (int)MAP_HEIGHT; y += 100)
        html_putf(&p->h, "<path d=\"M0 %dh%.0f\"/>", y, MAP_WIDTH);
    html_putf(&p->h,
              "</g><g class=\"north\"><path d=\"M%.0f 38v-22m-5 7l5 -7 5 7\"/>"
              "<text x=\"%.0f\" y=\"52\">N</text></g>",
              MAP_WIDTH - 28, MAP_WIDTH - 33);
}

static void put_dot(struct public_page *p, const struct map *m, const struct index_camera *c,
                    bool label)
{
    double x = map_x(m, c->reg.lon), y = map_y(m, c->reg.lat);
    html_put(&p->h, "<a href=\"/register/");
    html_query(&p->h, c->id);
    html_putf(&p->h, "%s\"><circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>", public_lang(p), x, y,
              label ? 7 : 4);
    html_text(&p->h, c->name[0] ? c->name : c->id);
    html_put(&p->h, "</title></circle>");
    if (label) {
        bool left = x > MAP_WIDTH * 0.7;
        html_putf(&p->h, "<text x=\"%.1f\" y=\"%.1f\"%s>", left ? x - 11 : x + 11, y + 4,
                  left ? " text-anchor=\"end\"" : "");
        html_text(&p->h, c->name[0] ? c->name : c->id);
        html_put(&p->h, "</text>");
    }
    html_put(&p->h, "</a>\n");
}

void public_map(struct public_page *p, const struct index_camera *cameras, size_t n)
{
    double box[4] = {0};
    size_t found = located(cameras, n, box);
    if (!found)
        return;
    struct map m = fit(box);
    html_putf(&p->h,
              "<figure class=\"map\"><svg viewBox=\"0 0 %.0f %.0f\" role=\"group\" "
              "aria-label=\"%s\">\n",
              MAP_WIDTH, MAP_HEIGHT, public_word(p, "Map of the cameras", "攝影機位置圖"));
    put_grid(p);
    for (size_t i = 0; i < n; i++)
        if (cameras[i].reg.located)
            put_dot(p, &m, &cameras[i], found <= MAP_LABELS);
    put_scale(p, &m);
    html_put(&p->h, "</svg>");
    if (found < n)
        html_putf(
            &p->h,
            public_word(p, "<figcaption>%zu of %zu cameras have a place on the map.</figcaption>",
                        "<figcaption>圖上有 %zu 部，共 %zu 部攝影機。</figcaption>"),
            found, n);
    html_put(&p->h, "</figure>\n");
}

void public_bars(struct public_page *p, const char *caption, const struct public_bar *bar, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, bar[i].value);
    html_putf(&p->h, "<div class=\"wide\"><table class=\"bars\"><caption>%s</caption><tbody>\n",
              caption);
    for (size_t i = 0; i < n; i++) {
        html_put(&p->h, "<tr><th scope=\"row\"><bdi>");
        html_text(&p->h, bar[i].label);
        html_putf(&p->h,
                  "</bdi></th><td class=\"num\">%s</td><td class=\"bar\"><svg viewBox=\"0 0 100 "
                  "10\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"%s\" "
                  "width=\"%.2f\" height=\"10\"/></svg></td></tr>\n",
                  bar[i].text, bar[i].own ? "own" : "",
                  most > 0 ? fmax(bar[i].value / most * 100, bar[i].value > 0 ? 0.5 : 0) : 0);
    }
    html_put(&p->h, "</tbody></table></div>\n");
}
