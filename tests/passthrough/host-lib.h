/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts made of files, for rules that only read: a directory below TMPDIR that looks like
 * the root of one. Any failure to make a file is a failed test. */
#ifndef TESTS_PASSTHROUGH_HOST_LIB_H
#define TESTS_PASSTHROUGH_HOST_LIB_H

#include "passthrough/findings.h"
#include "passthrough/pcidev.h"
#include "passthrough/safety.h"

struct host {
	char dir[128];
	struct sysroot root;
};

/* False when there is no directory; a host is removed by host_end(). */
bool host_begin(struct host *h);
void host_end(struct host *h);

/* Missing folders are made. */
void host_file(const struct host *h, const char *path, const char *text);
void host_link(const struct host *h, const char *path, const char *target);

/* A function at 0000:00:SLOT.0, say "0000:00:05.0"; driver "" none, group -1 none. */
void host_pci(const struct host *h, const char *address, unsigned vendor, unsigned device,
              unsigned class, const char *driver, int group);
/* One more file of a function. */
void host_pci_file(const struct host *h, const char *address, const char *file,
                   const char *text);
/* An interface, a disk, a partition ("sda/sda1") below a function. */
void host_net(const struct host *h, const char *address, const char *name);
void host_disk(const struct host *h, const char *address, const char *path,
               const char *number);

struct pci_function host_function(const struct host *h, const char *address);
/* The reasons in a list, by name, in order: "mounted swap "; and releases the list. */
const char *host_reasons(struct findings *list);

#endif
