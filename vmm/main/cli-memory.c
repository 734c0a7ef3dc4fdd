// SPDX-License-Identifier: GPL-2.0-or-later
/* -m, -mem-path, -mem-prealloc, -overcommit and -object: each row only collects, as all
 * of cli_table. */
#include "vmm/main/cli-memory.h"

#include "vmm/machine/pc.h"
#include "vmm/main/cli-machine.h"

#include <stdio.h>
#include <string.h>

/* ---- -m ---- */

struct ram_opts {
	char *size, *maxmem;
	uint32_t slots;
};

#define RAM(key, kind)                                                               \
	{                                                                            \
		.name = #key, .type = kind, .offset = offsetof(struct ram_opts, key) \
	}

/* Text, because a size without a suffix counts in MiB here only. */
const struct opt_desc cli_ram_table[] = {
	RAM(size, OPT_STR),
	/* Room for memory that is added later, which never comes here. */
	RAM(slots, OPT_U32),
	RAM(maxmem, OPT_STR),
	{ .name = NULL },
};

static int check_maxmem(const struct vm_config *config, const char *text, struct err *err)
{
	uint64_t max;

	if (opt_parse_size(text, 'M', &max) < 0)
		return err_usage(err, "maxmem=%s is not a size; write 512, 512M or 2G",
		                 text);
	return max < config->ram
	               ? err_usage(err, "maxmem=%s is less than the memory", text)
	               : 0;
}

int cli_collect_ram(struct vm_config *config, const char *arg, struct err *err)
{
	struct ram_opts opts = { 0 };
	int ret = cli_parse_opts(cli_ram_table, arg, "size", &opts, err);

	if (ret >= 0 && opts.size) {
		if (opt_parse_size(opts.size, 'M', &config->ram) < 0)
			ret = err_usage(err, "'%s' is not a size; write 512, 512M or 2G",
			                arg);
		config->ram_given = true;
	} else if (ret >= 0 && !opts.maxmem) {
		ret = err_usage(err, "'%s' is not a size; write 512, 512M or 2G", arg);
	}
	if (ret >= 0 && config->ram < (1 << 20))
		ret = err_usage(err, "%s is too small; a guest needs at least 1M", arg);
	if (ret >= 0 && config->ram > 1ull << 52)
		ret = err_usage(err, "%s is more than any CPU can address", arg);
	if (ret >= 0 && opts.maxmem)
		ret = check_maxmem(config, opts.maxmem, err);
	config->ram &= ~0xfffull;
	opts_free(cli_ram_table, &opts);
	return ret;
}

/* ---- where it comes from ---- */

int cli_collect_mem_path(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->mem_path, arg);
}

int cli_collect_mem_prealloc(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->mem_prealloc = true;
	return 0;
}

struct overcommit_opts {
	bool mem_lock, cpu_pm;
};

const struct opt_desc cli_overcommit_table[] = {
	{ .name = "mem-lock",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct overcommit_opts, mem_lock) },
	{ .name = "cpu-pm",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct overcommit_opts, cpu_pm) },
	{ .name = NULL },
};

int cli_collect_overcommit(struct vm_config *config, const char *arg, struct err *err)
{
	struct overcommit_opts opts = { config->mem_lock, config->cpu_pm };
	int ret = cli_parse_opts(cli_overcommit_table, arg, NULL, &opts, err);

	config->mem_lock = opts.mem_lock;
	config->cpu_pm = opts.cpu_pm;
	return ret;
}

/* ---- objects ---- */

int cli_collect_object(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->objects, arg);
}

/* "help", or "TYPE,help". */
bool cli_answer_object(const char *arg, struct strbuf *out, struct err *err)
{
	const char *comma = strchr(arg, ',');
	char name[64];

	(void)err;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg, ","), arg);
	if (!cli_is_help(comma ? comma + 1 : arg))
		return false;
	pc_object_help(comma ? name : NULL, out);
	return true;
}
