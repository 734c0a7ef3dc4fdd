/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes hold a VFIO node open: the guests that use a function now. */
#ifndef PASSTHROUGH_HOLDERS_H
#define PASSTHROUGH_HOLDERS_H

#include "passthrough/pcidev.h"

#define VFIO_NODE_SIZE 48

struct holder {
	int pid;
	char program[32];          /* comm */
	char guest[64];            /* its -name, "" unknown */
	char node[VFIO_NODE_SIZE]; /* below /dev/vfio: "12", "noiommu-0", "devices/vfio3"
	                            */
};

struct holders {
	unsigned count;
	struct holder *holder;
	unsigned hidden; /* processes whose files this user may not see */
};

/* Looks through /proc. Only -ENOMEM is an error. The caller calls holders_free(), also
 * after a failure. */
int holders_read(const struct sysroot *root, struct holders *holders, struct err *err);
void holders_free(struct holders *holders);

/* The first holder of the function (its group's node or its own), from index *from on,
 * which is moved behind it; NULL when there is no more. */
const struct holder *holders_of(const struct holders *holders, const struct sysroot *root,
                                const struct pci_function *f, unsigned *from);
/* "vmm (PID 1234, guest web)". */
#define HOLDER_TEXT_SIZE 160
void holder_text(const struct holder *holder, char text[HOLDER_TEXT_SIZE]);

/* The value of -name in a command line of NUL-terminated words, for tests. */
void holder_guest(const char *cmdline, size_t len, char guest[64]);

#endif
