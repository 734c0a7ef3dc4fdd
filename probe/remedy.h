/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Remedies that depend on the host: boot loader commands, container settings, the
 * hypervisor above. Each writes one line that can be pasted, or an instruction. */
#ifndef PROBE_REMEDY_H
#define PROBE_REMEDY_H

#include "probe/facts.h"

#include <stddef.h>

#define REMEDY_MAX 480

/* Adds (or removes) a kernel parameter for good. param holds no quote and no '|'. */
void remedy_param(const struct facts *f, const char *param, bool add,
                  char out[REMEDY_MAX]);
/* Loads KVM's modules: here, or outside the container. */
void remedy_load(const struct facts *f, char out[REMEDY_MAX]);
/* Sets a sysctl now and at every boot. */
void remedy_sysctl(const char *key, const char *value, char out[REMEDY_MAX]);
/* Sets a parameter of a module ("nested=1"), now and at every boot. */
void remedy_option(const struct facts *f, const char *module, const char *option,
                   char out[REMEDY_MAX]);
/* Installs the newest microcode. */
void remedy_microcode(const struct facts *f, char out[REMEDY_MAX]);
/* Builds the initramfs anew. */
void remedy_initramfs(const struct facts *f, char out[REMEDY_MAX]);
/* Gives /dev/kvm to the container that kvm-check runs in. */
void remedy_container(const struct facts *f, char out[REMEDY_MAX]);
/* Shows vmx or svm to the virtual machine that kvm-check runs in. */
void remedy_nesting(const struct facts *f, char out[REMEDY_MAX]);
/* Installs the kernel, or the part of it, that has KVM's modules. */
void remedy_kernel_package(const struct facts *f, char out[REMEDY_MAX]);
/* "KVM", "VMware", ... or the signature itself. */
const char *hypervisor_title(const struct cpu_facts *cpu);

#endif
