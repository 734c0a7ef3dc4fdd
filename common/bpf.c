// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The filter program (Documentation/userspace-api/seccomp_filter.rst, bpf(4)).
 *
 * Numbers with the same verdict that follow one another make a range; a binary search
 * over the ranges ends in a return, or in the look at an argument. Only loads of the
 * number, comparisons and returns are on the way to a plain verdict: the kernel then
 * knows what is always allowed and does not run the program for it. It is built in some
 * microseconds, so that no program has to be kept.
 *
 * The program is written from its end to its start, as jumps only go forward: what they
 * lead to is there already, and a return serves all that can reach it. The kernel checks
 * and compiles each instruction when a process starts, so that few of them matter. A
 * place is named by how many instructions there are from it to the end.
 */
#include "common/bpf.h"

#include "common/cleanup.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

/* In front of what there is. A jump is to two places, which are near. */
static unsigned emit(struct bpf_program *p, uint16_t code, uint32_t k, unsigned yes,
                     unsigned no)
{
	bool jumps = BPF_CLASS(code) == BPF_JMP;
	unsigned jt = jumps ? p->len - yes : 0, jf = jumps ? p->len - no : 0;

	if (p->len == ARRAY_SIZE(p->code) || jt > NEAR || jf > NEAR) {
		p->failed = 1;
		return p->len;
	}
	p->code[ARRAY_SIZE(p->code) - ++p->len] = (struct sock_filter){ code, jt, jf, k };
	return p->len;
}

/* A place that leads to `to`, and is near. */
static unsigned near(struct bpf_program *p, unsigned to)
{
	uint32_t skip = p->len - to;

	if (skip + 1 < NEAR || p->len == ARRAY_SIZE(p->code))
		return to;
	p->code[ARRAY_SIZE(p->code) - ++p->len] =
		(struct sock_filter){ BPF_JMP | BPF_JA, 0, 0, skip };
	return p->len;
}

/* A place that returns it, and is near even behind `room` more instructions. */
static unsigned emit_return(struct bpf_program *p, uint32_t verdict, unsigned room)
{
	for (unsigned at = p->len; at && p->len - at + room <= NEAR; at--) {
		const struct sock_filter *code = &p->code[ARRAY_SIZE(p->code) - at];

		if (code->code == (BPF_RET | BPF_K) && code->k == verdict)
			return at;
	}
	return emit(p, BPF_RET | BPF_K, verdict, 0, 0);
}

static unsigned emit_leaf(struct bpf_program *p, const struct bpf_rule *r)
{
	/* Few enough for a search to reach it over the other half, mostly. */
	const unsigned room = r->check == BPF_PLAIN ? NEAR / 2 : r->count + 2;
	unsigned refuse = emit_return(p, r->verdict, room), allow, at;

	if (r->check == BPF_PLAIN)
		return refuse;
	allow = emit_return(p, SECCOMP_RET_ALLOW, room);
	switch (r->check) {
	case BPF_ANY_OF: /* each allows it, or is followed by the next */
		at = refuse;
		for (unsigned i = r->count; i--;)
			at = emit(p, BPF_JMP | BPF_JEQ | BPF_K, r->values[i], allow, at);
		break;
	case BPF_HAS_ALL:
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, r->values[0], allow, refuse);
		emit(p, BPF_ALU | BPF_AND | BPF_K, r->values[0], 0, 0);
		break;
	default:
		emit(p, BPF_JMP | BPF_JSET | BPF_K, r->values[0], refuse, allow);
		break;
	}
	/* Little-endian: the lower half comes first. */
	return emit(p, BPF_LD | BPF_W | BPF_ABS,
	            offsetof(struct seccomp_data, args[r->arg]), 0, 0);
}

static unsigned emit_search(struct bpf_program *p, const struct range *ranges,
                            unsigned count)
{
	unsigned half = count / 2, low, high;

	if (count == 1)
		return emit_leaf(p, ranges->rule);
	high = emit_search(p, ranges + half, count - half);
	low = emit_search(p, ranges, half);
	high = near(p, high);
	return emit(p, BPF_JMP | BPF_JGE | BPF_K, ranges[half].first, high, low);
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
	unsigned n = 0, search, kill, at;

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
	search = emit_search(p, ranges, n);
	kill = emit(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	at = emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_FIRST, kill, search);
	at = emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, at, kill);
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	memmove(p->code, p->code + ARRAY_SIZE(p->code) - p->len,
	        p->len * sizeof(*p->code));
}
