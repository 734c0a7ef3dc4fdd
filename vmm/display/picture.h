/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of a surface, as files. */
#ifndef VMM_DISPLAY_PICTURE_H
#define VMM_DISPLAY_PICTURE_H

#include "vmm/display/display.h"

enum picture_format { PICTURE_PPM, PICTURE_PNG, PICTURE_FORMATS };

/* "ppm", "png". */
extern const char *const picture_names[PICTURE_FORMATS];

/* Writes the file, or leaves none behind; -errno with a sentence. */
int picture_write(const struct surface *surface, enum picture_format format,
                  const char *path, struct err *err);

#endif
