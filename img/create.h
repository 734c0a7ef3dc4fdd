/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New images of any format that can be made: for create, convert and measure. */
#ifndef IMG_CREATE_H
#define IMG_CREATE_H

#include "img/session.h"
#include "img/target.h"
#include "vmm/block/qcow2-create.h"

enum raw_preallocation { RAW_OFF, RAW_FALLOC, RAW_FULL };

struct raw_create {
	uint64_t size;
	int preallocation;
};

/* Zero-initialize; create_free() at the end. */
struct new_image {
	bool qcow2; /* otherwise raw */
	struct opt_list list;
	struct raw_create as_raw;
	struct qcow2_create as_qcow2;
};

/* Sets the format by its name; NULL: raw. False with a sentence. */
bool create_format(struct new_image *image, const char *name, struct err *err);
/* Prints the keys of -o. */
int create_help(struct session *s, const char *format, struct err *err);
/* Sets what image->list says; the later of two pairs wins. */
int create_parse(struct new_image *image, struct err *err);
uint64_t *create_size(struct new_image *image);
/* Makes it; qcow2_create_check() came before. */
int create_image(const struct new_image *image, struct target *t, struct err *err);
void create_free(struct new_image *image);

#endif
