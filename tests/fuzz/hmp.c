// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: lines of the human monitor up to the arguments of their command, and the
 * names that completion proposes. Beyond "does not crash": arguments that are accepted
 * fit the command's table, what is refused has one sentence. (It includes the file under
 * test, whose parts are static; commands themselves are not run.)
 */
/* Instead of the machine's registers. */
#define pc_cpu_register fuzz_register
#include "vmm/monitor/hmp.c"

#include "tests/fuzz/input-lib.h"

#include <stdlib.h>

int fuzz_register(struct pc *pc, unsigned index, const char *name, uint64_t *value)
{
	(void)pc;
	(void)index;
	*value = strlen(name);
	return 0;
}

static void count_name(void *opaque, const char *word)
{
	require(*word);
	++*(unsigned *)opaque;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *line = malloc(size + 1);
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const struct mon_command *command;
	struct mon_ctx ctx = { 0 };
	struct err err = { 0 };
	const char *rest;
	unsigned names = 0;
	json_t *args;

	if (!line)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	command = find_command(skip_blanks(line), &rest);
	args = json_object();
	if (command && parse_args(&ctx, command, rest, args, &err) >= 0)
		require(!err.code && mon_check_args(command, args, &err) >= 0);
	else if (command)
		require(err.code && err.text[0] && !strpbrk(err.text, "\r\n\x1b"));
	else
		unknown_command(line, &out);
	require(command || out.len);
	complete_name(line, false, count_name, &names);
	complete_name(line, true, count_name, &names);
	json_decref(args);
	return 0;
}
