// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -m, -smp, -M, -accel, -cpu and -name: each a table of keys, so that a wrong key is
 * refused with the nearest one. Keys that QEMU's users set to the only value that is
 * possible here are accepted with that value.
 */
#include "vmm/main/cli-machine.h"

#include "common/cleanup.h"
#include "cpu/cpumodel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool cli_is_help(const char *arg)
{
	return arg && (!strcmp(arg, "help") || !strcmp(arg, "?"));
}

int cli_set_string(char **field, const char *arg)
{
	char *copy = strdup(arg);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int cli_collect_nothing(struct vm_config *config, const char *arg, struct err *err)
{
	(void)config;
	(void)arg;
	(void)err;
	return 0;
}

/* Parses arg into obj; implied is the key of a first word without "=". */
static int parse(const struct opt_desc *table, const char *arg, const char *implied,
                 void *obj, struct err *err)
{
	struct opt_list list = { 0 };
	int ret = opt_list_parse(&list, arg, implied, err);

	if (ret >= 0)
		ret = opts_apply(table, &list, obj, NULL, err);
	opt_list_free(&list);
	return ret;
}

/* ---- memory ---- */

struct ram_opts {
	char *size;
};

/* Text, because a size without a suffix counts in MiB here only. */
static const struct opt_desc ram_table[] = {
	{ .name = "size", .type = OPT_STR, .offset = offsetof(struct ram_opts, size) },
	{ .name = NULL },
};

int cli_collect_ram(struct vm_config *config, const char *arg, struct err *err)
{
	struct ram_opts opts = { 0 };
	int ret = parse(ram_table, arg, "size", &opts, err);

	if (ret >= 0 && (!opts.size || opt_parse_size(opts.size, 'M', &config->ram) < 0))
		ret = err_usage(err, "'%s' is not a size; write 512, 512M or 2G", arg);
	if (ret >= 0 && config->ram < (1 << 20))
		ret = err_usage(err, "%s is too small; a guest needs at least 1M", arg);
	if (ret >= 0 && config->ram > 1ull << 52)
		ret = err_usage(err, "%s is more than any CPU can address", arg);
	config->ram &= ~0xfffull;
	opts_free(ram_table, &opts);
	return ret;
}

/* ---- processors ---- */

#define SMP_ROW(key, most)                                                               \
	{                                                                                \
		.name = #key, .type = OPT_U32, .offset = offsetof(struct smp_opts, key), \
		.min = 1, .max = most                                                    \
	}

struct smp_opts {
	uint32_t cpus, sockets, dies, cores, threads, maxcpus;
};

static const struct opt_desc smp_table[] = {
	SMP_ROW(cpus, CONFIG_MAX_CPUS),
	SMP_ROW(sockets, CONFIG_MAX_CPUS),
	SMP_ROW(dies, 1),
	SMP_ROW(cores, CONFIG_MAX_CPUS),
	SMP_ROW(threads, CONFIG_MAX_CPUS),
	SMP_ROW(maxcpus, CONFIG_MAX_CPUS),
	{ .name = NULL },
};

int cli_collect_smp(struct vm_config *config, const char *arg, struct err *err)
{
	struct smp_opts opts = { 0 };
	int ret = parse(smp_table, arg, "cpus", &opts, err);

	if (ret < 0)
		return ret;
	config->smp = (struct smp_config){
		.cpus = opts.cpus,
		.sockets = opts.sockets,
		.cores = opts.cores,
		.threads = opts.threads,
		.maxcpus = opts.maxcpus,
	};
	return 0;
}

int cli_collect_cpu(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->cpu, arg);
}

bool cli_answer_cpu(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (!cpu_is_help(arg))
		return false;
	cpu_help(out);
	return true;
}

/* ---- the board ---- */

struct machine_opts {
	char *type, *accel;
	int fixed; /* of keys with one possible value: not used */
};

#define FIXED(key, words, text)                                              \
	{                                                                    \
		.name = key, .type = OPT_ENUM, .choices = words,             \
		.offset = offsetof(struct machine_opts, fixed), .help = text \
	}

static const char *const only_on[] = { "on", NULL };
static const char *const only_off[] = { "off", NULL };
static const char *const off_or_auto[] = { "off", "auto", NULL };

