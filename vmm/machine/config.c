// SPDX-License-Identifier: GPL-2.0-or-later
/* The collected configuration: defaults, lists, -boot, and the arithmetic of -smp. */
#include "vmm/machine/config.h"

#include "common/cleanup.h"

#include "vmm/machine/smbios-text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const watchdog_words[] = {
	"reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi", NULL,
};

const char *const reboot_words[] = { "reset", "shutdown", NULL };
const char *const shutdown_words[] = { "poweroff", "pause", NULL };
const char *const panic_words[] = { [PANIC_SHUTDOWN] = "shutdown",
	                            [PANIC_PAUSE] = "pause",
	                            [PANIC_EXIT_FAILURE] = "exit-failure",
	                            [PANIC_NONE] = "none",
	                            NULL };

void config_init(struct vm_config *config)
{
	*config = (struct vm_config){ .ram = 512ull << 20, .smp.cpus = 1 };
}

void str_list_free(struct str_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

bool config_has_monitor(const struct vm_config *config)
{
	return config->monitors.count || config->mons.count || config->qmps.count ||
	       config->pretty_qmps.count;
}

bool config_has_device(const struct vm_config *config, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < config->devices.count; i++) {
		const char *text = config->devices.items[i];

		text += strncmp(text, "driver=", 7) ? 0 : 7;
		if (strcspn(text, ",") == len && !strncmp(text, name, len))
			return true;
	}
	return false;
}

bool config_is_stdio(const char *text)
{
	text += strncmp(text, "mon:", 4) ? 0 : 4;
	return !strncmp(text, "stdio", 5) && (!text[5] || text[5] == ',');
}

bool config_wants_stdio(const struct vm_config *config)
{
	const struct str_list *lists[] = { &config->monitors, &config->qmps,
		                           &config->pretty_qmps, &config->chardevs,
		                           &config->debugcons };

	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++)
		for (unsigned n = 0; n < lists[i]->count; n++)
			if (config_is_stdio(lists[i]->items[n]))
				return true;
	return config->gdb && config_is_stdio(config->gdb);
}

void config_free(struct vm_config *config)
{
	free(config->mem_path);
	free(config->memory_backend);
	free(config->cpu);
	free(config->kernel);
	free(config->initrd);
	free(config->append);
	free(config->name);
	free(config->process);
	free(config->gdb);
	free(config->incoming);
	free(config->loadvm);
	free(config->state_dir);
	free(config->pidfile);
	free(config->runas);
	for (unsigned i = 0; i < CONFIG_DISKS; i++)
		free(config->disks[i]);
	free(config->cdrom);
	free(config->bios);
	free(config->vga);
	free(config->vnc);
	free(config->keyboard);
	opts_free(boot_options, &config->boot);
	str_list_free(&config->firmware_dirs);
	str_list_free(&config->fw_cfg);
	str_list_free(&config->option_roms);
	str_list_free(&config->blockdevs);
	str_list_free(&config->drives);
	str_list_free(&config->devices);
	str_list_free(&config->chardevs);
	str_list_free(&config->serials);
	str_list_free(&config->netdevs);
	str_list_free(&config->nics);
	str_list_free(&config->nets);
	str_list_free(&config->monitors);
	str_list_free(&config->qmps);
	str_list_free(&config->pretty_qmps);
	str_list_free(&config->mons);
	str_list_free(&config->debugcons);
	str_list_free(&config->globals);
	str_list_free(&config->objects);
	smbios_texts_free(config->smbios);
}

