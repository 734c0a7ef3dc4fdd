// SPDX-License-Identifier: GPL-2.0-or-later
/* The collected configuration: defaults, lists, and the arithmetic of -smp. */
#include "vmm/machine/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void config_init(struct vm_config *config)
{
	*config = (struct vm_config){ .ram = 512ull << 20, .smp.cpus = 1 };
}

static void str_list_free(struct str_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void config_free(struct vm_config *config)
{
	free(config->cpu);
	free(config->kernel);
	free(config->initrd);
	free(config->append);
	free(config->name);
	free(config->process);
	free(config->state_dir);
	for (unsigned i = 0; i < CONFIG_DISKS; i++)
		free(config->disks[i]);
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