static const struct opt_desc machine_table[] = {
	{ .name = "type",
	  .type = OPT_STR,
	  .offset = offsetof(struct machine_opts, type),
	  .help = "name of the board" },
	{ .name = "accel",
	  .type = OPT_STR,
	  .offset = offsetof(struct machine_opts, accel),
	  .help = "kvm" },
	FIXED("acpi", only_on, "ACPI tables"),
	FIXED("hpet", only_off, "there is no HPET"),
	FIXED("kernel-irqchip", only_on, "interrupt controllers in the kernel"),
	{ .name = "kernel_irqchip", .alias_of = "kernel-irqchip" },
	FIXED("smm", off_or_auto, "there is no system management mode"),
	FIXED("usb", only_off, "there is no USB controller"),
	FIXED("vmport", off_or_auto, "there is no VMware port"),
	{ .name = NULL },
};

/* "kvm", or a list of preferences that begins with it. */
static int check_accel(const char *name, struct err *err)
{
	size_t len = strcspn(name, ":");

	if (len == 3 && !strncmp(name, "kvm", len))
		return 0;
	return err_usage(
		err,
		"accelerator '%s' is not supported; vmm runs guests on KVM only: "
		"accel=kvm",
		name);
}

static int check_type(const char *type, struct err *err)
{
	/* Versioned names of QEMU mean the same board here. */
	if (!strcmp(type, "pc") || !strcmp(type, "pc-i440fx") ||
	    !strncmp(type, "pc-i440fx-", 10))
		return 0;
	return err_usage(err, "there is no board '%s'; the only one is pc (an i440FX PC)",
	                 type);
}

int cli_collect_machine(struct vm_config *config, const char *arg, struct err *err)
{
	struct machine_opts opts = { 0 };
	int ret = parse(machine_table, arg, "type", &opts, err);

	(void)config;
	if (ret >= 0 && opts.type)
		ret = check_type(opts.type, err);
	if (ret >= 0 && opts.accel)
		ret = check_accel(opts.accel, err);
	opts_free(machine_table, &opts);
	return ret;
}

/* "help" lists the boards, "pc,help" the keys. */
bool cli_answer_machine(const char *arg, struct strbuf *out, struct err *err)
{
	const char *comma = strchr(arg, ',');

	(void)err;
	if (cli_is_help(arg)) {
		strbuf_adds(out, "Supported machines are:\n"
		                 "pc                   i440FX PC (default)\n");
		return true;
	}
	if (!comma || !cli_is_help(comma + 1))
		return false;
	strbuf_adds(out, "pc options:\n");
	opts_help(machine_table, out);
	return true;
}

struct accel_opts {
	char *accel;
	int fixed;
};

static const char *const threads[] = { "multi", NULL };

static const struct opt_desc accel_table[] = {
	{ .name = "accel",
	  .type = OPT_STR,
	  .offset = offsetof(struct accel_opts, accel) },
	{ .name = "kernel-irqchip",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct accel_opts, fixed),
	  .choices = only_on },
	{ .name = "thread",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct accel_opts, fixed),
	  .choices = threads },
	{ .name = NULL },
};

int cli_collect_accel(struct vm_config *config, const char *arg, struct err *err)
{
	struct accel_opts opts = { 0 };
	int ret = parse(accel_table, arg, "accel", &opts, err);

	(void)config;
	if (ret >= 0)
		ret = check_accel(opts.accel ? opts.accel : "", err);
	opts_free(accel_table, &opts);
	return ret;
}

bool cli_answer_accel(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (!cli_is_help(arg))
		return false;
	strbuf_adds(out, "Supported accelerators are:\nkvm\n");
	return true;
}

/* ---- its name ---- */

struct name_opts {
	char *guest, *process;
	bool debug_threads;
};

static const struct opt_desc name_table[] = {
	{ .name = "guest", .type = OPT_STR, .offset = offsetof(struct name_opts, guest) },
	{ .name = "process",
	  .type = OPT_STR,
	  .offset = offsetof(struct name_opts, process) },
	/* Threads always have their names. */
	{ .name = "debug-threads",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct name_opts, debug_threads) },
	{ .name = NULL },
};

int cli_collect_name(struct vm_config *config, const char *arg, struct err *err)
{
	struct name_opts opts = { 0 };
	int ret = parse(name_table, arg, "guest", &opts, err);

	if (ret >= 0 && opts.guest)
		ret = cli_set_string(&config->name, opts.guest);
	if (ret >= 0 && opts.process)
		ret = cli_set_string(&config->process, opts.process);
	opts_free(name_table, &opts);
	return ret;
}
