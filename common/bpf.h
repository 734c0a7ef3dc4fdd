/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A seccomp filter from rules: what the kernel runs at each system call. */
#ifndef COMMON_BPF_H
#define COMMON_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

/* What decides when the number alone does not. All look at the lower 32 bits of an
 * argument, as the kernel does with these. */
enum bpf_check {
	BPF_PLAIN,    /* nothing: the rule's verdict */
	BPF_ANY_OF,   /* an argument is one of `values`, else the verdict */
	BPF_HAS_ALL,  /* all bits of values[0] are set in it, else the verdict */
	BPF_HAS_NONE, /* no bit of values[0] is */
};

#define BPF_MAX_RULES 512

struct bpf_rule {
	uint16_t nr;
	uint8_t check;    /* enum bpf_check */
	uint8_t arg;      /* number of the argument */
	uint32_t verdict; /* SECCOMP_RET_… */
	const uint32_t *values;
	unsigned count; /* of values */
};

/* Of several rules for a number the last one counts. */
struct bpf_rules {
	struct bpf_rule rules[BPF_MAX_RULES];
	unsigned count;
};

struct bpf_program {
	struct sock_filter code[2048];
	unsigned len;
	int failed; /* too long, or rules that cannot be */
};

void bpf_add(struct bpf_rules *r, unsigned nr, uint32_t verdict);
void bpf_add_list(struct bpf_rules *r, const uint16_t *list, unsigned count,
                  uint32_t verdict);
/* values stay the caller's until bpf_build(). */
void bpf_add_check(struct bpf_rules *r, unsigned nr, enum bpf_check check, unsigned arg,
                   const uint32_t *values, unsigned count, uint32_t verdict);
/* Numbers that are no rule's get `other`; those that were given to calls later than this
 * program knows of get ENOSYS, as on an older kernel. */
void bpf_build(struct bpf_program *p, const struct bpf_rules *rules, uint32_t other);

#endif
