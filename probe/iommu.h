/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IOMMU: what firmware describes, what the kernel drives, what guests could use. */
#ifndef PROBE_IOMMU_H
#define PROBE_IOMMU_H

#include "probe/facts.h"

/* Fills iommu (zeroed by the caller). kernel: release; cmdline: kernel parameters. */
void iommu_gather(const struct sysroot *root, const char *kernel, const char *cmdline,
                  struct iommu_facts *iommu);

#endif
