// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The filter program (Documentation/userspace-api/seccomp_filter.rst, bpf(4)).
 *
 * Numbers with the same verdict that follow one another make a range; a binary search
 * over the ranges ends in a return, or in the look at an argument. Only loads of the
 * number, comparisons and returns are on the way to a plain verdict: the kernel then
 * knows what is always allowed and does not run the program for it. It is built in some
 * microseconds, so that no program has to be kept.
 */
#include "common/bpf.h"

#include "common/cleanup.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <stddef.h>

#define NR_MAX    512
#define LAST      450 /* set_mempolicy_home_node: Linux 6.1 */
#define NEAR      255 /* what a conditional jump can skip */
#define X32_FIRST 0x40000000u

static const struct bpf_rule no_such_call = {
	.verdict = SECCOMP_RET_ERRNO | ENOSYS,
};

struct range {
	unsigned first; /* number */
	const struct bpf_rule *rule;
};

/* ---- rules ---- */

static struct bpf_rule *add(struct bpf_rules *r, unsigned nr, uint32_t verdict)
{
	struct bpf_rule *rule = &r->rules[r->count < BPF_MAX_RULES ? r->count++ : 0];

	/* Too many: a number that cannot be makes bpf_build() fail. */
	*rule = (struct bpf_rule){ .nr = r->count < BPF_MAX_RULES ? nr : UINT16_MAX,
		                   .verdict = verdict };
	return rule;
}

void bpf_add(struct bpf_rules *r, unsigned nr, uint32_t verdict)
{
	add(r, nr, verdict);
}

void bpf_add_list(struct bpf_rules *r, const uint16_t *list, unsigned count,
                  uint32_t verdict)
{
	for (unsigned i = 0; i < count; i++)
		add(r, list[i], verdict);
}

void bpf_add_check(struct bpf_rules *r, unsigned nr, enum bpf_check check, unsigned arg,
                   const uint32_t *values, unsigned count, uint32_t verdict)
{
	struct bpf_rule *rule = add(r, nr, verdict);

	rule->check = check;
	rule->arg = arg;
	rule->values = values;
	rule->count = count;
}

/* ---- the program ---- */

static unsigned emit(struct bpf_program *p, uint16_t code, uint32_t k, unsigned jt,
                     unsigned jf)
{
	if (p->len == ARRAY_SIZE(p->code) || jt > NEAR || jf > NEAR) {
		p->failed = 1;
		return 0;
	}
	p->code[p->len] = (struct sock_filter){ code, jt, jf, k };
	return p->len++;
}

static void emit_return(struct bpf_program *p, uint32_t verdict)
{
	emit(p, BPF_RET | BPF_K, verdict, 0, 0);
}

/* Little-endian: the lower half comes first. */
static void emit_load_arg(struct bpf_program *p, unsigned arg)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[arg]), 0, 0);
}

static void emit_leaf(struct bpf_program *p, const struct bpf_rule *r)
{
	if (r->check == BPF_PLAIN) {
		emit_return(p, r->verdict);
		return;
	}
	emit_load_arg(p, r->arg);
	switch (r->check) {
	case BPF_ANY_OF: /* each jumps behind the refusal, or on to the next */
		for (unsigned i = 0; i < r->count; i++)
			emit(p, BPF_JMP | BPF_JEQ | BPF_K, r->values[i], r->count - i, 0);
		break;
	case BPF_HAS_ALL:
		emit(p, BPF_ALU | BPF_AND | BPF_K, r->values[0], 0, 0);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, r->values[0], 1, 0);
		break;
	default:
		emit(p, BPF_JMP | BPF_JSET | BPF_K, r->values[0], 0, 1);
		break;
	}
	emit_return(p, r->verdict);
	emit_return(p, SECCOMP_RET_ALLOW);
}

static void emit_search(struct bpf_program *p, const struct range *ranges, unsigned count)
{
	unsigned half = count / 2, at, far;

	if (count == 1) {
		emit_leaf(p, ranges->rule);
		return;
	}
	/* What lies behind the first half may be out of a conditional jump's reach. */
	at = emit(p, BPF_JMP | BPF_JGE | BPF_K, ranges[half].first, 0, 1);
	far = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_search(p, ranges, half);
	if (p->failed)
		return;
	if (p->len - far - 1 < NEAR) {
		/* It is not, and the search saves a step. */
		p->code[at].jt = p->len - far;
		p->code[at].jf = 1;
	}
	p->code[far].k = p->len - far - 1;
	emit_search(p, ranges + half, count - half);
}

static bool same(const struct bpf_rule *a, const struct bpf_rule *b)
{
	return a == b || (a->check == BPF_PLAIN && b->check == BPF_PLAIN &&
	                  a->verdict == b->verdict);
}

void bpf_build(struct bpf_program *p, const struct bpf_rules *rules, uint32_t other)
{
	const struct bpf_rule rest = { .verdict = other };
	const struct bpf_rule *of[NR_MAX];
	struct range ranges[NR_MAX];
	unsigned n = 0;

	p->len = p->failed = 0;
	for (unsigned nr = 0; nr < NR_MAX; nr++)
		of[nr] = nr <= LAST ? &rest : &no_such_call;
	for (unsigned i = 0; i < rules->count; i++) {
		if (rules->rules[i].nr >= NR_MAX)
			p->failed = 1;
		else
			of[rules->rules[i].nr] = &rules->rules[i];
	}
	for (unsigned nr = 0; nr < NR_MAX; nr++)
		if (!n || !same(ranges[n - 1].rule, of[nr]))
			ranges[n++] = (struct range){ nr, of[nr] };
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	emit_return(p, SECCOMP_RET_KILL_PROCESS);
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_FIRST, 0, 1);
	emit_return(p, SECCOMP_RET_KILL_PROCESS);
	emit_search(p, ranges, n);
}
