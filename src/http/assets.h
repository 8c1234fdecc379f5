/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_ASSETS_H
#define HTTP_ASSETS_H
/* Static files, compiled in: the web process has no right to read any from the disk. */
struct http_asset {
    const char *path, *type, *text;
};
/* NULL if there is none at @path. Thread-safe. */
const struct http_asset *http_asset_find(const char *path);
#endif