int str_list_add(struct str_list *list, const char *text)
{
	char **items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count] = strdup(text);
	if (!items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

/* ---- -boot ---- */

#define BOOT_LETTERS "abcdn"
#define BOOT_MAX     3 /* the BIOS has room for no more */
#define FIELD(f)     .offset = offsetof(struct boot_config, f)

const struct opt_desc boot_options[] = {
	{ .name = "order", .type = OPT_STR, FIELD(order) },
	{ .name = "once", .type = OPT_STR, FIELD(once) },
	{ .name = "menu", .type = OPT_BOOL, FIELD(menu) },
	{ .name = "strict", .type = OPT_BOOL, FIELD(strict) },
	{ .name = "splash", .type = OPT_STR, FIELD(splash) },
	{ .name = "splash-time", .type = OPT_STR, FIELD(splash_time) },
	{ .name = "reboot-timeout", .type = OPT_STR, FIELD(reboot_timeout) },
	{ .name = NULL },
};

int config_check_order(const char *order, struct err *err)
{
	for (const char *p = order; p && *p; p++) {
		if (!strchr(BOOT_LETTERS, *p))
			return err_usage(err,
			                 "'%c' is no boot device; a and b are "
			                 "floppies, c is the disk, d the CD-ROM, n the "
			                 "network",
			                 *p);
		if (strchr(p + 1, *p))
			return err_usage(err, "'%c' is given twice", *p);
	}
	if (order && strlen(order) > BOOT_MAX)
		return err_usage(err, "'%s' has more than %d letters", order, BOOT_MAX);
	return 0;
}

static int check_time(const char *key, const char *value, uint64_t max, struct err *err)
{
	uint64_t ms;

	if (value && (opt_parse_u64(value, &ms) < 0 || ms > max))
		return err_usage(err,
		                 "%s=%s is not a number of milliseconds up "
		                 "to %llu",
		                 key, value, (unsigned long long)max);
	return 0;
}

int config_boot(struct vm_config *config, const char *text, struct err *err)
{
	struct boot_config *boot = &config->boot;
	struct opt_list list = { 0 };
	int ret = opt_list_parse(&list, text, "order", err);

	config->boot_given = true;
	if (ret >= 0)
		ret = opts_apply(boot_options, &list, boot, NULL, err);
	opt_list_free(&list);
	if (ret >= 0)
		ret = config_check_order(boot->order, err);
	if (ret >= 0)
		ret = config_check_order(boot->once, err);
	if (ret >= 0)
		ret = check_time("splash-time", boot->splash_time, 0xffff, err);
	return ret < 0 ? ret
	               : check_time("reboot-timeout", boot->reboot_timeout, 0xffff, err);
}

/* ---- -smp ---- */

/* The number that makes the product with two others the total; 0 of these is 1. At least
 * 1, so that numbers that do not fit are told as they were given. */
static uint32_t share(uint32_t total, uint32_t a, uint32_t b)
{
	uint32_t product = (a ? a : 1) * (b ? b : 1);

	return total > product ? total / product : 1;
}

/* QEMU's rule since 6.2: what is missing is derived, cores before sockets before threads.
 */
int config_smp(struct smp_config *smp, struct err *err)
{
	uint32_t total = smp->maxcpus ? smp->maxcpus : smp->cpus;
	uint32_t product;

	if (!total && !smp->sockets && !smp->cores && !smp->threads)
		return err_usage(err, "-smp 0: a machine has at least one CPU");
	if (!smp->cores)
		smp->cores = share(total, smp->sockets, smp->threads);
	if (!smp->sockets)
		smp->sockets = share(total, smp->cores, smp->threads);
	if (!smp->threads)
		smp->threads = share(total, smp->cores, smp->sockets);
	product = smp->sockets * smp->cores * smp->threads;
	if (!smp->maxcpus)
		smp->maxcpus = total ? total : product;
	if (!smp->cpus)
		smp->cpus = smp->maxcpus;
	if (product != smp->maxcpus)
		return err_usage(
			err,
			"-smp: %u sockets × %u cores × %u threads are %u CPUs, not %u",
			smp->sockets, smp->cores, smp->threads, product, smp->maxcpus);
	if (smp->cpus > smp->maxcpus)
		return err_usage(err, "-smp: %u CPUs are more than maxcpus=%u", smp->cpus,
		                 smp->maxcpus);
	return 0;
}
