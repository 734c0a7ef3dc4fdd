// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Device instances: creation from a class and its options, the list of all devices, and
 * the life-cycle calls over that list. The list is kept in creation order, which is also
 * the order of reset, load and resume; quiesce and destroy go backwards, so that users go
 * before what they use.
 */
#include "vmm/core/device.h"

#include "common/cleanup.h"
#include "common/lazy.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static void link_last(struct vm *vm, struct device *dev)
{
	struct device **p = &vm->devices;

	while (*p)
		p = &(*p)->next;
	*p = dev;
}

static void unlink_device(struct device *dev)
{
	for (struct device **p = &dev->vm->devices; *p; p = &(*p)->next) {
		if (*p == dev) {
			*p = dev->next;
			return;
		}
	}
}

static void free_device(struct device *dev)
{
	if (dev->cls->props)
		opts_free(dev->cls->props, dev);
	free(dev->id);
	lazy_free(dev, dev->cls->size);
}

static int set_id(struct device *dev, struct opt_list *opts, struct err *err)
{
	const char *id = opt_list_take(opts, "id");

	if (!id)
		return 0;
	if (!*id || strlen(id) > 63 ||
	    strspn(id, "-._abcdefghijklmnopqrstuvwxyz"
	               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(id))
		return err_usage(
			err,
			"id '%s' is not valid; use letters, digits, '-', '.' and '_'",
			id);
	if (device_find(dev->vm, id))
		return err_usage(
			err, "id '%s' is taken by another device; choose another id", id);
	dev->id = strdup(id);
	return dev->id ? 0 : err_sys(err, ENOMEM, "device");
}

static bool has_property(const struct device *dev, const char *name)
{
	const struct opt_desc *row = dev->cls->props;

	while (row && row->name && strcmp(row->name, name))
		row++;
	return row && row->name;
}

/* The last of several wins, as on the command line. */
static int add_globals(const struct device *dev, struct opt_list *opts, struct err *err)
{
	const struct vm *vm = dev->vm;

	for (unsigned i = vm->global_count; i-- > 0;) {
		const struct vm_global *g = &vm->globals[i];

		if (strcmp(g->driver, dev->cls->name) ||
		    opt_list_get(opts, g->property) || !has_property(dev, g->property))
			continue;
		if (opt_list_add(opts, g->property, g->value) < 0)
			return err_sys(err, ENOMEM, "-global");
	}
	return 0;
}

static int configure(struct device *dev, struct opt_list *opts, struct err *err)
{
	static const struct opt_desc none[] = { { .name = NULL } };
	int ret = set_id(dev, opts, err);

	if (ret >= 0)
		ret = add_globals(dev, opts, err);
	if (ret < 0)
		return ret;
	return opts_apply(dev->cls->props ? dev->cls->props : none, opts, dev, NULL, err);
}

/* State sections, and users, name a device by its path. */
static int check_path(const struct device *dev, struct err *err)
{
	for (const struct device *d = dev->vm->devices; d; d = d->next)
		if (!strcmp(d->path, dev->path))
			return err_set(err, EBUSY,
			               "there is a device at %s already; choose another "
			               "address",
			               dev->path);
	return 0;
}

struct device *device_create(struct vm *vm, const struct device_class *cls,
                             struct opt_list *opts, struct err *err)
{
	struct device *dev = lazy_alloc(cls->size);

	if (!dev) {
		err_sys(err, ENOMEM, "device %s", cls->name);
		return NULL;
	}
	dev->cls = cls;
	dev->vm = vm;
	if (configure(dev, opts, err) < 0) {
		free_device(dev);
		return NULL;
	}
	if (cls->realize(dev, err) < 0 || check_path(dev, err) < 0) {
		if (cls->unrealize)
			cls->unrealize(dev);
		free_device(dev);
		return NULL;
	}
	dev->realized = true;
	link_last(vm, dev);
	if (cls->reset)
		cls->reset(dev);
	return dev;
}

struct device *device_create_simple(struct vm *vm, const struct device_class *cls,
                                    const char *opts, struct err *err)
{
	struct opt_list list = { 0 };
	struct device *dev = NULL;

	if (opt_list_parse(&list, opts, NULL, err) >= 0)
		dev = device_create(vm, cls, &list, err);
	opt_list_free(&list);
	return dev;
}

void device_destroy(struct device *dev)
{
	if (dev->cls->quiesce)
		dev->cls->quiesce(dev);
	unlink_device(dev);
	if (dev->cls->unrealize)
		dev->cls->unrealize(dev);
	free_device(dev);
}

bool device_class_hotplugs(const struct device_class *cls)
{
	return !cls->internal && !cls->no_hotplug &&
	       (!strcmp(cls->bus, "pci") || !strcmp(cls->bus, "virtio-serial") ||
	        !strcmp(cls->bus, "SCSI") || !strcmp(cls->bus, "usb-bus"));
}

void device_qom_path(const struct device *dev, char *path, size_t size)
{
	bool internal = dev->cls->internal;
	unsigned n = 0;

	if (dev->id) {
		snprintf(path, size, "/machine/peripheral/%s", dev->id);
		return;
	}
	for (const struct device *d = dev->vm->devices; d && d != dev; d = d->next)
		n += !d->id && d->cls->internal == internal;
	snprintf(path, size, "/machine/%s/device[%u]",
	         internal ? "unattached" : "peripheral-anon", n);
}

void device_show_name(const struct device *dev, char *name, size_t size)
{
	if (dev->id)
		snprintf(name, size, "%s", dev->id);
	else
		device_qom_path(dev, name, size);
}

/* Its path tells which device a device is on. */
static struct device *find_child(const struct device *dev)
{
	size_t len = strlen(dev->path);
	struct device *child = dev->vm->devices;

	while (child && (strncmp(child->path, dev->path, len) || child->path[len] != '/'))
		child = child->next;
	return child;
}

void device_unplug(struct device *dev)
{
	char path[96], id[64] = "";
	struct vm_event_field fields[3] = { { "path", VM_EVENT_STR, .str = path } };
	struct vm *vm = dev->vm;
	struct device *child;

	while ((child = find_child(dev)))
		device_unplug(child);
	snprintf(path, sizeof(path), "%s%s", dev->id ? "/machine/peripheral/" : "",
	         dev->id ? dev->id : dev->path);
	if (dev->id) {
		snprintf(id, sizeof(id), "%s", dev->id);
		fields[1] = (struct vm_event_field){ "device", VM_EVENT_STR, .str = id };
	}
	dev->unplugged = true;
	device_destroy(dev);
	vm_emit(vm, "DEVICE_DELETED", fields);
}

void device_set_path(struct device *dev, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dev->path, sizeof(dev->path), fmt, ap);
	va_end(ap);
}

struct device *device_find(struct vm *vm, const char *id)
{
	for (struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->id && !strcmp(dev->id, id))
			return dev;
	return NULL;
}

void devices_reset(struct vm *vm)
{
	for (struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->cls->reset)
			dev->cls->reset(dev);
}

static void quiesce_from(struct device *dev)
{
	if (!dev)
		return;
	quiesce_from(dev->next);
	if (dev->cls->quiesce)
		dev->cls->quiesce(dev);
}

void devices_quiesce(struct vm *vm)
{
	quiesce_from(vm->devices);
}

void devices_resume(struct vm *vm)
{
	for (struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->cls->resume)
			dev->cls->resume(dev);
}

void devices_destroy(struct vm *vm)
{
	while (vm->devices) {
		struct device *last = vm->devices;

		while (last->next)
			last = last->next;
		device_destroy(last);
	}
}
