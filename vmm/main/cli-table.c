// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The options of vmm. Rows only collect; nothing is opened or created here. Options that
 * QEMU users type and that change nothing on this machine are rows as well, so that
 * command lines carry over.
 */
#include "vmm/main/cli.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/version.h"
#include "cpu/cpumodel.h"
#include "vmm/chardev/chardev.h"
#include "vmm/core/catalog.h"

#include <errno.h>
#include <string.h>

/* ---- helpers ---- */

static bool is_help(const char *arg)
{
	return arg && (!strcmp(arg, "help") || !strcmp(arg, "?"));
}

static int set_string(char **field, const char *arg)
{
	char *copy = strdup(arg);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* The argument must be one of a list of words; more are refused by name. */
static int only(const char *arg, const char *const *words, struct err *err)
{
	char known[256] = "";

	for (; *words; words++) {
		if (!strcmp(arg, *words))
			return 0;
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
		         *known ? ", " : "", *words);
	}
	return err_usage(err, "'%s' is not supported; supported: %s", arg, known);
}

/* ---- machine ---- */

static int collect_ram(struct vm_config *config, const char *arg, struct err *err)
{
	struct opt_list list = { 0 };
	const char *size;
	int ret = opt_list_parse(&list, arg, "size", err);

	if (ret < 0)
		goto out;
	size = opt_list_take(&list, "size");
	for (unsigned i = 0; i < list.count && ret >= 0; i++)
		if (!list.opts[i].used)
			ret = err_usage(err,
			                "unknown option '%s'; only size= is supported",
			                list.opts[i].key);
	if (ret >= 0 && (!size || opt_parse_size(size, 'M', &config->ram) < 0))
		ret = err_usage(err, "'%s' is not a size; write 512, 512M or 2G", arg);
	if (ret >= 0 && config->ram < (1 << 20))
		ret = err_usage(err, "%s is too small; a guest needs at least 1M", arg);
	if (ret >= 0 && config->ram > 1ull << 52)
		ret = err_usage(err, "%s is more than any CPU can address", arg);
	config->ram &= ~0xfffull;
out:
	opt_list_free(&list);
	return ret;
}

static const struct opt_desc smp_opts[] = {
	{ .name = "cpus", .type = OPT_U32, .offset = offsetof(struct smp_config, cpus) },
	{ .name = "sockets",
	  .type = OPT_U32,
	  .offset = offsetof(struct smp_config, sockets),
	  .min = 1,
	  .max = CONFIG_MAX_CPUS },
	{ .name = "cores",
	  .type = OPT_U32,
	  .offset = offsetof(struct smp_config, cores),
	  .min = 1,
	  .max = CONFIG_MAX_CPUS },
	{ .name = "threads",
	  .type = OPT_U32,
	  .offset = offsetof(struct smp_config, threads),
	  .min = 1,
	  .max = CONFIG_MAX_CPUS },
	{ .name = "maxcpus",
	  .type = OPT_U32,
	  .offset = offsetof(struct smp_config, maxcpus),
	  .min = 1,
	  .max = CONFIG_MAX_CPUS },
	{ .name = NULL },
};

static int collect_smp(struct vm_config *config, const char *arg, struct err *err)
{
	struct opt_list list = { 0 };
	struct smp_config smp = { 0 };
	int ret = opt_list_parse(&list, arg, "cpus", err);

	if (ret >= 0)
		ret = opts_apply(smp_opts, &list, &smp, "-smp", err);
	if (ret >= 0 && opt_list_get(&list, "cpus") && !smp.cpus)
		ret = err_usage(err, "-smp 0: a machine has at least one CPU");
	if (ret >= 0 && smp.cpus > CONFIG_MAX_CPUS)
		ret = err_usage(err, "-smp %u: at most %u CPUs are possible", smp.cpus,
		                CONFIG_MAX_CPUS);
	if (ret >= 0)
		config->smp = smp;
	opt_list_free(&list);
	return ret;
}

static int collect_machine(struct vm_config *config, const char *arg, struct err *err)
{
	static const char *const types[] = { "pc", "pc-i440fx", NULL };
	static const char *const accels[] = { "kvm", NULL };
	struct opt_list list = { 0 };
	int ret = opt_list_parse(&list, arg, "type", err);
	const char *type = opt_list_take(&list, "type"),
		   *accel = opt_list_take(&list, "accel");

	(void)config;
	/* Versioned names of QEMU mean the same board here. */
	if (ret >= 0 && type && strncmp(type, "pc-i440fx-", 10))
		ret = only(type, types, err);
	if (ret >= 0 && accel)
		ret = only(accel, accels, err);
	for (unsigned i = 0; i < list.count && ret >= 0; i++)
		if (!list.opts[i].used)
			ret = err_usage(
				err,
				"unknown option '%s'; type= and accel= are supported",
				list.opts[i].key);
	opt_list_free(&list);
	return ret;
}

