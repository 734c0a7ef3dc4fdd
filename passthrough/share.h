/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host does with a function that has neither disks nor interfaces: folders that
 * a hypervisor shares with it (9p, virtiofs), and its own console. */
#ifndef PASSTHROUGH_SHARE_H
#define PASSTHROUGH_SHARE_H

#include "passthrough/findings.h"
#include "passthrough/pcidev.h"

/* Adds a finding for every mount of a shared folder and every console. */
void share_check(const struct sysroot *root, const struct pci_function *f,
                 struct findings *findings);

#endif
