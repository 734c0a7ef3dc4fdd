/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kvm-check (host.json) and kvm-assign (assigned.json) left, one fact at a time, to
 * explain a failure with. A file that is missing, of another boot or not to be trusted
 * (common/handoff.h) says nothing; values are checked for type and bounds. What is told
 * was true when the file was written: the caller compares it with what it sees now.
 */
#ifndef COMMON_HANDED_H
#define COMMON_HANDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The identity of a boot, in a hand-off file, is that of this one. */
bool handed_this_boot(const char *boot_id);

/* A check of kvm-check that did not pass, by its id ("iommu.irq"): "value; remedy" goes
 * to text. */
bool handed_check(const char *dir, const char *id, char *text, size_t size);

/* A PCI function that kvm-assign moved. */
struct handed_function {
	bool earlier; /* before the last boot, with which the binding ended */
	uint16_t vendor, device;
	char driver[32]; /* where it went */
	char was[32];    /* where it was; "" without a driver */
};

/* address: as 0000:04:00.0. */
bool handed_function(const char *dir, const char *address, struct handed_function *found);

#endif