static bool answer_machine(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (!is_help(arg))
		return false;
	strbuf_adds(out, "Supported machines are:\n"
	                 "pc                   i440FX-like PC (default)\n");
	return true;
}

static int collect_accel(struct vm_config *config, const char *arg, struct err *err)
{
	static const char *const accels[] = { "kvm", NULL };

	(void)config;
	return only(arg, accels, err);
}

static int collect_cpu(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return set_string(&config->cpu, arg);
}

static bool answer_cpu(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (!cpu_is_help(arg))
		return false;
	cpu_help(out);
	return true;
}

static int collect_name(struct vm_config *config, const char *arg, struct err *err)
{
	struct opt_list list = { 0 };
	int ret = opt_list_parse(&list, arg, "guest", err);
	const char *guest = opt_list_take(&list, "guest");

	opt_list_take(&list, "process");
	opt_list_take(&list, "debug-threads");
	for (unsigned i = 0; i < list.count && ret >= 0; i++)
		if (!list.opts[i].used)
			ret = err_usage(err, "unknown option '%s'; guest= is supported",
			                list.opts[i].key);
	if (ret >= 0 && guest)
		ret = set_string(&config->name, guest);
	opt_list_free(&list);
	return ret;
}

/* ---- direct boot ---- */

static int collect_kernel(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return set_string(&config->kernel, arg);
}

static int collect_initrd(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return set_string(&config->initrd, arg);
}

static int collect_append(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return set_string(&config->append, arg);
}

/* ---- devices ---- */

static int collect_drive(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->drives, arg);
}

static int collect_disk(struct vm_config *config, unsigned n, const char *arg)
{
	return set_string(&config->disks[n], arg);
}

#define COLLECT_DISK(letter, n)                                                  \
	static int collect_hd##letter(struct vm_config *config, const char *arg, \
	                              struct err *err)                           \
	{                                                                        \
		(void)err;                                                       \
		return collect_disk(config, n, arg);                             \
	}
COLLECT_DISK(a, 0)
COLLECT_DISK(b, 1)
COLLECT_DISK(c, 2)
COLLECT_DISK(d, 3)

static int collect_device(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->devices, arg);
}

/* "help", or "NAME,help". */
static bool answer_device(const char *arg, struct strbuf *out, struct err *err)
{
	const char *comma = strchr(arg, ',');
	char name[64];

	if (is_help(arg)) {
		catalog_help(out);
		return true;
	}
	if (!comma || !is_help(comma + 1))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(comma - arg), arg);
	if (!catalog_find(name)) {
		err_usage(err, "there is no device '%s'; -device help lists them", name);
		return false;
	}
	catalog_class_help(catalog_find(name), out);
	return true;
}

static int collect_chardev(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->chardevs, arg);
}

static bool answer_chardev(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (!is_help(arg))
		return false;
	chardev_help(out);
	return true;
}

static int collect_serial(struct vm_config *config, const char *arg, struct err *err)
{
	if (config->serials.count == CONFIG_SERIALS)
		return err_usage(err, "more than %d serial ports", CONFIG_SERIALS);
	return str_list_add(&config->serials, arg);
}

/* ---- display and behaviour ---- */

static int collect_nographic(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->nographic = true;
	return 0;
}

static int collect_none(struct vm_config *config, const char *arg, struct err *err)
{
	static const char *const words[] = { "none", NULL };

	(void)config;
	return only(arg, words, err);
}

static int collect_nodefaults(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->nodefaults = true;
	return 0;
}

static int collect_no_reboot(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->no_reboot = true;
	return 0;
}

static int collect_no_shutdown(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->no_shutdown = true;
	return 0;
}

static int collect_nothing(struct vm_config *config, const char *arg, struct err *err)
{
	(void)config;
	(void)arg;
	(void)err;
	return 0;
}

/* ---- log and information ---- */

static int collect_log_file(struct vm_config *config, const char *arg, struct err *err)
{
	(void)config;
	return log_open(arg, err);
}

static int collect_log_classes(struct vm_config *config, const char *arg, struct err *err)
{
	(void)config;
	return log_enable(arg, err);
}

static bool answer_log_classes(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (!is_help(arg))
		return false;
	log_help(out);
	return true;
}

static bool answer_help(const char *arg, struct strbuf *out, struct err *err)
{
	(void)arg;
	(void)err;
	cli_help(out);
	return true;
}

