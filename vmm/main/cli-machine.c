// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -smp, -M, -accel, -cpu, -rtc, -smbios and -name: each a table of keys, so that a wrong
 * key is refused with the nearest one. Keys that QEMU's users set to the only value that
 * is possible here are accepted with that value.
 */
#include "vmm/main/cli-machine.h"

#include "common/cleanup.h"
#include "cpu/cpumodel.h"
#include "vmm/machine/smbios-text.h"
#include "vmm/main/cli-process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

int cli_parse_opts(const struct opt_desc *table, const char *arg, const char *implied,
                   void *obj, struct err *err)
{
	struct opt_list list = { 0 };
	int ret = opt_list_parse(&list, arg, implied, err);

	if (ret >= 0)
		ret = opts_apply(table, &list, obj, NULL, err);
	opt_list_free(&list);
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

const struct opt_desc cli_smp_table[] = {
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
	int ret = cli_parse_opts(cli_smp_table, arg, "cpus", &opts, err);

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
	char *type, *accel, *memory_backend;
	bool mem_merge, dump_core, usb;
	int pit;   /* enum opt_tri */
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

const struct opt_desc cli_machine_table[] = {
	{ .name = "type",
	  .type = OPT_STR,
	  .offset = offsetof(struct machine_opts, type),
	  .help = "name of the board" },
	{ .name = "accel",
	  .type = OPT_STR,
	  .offset = offsetof(struct machine_opts, accel),
	  .help = "kvm" },
	FIXED("acpi", only_on, "ACPI tables"),
	{ .name = "dump-guest-core",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct machine_opts, dump_core),
	  .help = "core dumps hold guest RAM (default: off)" },
	FIXED("graphics", only_on, "-nographic is without"),
	FIXED("hpet", only_off, "there is no HPET"),
	FIXED("kernel-irqchip", only_on, "interrupt controllers in the kernel"),
	OPT_ALIAS_ROW("kernel_irqchip", "kernel-irqchip"),
	{ .name = "mem-merge",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct machine_opts, mem_merge),
	  .help = "the host's KSM may merge equal pages of guests (default: on)" },
	{ .name = "memory-backend",
	  .type = OPT_STR,
	  .offset = offsetof(struct machine_opts, memory_backend),
	  .help = "the -object memory-backend-* that is the guest's RAM" },
	FIXED("nvdimm", only_off, "there is no persistent memory"),
	{ .name = "pit",
	  .type = OPT_TRI,
	  .offset = offsetof(struct machine_opts, pit),
	  .help = "the interval timer, which the kernel has (default: on)" },
	FIXED("smm", off_or_auto, "there is no system management mode"),
	{ .name = "usb",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct machine_opts, usb),
	  .help = "a USB controller, as -usb (default: off)" },
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

static int set_type(struct vm_config *config, const char *type, struct err *err)
{
	config->no_board = !strcmp(type, "none");
	if (config->no_board)
		return 0;
	/* Versioned names of QEMU mean the same board here. */
	if (!strcmp(type, "pc") || !strcmp(type, "pc-i440fx") ||
	    !strncmp(type, "pc-i440fx-", 10))
		return 0;
	return err_usage(err, "there is no board '%s'; the only one is pc (an i440FX PC)",
	                 type);
}

int cli_collect_machine(struct vm_config *config, const char *arg, struct err *err)
{
	struct machine_opts opts = { .mem_merge = !config->no_mem_merge,
		                     .dump_core = config->dump_core,
		                     .usb = config->usb,
		                     .pit = config->no_pit ? OPT_TRI_OFF : OPT_TRI_AUTO };
	int ret = cli_parse_opts(cli_machine_table, arg, "type", &opts, err);

	if (ret >= 0 && opts.type)
		ret = set_type(config, opts.type, err);
	if (ret >= 0 && opts.accel)
		ret = check_accel(opts.accel, err);
	if (ret >= 0 && opts.memory_backend)
		ret = cli_set_string(&config->memory_backend, opts.memory_backend);
	config->no_mem_merge = !opts.mem_merge;
	config->dump_core = opts.dump_core;
	config->usb = opts.usb;
	config->no_pit = opts.pit == OPT_TRI_OFF;
	opts_free(cli_machine_table, &opts);
	return ret;
}

/* "help" lists the boards, "pc,help" the keys. */
bool cli_answer_machine(const char *arg, struct strbuf *out, struct err *err)
{
	const char *comma = strchr(arg, ',');

	(void)err;
	if (cli_is_help(arg)) {
		strbuf_adds(out, "Supported machines are:\n"
		                 "pc                   i440FX PC (default)\n"
		                 "none                 never runs, for programs that ask "
		                 "what there is\n");
		return true;
	}
	if (!comma || !cli_is_help(comma + 1))
		return false;
	strbuf_adds(out, "pc options:\n");
	opts_help(cli_machine_table, out);
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
	int ret = cli_parse_opts(accel_table, arg, "accel", &opts, err);

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

/* ---- its clock ---- */

struct rtc_opts {
	char *base;
	int fixed;
};

static const char *const clocks[] = { "host", "rt", NULL };
static const char *const fixes[] = { "none", "slew", NULL };

const struct opt_desc cli_rtc_table[] = {
	{ .name = "base", .type = OPT_STR, .offset = offsetof(struct rtc_opts, base) },
	{ .name = "clock",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct rtc_opts, fixed),
	  .choices = clocks },
	{ .name = "driftfix",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct rtc_opts, fixed),
	  .choices = fixes },
	{ .name = NULL },
};

/* "2026-01-31T23:59:59" or "2026-01-31" */
static int parse_date(const char *text, time_t *seconds)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d" };

	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, formats[i], &tm);

		if (end && !*end) {
			*seconds = timegm(&tm);
			return 0;
		}
	}
	return -EINVAL;
}

static int set_base(struct vm_config *config, const char *base, struct err *err)
{
	time_t now = time(NULL), then = now;
	struct tm tm;

	if (!strcmp(base, "localtime"))
		then += localtime_r(&now, &tm) ? tm.tm_gmtoff : 0;
	else if (strcmp(base, "utc") && parse_date(base, &then) < 0)
		return err_usage(err,
		                 "base=%s is neither utc, localtime nor a date like "
		                 "2026-01-31T23:59:59",
		                 base);
	config->rtc_offset = then - now;
	return 0;
}

int cli_collect_rtc(struct vm_config *config, const char *arg, struct err *err)
{
	struct rtc_opts opts = { 0 };
	int ret = cli_parse_opts(cli_rtc_table, arg, "base", &opts, err);

	if (ret >= 0 && opts.base)
		ret = set_base(config, opts.base, err);
	opts_free(cli_rtc_table, &opts);
	return ret;
}

int cli_collect_smbios(struct vm_config *config, const char *arg, struct err *err)
{
	int ret = smbios_texts_parse(&config->smbios, arg, err);

	/* It is the machine's, in whichever place it is given. */
	return ret >= 0 && config->smbios->uuid
	               ? cli_collect_uuid(config, config->smbios->uuid, err)
	               : ret;
}

/* ---- its name ---- */

struct name_opts {
	char *guest, *process;
	bool debug_threads;
};

const struct opt_desc cli_name_table[] = {
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
	int ret = cli_parse_opts(cli_name_table, arg, "guest", &opts, err);

	if (ret >= 0 && opts.guest)
		ret = cli_set_string(&config->name, opts.guest);
	if (ret >= 0 && opts.process)
		ret = cli_set_string(&config->process, opts.process);
	opts_free(cli_name_table, &opts);
	return ret;
}
