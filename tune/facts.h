/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host is set to now: every knob, one setting for each of its files, and the
 * memory that decides what is safe. */
#ifndef TUNE_FACTS_H
#define TUNE_FACTS_H

#include "probe/sysroot.h"
#include "tune/knob.h"

#define PATH_SIZE 192

enum module_state {
	MODULE_NONE,    /* not loaded, or the knob is no parameter of a module */
	MODULE_LOADED,  /* modprobe.d decides at its next load */
	MODULE_BUILTIN, /* only the kernel command line, and writing it after the boot */
};

struct setting {
	const struct knob *knob;
	char path[PATH_SIZE];
	char name[96]; /* "block.scheduler[sda]": the knob and which of its files */
	bool present;  /* else this kernel, or this host, has no such file */
	bool writable; /* while the system runs */
	enum module_state module;
	char now[KNOB_VALUE_MAX];
	char *raw; /* the file's text, to the byte; NULL when it cannot be read */
};

struct memory { /* bytes, of /proc/meminfo */
	uint64_t total, available, swap_total, swap_free, commit_limit, committed,
		hugetlb;
};

struct facts_ksm { /* what a change of KSM depends on, in pages */
	uint64_t sharing, shared;
};

struct node_memory { /* a NUMA node: bytes that are free or hold file data */
	unsigned id;
	uint64_t available;
};

#define NODES_MAX 64

struct tune_facts {
	struct setting *settings;
	unsigned count;
	struct memory memory;
	struct facts_ksm ksm;
	unsigned nodes; /* NUMA nodes, at least 1; the first NODES_MAX in node */
	struct node_memory node[NODES_MAX];
	uint64_t page; /* bytes */
	char cmdline[4096];
};

/* Reads everything. 0 or -errno with a sentence; facts_free() in both cases. */
int tune_facts_gather(const struct sysroot *root, struct tune_facts *facts,
                      struct err *err);
void tune_facts_free(struct tune_facts *facts);

/* Where the setting can be kept for the next boots. */
enum knob_store setting_store(const struct setting *setting);

/* The first setting of a knob ("vm.swappiness"), NULL for an unknown name. */
const struct setting *tune_facts_find(const struct tune_facts *facts, const char *name);
/* The value of a number; 0 when it is absent. */
uint64_t tune_facts_number(const struct tune_facts *facts, const char *name);

/* The node whose file this is; NULL for knobs that are not per node. */
const struct node_memory *facts_node(const struct tune_facts *facts,
                                     const struct knob *knob, const char *path);

/* Reads /proc/meminfo. */
int memory_read(const struct sysroot *root, struct memory *memory, struct err *err);
/* A number in the first line of a kernel file. 0 or -errno. */
int facts_number(const struct sysroot *root, const char *path, uint64_t *value);
/* The number after "name:" at the start of a line, times 1024 when "kB" follows. */
uint64_t facts_field(const char *text, const char *name);

#endif
