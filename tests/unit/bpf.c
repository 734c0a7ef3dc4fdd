// SPDX-License-Identifier: GPL-2.0-or-later
/* Filters are run here as the kernel would run them: each number gets the verdict of its
 * rule, however many there are, and whatever an argument's upper half holds. */
#include "common/bpf.h"

#include "common/cleanup.h"
#include "tests/tap.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define OTHER   SECCOMP_RET_TRAP
#define UNKNOWN (SECCOMP_RET_ERRNO | 38)
#define REFUSED (SECCOMP_RET_ERRNO | 1)
#define LAST    450

/* What the kernel accepts of a filter, and does; 0, which is no verdict here, when it
 * would not take it. */
static uint32_t run(const struct bpf_program *p, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (unsigned at = 0; at < p->len;) {
		const struct sock_filter *i = &p->code[at++];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k % 4 || i->k >= sizeof(*data))
				return 0;
			memcpy(&a, (const char *)data + i->k, 4);
			break;
		case BPF_JMP | BPF_JA:
			at += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += a & i->k ? i->jt : i->jf;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			return 0;
		}
	}
	return 0;
}

static uint32_t verdict(const struct bpf_program *p, unsigned nr, unsigned arg,
                        uint64_t value)
{
	struct seccomp_data data = { .nr = nr, .arch = AUDIT_ARCH_X86_64 };

	data.args[arg] = value;
	return run(p, &data);
}

static void test_numbers(void)
{
	static struct bpf_rules rules;
	static struct bpf_program p;
	unsigned wrong = 0;

	for (unsigned nr = 0; nr < LAST; nr += 3)
		bpf_add(&rules, nr, nr % 2 ? SECCOMP_RET_ALLOW : REFUSED + nr % 5);
	bpf_build(&p, &rules, OTHER);
	tap_ok(!p.failed, "numbers with many verdicts (%u instructions)", p.len);
	for (unsigned nr = 0; nr < LAST; nr++) {
		uint32_t want = nr % 3   ? OTHER
		                : nr % 2 ? SECCOMP_RET_ALLOW
		                         : REFUSED + nr % 5;

		wrong += verdict(&p, nr, 0, 0) != want;
	}
	tap_eq(wrong, 0, "each gets its own");
	tap_eq(verdict(&p, LAST, 0, 0), OTHER, "the last that is known");
	tap_eq(verdict(&p, LAST + 1, 0, 0), UNKNOWN, "one of a later kernel");
	tap_eq(verdict(&p, 100000, 0, 0), UNKNOWN, "one of a much later kernel");
	tap_eq(verdict(&p, 0x40000000, 0, 0), SECCOMP_RET_KILL_PROCESS, "x32");
	tap_eq(run(&p, &(struct seccomp_data){ .arch = AUDIT_ARCH_I386 }),
	       SECCOMP_RET_KILL_PROCESS, "another architecture");
	bpf_add(&rules, 3, SECCOMP_RET_LOG);
	bpf_build(&p, &rules, OTHER);
	tap_eq(verdict(&p, 3, 0, 0), SECCOMP_RET_LOG, "of two rules the last counts");
	bpf_add(&rules, 600, SECCOMP_RET_ALLOW);
	bpf_build(&p, &rules, OTHER);
	tap_ok(p.failed, "a number that cannot be");
}

/* Searches on both sides of arguments with many values: what is far is reached, too. */
static void test_far(void)
{
	static struct bpf_rules rules;
	static struct bpf_program p;
	static uint32_t values[200];
	unsigned wrong = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = 7 * i;
	for (unsigned nr = 0; nr < 400; nr += 2)
		bpf_add(&rules, nr, SECCOMP_RET_ALLOW);
	for (unsigned nr = 100; nr < 400; nr += 100)
		bpf_add_check(&rules, nr, BPF_ANY_OF, nr / 100, values,
		              ARRAY_SIZE(values), REFUSED);
	bpf_build(&p, &rules, OTHER);
	tap_ok(!p.failed, "arguments with many values (%u instructions)", p.len);
	for (unsigned nr = 0; nr < 400; nr++) {
		bool checked = nr && nr % 100 == 0;

		wrong += verdict(&p, nr, 0, 0) != (nr % 2 ? OTHER : SECCOMP_RET_ALLOW) &&
		         !checked;
		for (unsigned v = 0; checked && v < 1500; v++)
			wrong += verdict(&p, nr, nr / 100, v) !=
			         (v % 7 || v >= 1400 ? REFUSED : SECCOMP_RET_ALLOW);
	}
	tap_eq(wrong, 0, "each gets its own");
}

static void test_arguments(void)
{
	static const uint32_t values[] = { 5, 9 }, bits[] = { 6 };
	static struct bpf_rules rules;
	static struct bpf_program p;

	bpf_add_check(&rules, 10, BPF_ANY_OF, 0, values, 2, REFUSED);
	bpf_add_check(&rules, 11, BPF_HAS_ALL, 5, bits, 1, REFUSED);
	bpf_add_check(&rules, 12, BPF_HAS_NONE, 2, bits, 1, REFUSED);
	bpf_build(&p, &rules, OTHER);
	tap_eq(verdict(&p, 10, 0, 9), SECCOMP_RET_ALLOW, "one of several");
	tap_eq(verdict(&p, 10, 0, 6), REFUSED, "none of them");
	tap_eq(verdict(&p, 10, 0, 5ull << 32 | 9), SECCOMP_RET_ALLOW, "a lower half");
	tap_eq(verdict(&p, 11, 5, 7), SECCOMP_RET_ALLOW, "all bits");
	tap_eq(verdict(&p, 11, 5, 4), REFUSED, "one of two bits");
	tap_eq(verdict(&p, 12, 2, 9), SECCOMP_RET_ALLOW, "no bit");
	tap_eq(verdict(&p, 12, 2, 12), REFUSED, "one bit");
}

int main(void)
{
	test_numbers();
	test_far();
	test_arguments();
	return tap_done();
}
