/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A front end that records what a chardev tells it, for the chardev tests. */
#ifndef TESTS_UNIT_CHARDEV_LIB_H
#define TESTS_UNIT_CHARDEV_LIB_H

#include "vmm/chardev/chardev.h"

struct recorder {
	struct loop *loop;
	struct chardev_registry *reg;
	struct chardev *chr;
	uint8_t data[1 << 16]; /* input so far */
	size_t len;
	size_t room; /* what can_read answers; deliveries reduce it */
	unsigned opened, closed, writables, breaks, quits;
};

/* A loop, a registry and a recorder with unlimited room. */
void recorder_init(struct recorder *r);
void recorder_free(struct recorder *r);
/* Creates a chardev of the short form and attaches the recorder; NULL with err set. */
struct chardev *recorder_open(struct recorder *r, const char *text, struct err *err);
/* The same from the options of -chardev ("stdio,id=x,mux=on"). */
struct chardev *recorder_create(struct recorder *r, const char *opts, struct err *err);
/* Runs the loop until nothing is ready; the number of rounds. */
unsigned recorder_settle(struct recorder *r);
/* Runs the loop until *counter reaches value or 5 s have passed. */
bool recorder_until(struct recorder *r, const unsigned *counter, unsigned value);
bool recorder_until_len(struct recorder *r, size_t len);

#endif
