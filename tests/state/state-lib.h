/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One board for each device class: the class's instance, what it needs of the host, and
 * a guest that touches it at random. For the law tests and the fuzzer. Failures of the
 * board itself end the program.
 */
#ifndef TESTS_STATE_STATE_LIB_H
#define TESTS_STATE_STATE_LIB_H

#include "tests/dev/legacy-lib.h"
#include "tests/state/kvm-lib.h"

/* How a class is tested; one row for each row of the catalog. */
struct state_row {
	const char *class;
	const char *opts;      /* NULL: the board makes it */
	const char *stateless; /* why it has no state table; NULL: it has one */
	const char *keeps;     /* why a reset does not go back to power-on */
	bool kvm;              /* registers of KVM: exists beside /dev/kvm only */
	bool full;             /* its chardev takes nothing */
	const char *ports[2];  /* devices on the bus that the class is: class, options */
	/* Stops what moves on its own, so that two saves can be compared. */
	void (*settle)(struct board *b);
};

extern const struct state_row state_rows[];
extern const unsigned state_row_count;

#define STATE_RAM     (1u << 20)
/* Where state_drive() puts a queue's descriptors; its other rings are 4 and 8 KiB
 * behind. */
#define STATE_RING(q) (0x10000u + 0x4000u * (q))
#define STATE_RINGS   10

struct state_board {
	const struct state_row *row;
	struct board b; /* not of a kvm row */
	struct kvm_board kvm;
	struct device *dev;
	int client;   /* the other end of a full chardev, or -1 */
	int peer;     /* the other end of the netdev */
	uint8_t *ram; /* STATE_RAM bytes at address 0 */
};

/* dev was reset and resumed. */
void state_board_init(struct state_board *sb, const struct state_row *row);
void state_board_free(struct state_board *sb);

/* A guest that makes `count` accesses to ports, memory and config space of the device;
 * the same seed makes the same ones. Quiesces afterwards. */
void state_drive(struct state_board *sb, uint64_t seed, unsigned count);
/* 64 bits that depend on nothing but *seed, which is advanced. */
uint64_t state_random(uint64_t *seed);

#endif