static bool answer_version(const char *arg, struct strbuf *out, struct err *err)
{
	(void)arg;
	(void)err;
	strbuf_adds(out, "kvmkit vmm version " KVMKIT_VERSION "\n");
	return true;
}

static bool answer_dump(const char *arg, struct strbuf *out, struct err *err)
{
	(void)arg;
	(void)err;
	cli_dump(out);
	return true;
}

const struct cli_row cli_table[] = {
	{ "m", "memory", "[size=]SIZE",
	  "guest memory; k, M, G, T, M if none (default: 512M)", "Machine", collect_ram,
	  NULL },
	{ "smp", NULL, "[cpus=]N[,sockets=,cores=,threads=,maxcpus=]",
	  "virtual CPUs (default: 1)", NULL, collect_smp, NULL },
	{ "cpu", NULL, "MODEL[,±FEATURE...]",
	  "CPU model (default: host); 'help' lists them", NULL, collect_cpu, answer_cpu },
	{ "M", "machine", "[type=]pc[,accel=kvm]", "the board", NULL, collect_machine,
	  answer_machine },
	{ "accel", NULL, "kvm", "accepted; there is no other", NULL, collect_accel,
	  NULL },
	{ "enable-kvm", NULL, NULL, "accepted; always on", NULL, collect_nothing, NULL },
	{ "name", NULL, "NAME", "name of the guest", NULL, collect_name, NULL },
	{ "nodefaults", NULL, NULL, "no default devices", NULL, collect_nodefaults,
	  NULL },

	{ "kernel", NULL, "FILE", "boot this bzImage, ELF (PVH) or multiboot kernel",
	  "Direct boot", collect_kernel, NULL },
	{ "initrd", NULL, "FILE[ ARGS][,FILE...]",
	  "initial RAM disk, or multiboot modules", NULL, collect_initrd, NULL },
	{ "append", NULL, "TEXT", "kernel command line", NULL, collect_append, NULL },

	{ "drive", NULL,
	  "file=FILE[,if=virtio|none][,format=raw][,id=][,readonly=][,cache=]...",
	  "a disk", "Devices", collect_drive, NULL },
	{ "hda", NULL, "FILE", "a disk; short for -drive file=FILE,index=0,media=disk",
	  NULL, collect_hda, NULL },
	{ "hdb", NULL, "FILE", "the same, index=1", NULL, collect_hdb, NULL },
	{ "hdc", NULL, "FILE", "the same, index=2", NULL, collect_hdc, NULL },
	{ "hdd", NULL, "FILE", "the same, index=3", NULL, collect_hdd, NULL },
	{ "device", NULL, "NAME[,KEY=VALUE...]",
	  "a device; 'help' lists, NAME,help explains", NULL, collect_device,
	  answer_device },
	{ "chardev", NULL, "BACKEND,id=ID[,KEY=VALUE...]",
	  "a character device; 'help' lists", NULL, collect_chardev, answer_chardev },
	{ "serial", NULL, "stdio|none|null|file:P|unix:P,server,nowait|pty|chardev:ID",
	  "a serial port (default: stdio)", NULL, collect_serial, NULL },

	{ "nographic", NULL, NULL,
	  "no screen; serial port and control keys on the terminal",
	  "Display and behaviour", collect_nographic, NULL },
	{ "display", NULL, "none", "no screen", NULL, collect_none, NULL },
	{ "vga", NULL, "none", "no graphics card", NULL, collect_none, NULL },
	{ "monitor", NULL, "none", "no monitor", NULL, collect_none, NULL },
	{ "parallel", NULL, "none", "no parallel port", NULL, collect_none, NULL },
	{ "net", "nic", "none", "no network card", NULL, collect_none, NULL },
	{ "no-reboot", NULL, NULL, "end instead of rebooting", NULL, collect_no_reboot,
	  NULL },
	{ "no-shutdown", NULL, NULL, "stop instead of ending", NULL, collect_no_shutdown,
	  NULL },
	{ "no-user-config", NULL, NULL, "accepted; there is none", NULL, collect_nothing,
	  NULL },

	{ "D", NULL, "FILE", "write the log to a file", "Log and information",
	  collect_log_file, NULL },
	{ "d", NULL, "CLASS[,...]", "log more; 'help' lists the classes", NULL,
	  collect_log_classes, answer_log_classes },
	{ "h", "help", NULL, "this help", NULL, NULL, answer_help },
	{ "version", NULL, NULL, "the version", NULL, NULL, answer_version },
	{ "dump-options", NULL, NULL, NULL, NULL, NULL, answer_dump },
	{ .name = NULL },
};
