/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A board for the fuzz targets of devices, which lives as long as the program: RAM from 0
 * on and a page behind a hole that no device may write to. For network cards also the
 * other side of their netdev. Failures of the board itself end the program.
 */
#ifndef TESTS_FUZZ_BOARD_LIB_H
#define TESTS_FUZZ_BOARD_LIB_H

#include "common/frames.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/mem/mem.h"

struct fuzz_board {
	struct vm vm; /* loop, memory, interrupts, a PCI bus */
	uint8_t *ram, *rom;
};

/* The first len bytes of RAM are in two blocks with a border at `cut` (0: in one);
 * rom_at: guest-physical. Log messages of this process are dropped unless KVMKIT_LOG is
 * set. */
void fuzz_board_init(struct fuzz_board *b, size_t len, size_t cut, uint64_t rom_at);
/* The page is what it was. */
void fuzz_check_rom(const struct fuzz_board *b);
/* Reads or writes 1 to 8 bytes at a port or a register, as a vCPU does. */
uint64_t fuzz_access(struct fuzz_board *b, enum mem_space space, uint64_t addr,
                     uint64_t value, unsigned size, bool write);
/* Stops, saves, loads the same state and goes on. */
void fuzz_copy_state(struct fuzz_board *b, struct device *dev);
/* An image of zeros in memory as a block node; opts: more of -drive's options, with the
 * id. Its descriptor, which stays open. */
int fuzz_add_image(struct vm *vm, size_t len, const char *opts);
/* Runs what is ready, not for ever: a card and its peer may have a lot to say. */
void fuzz_settle(struct fuzz_board *b);

/* A netdev "n" of its own registry, and its peer. */
struct fuzz_wire {
	struct netdev *nd;
	struct frames peer;
	uint8_t frame[FRAMES_MAX]; /* the last one that the peer got */
};

/* header: the netdev's frames carry one. */
void fuzz_wire_open(struct fuzz_wire *w, struct fuzz_board *b, bool header);
/* The card is gone already. */
void fuzz_wire_close(struct fuzz_wire *w, struct fuzz_board *b);
/* The next frame that the card sent, into w->frame: its length, -EAGAIN: none. */
ssize_t fuzz_hear(struct fuzz_wire *w);
/* Actions of the peer: a frame (u16 length, u8: its first bytes), or bytes as they are on
 * the socket (u8 length, bytes). */
void fuzz_say_frame(struct fuzz_wire *w, struct fuzz_input *in);
void fuzz_say_bytes(struct fuzz_wire *w, struct fuzz_input *in);
void fuzz_set_link(struct fuzz_wire *w, struct fuzz_board *b, bool up);

#endif
