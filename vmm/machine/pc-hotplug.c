// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices and drives of a machine that is there already. They are created by the same
 * calls as those of the command line; what differs is that the guest is told.
 *
 * Before the guest's first instruction, and after a reset of a stopped machine, nobody
 * has looked at the bus yet: what is added then is there from the start. A device that
 * leaves the PCI bus stays until the guest lets go of it. Main loop's thread, machine
 * lock.
 */
#include "vmm/machine/internal.h"

#include "vmm/legacy/pcihp.h"
#include "vmm/machine/control.h"
#include "vmm/pci/pci.h"

#include <errno.h>
#include <string.h>

static bool is_pci(const struct device_class *cls)
{
	return !strcmp(cls->bus, "pci");
}

static int check_bus(struct pc *pc, const struct device_class *cls, struct err *err)
{
	if (cls->no_hotplug)
		return err_set(err, ENOTSUP, "Device '%s' does not support hotplugging",
		               cls->name);
	if (device_class_hotplugs(cls) && (!is_pci(cls) || pcihp_find(&pc->vm)))
		return 0;
	return err_set(err, ENOTSUP,
	               "Bus '%s.0' does not support hotplugging; give the device with "
	               "-device when vmm starts",
	               strcmp(cls->bus, "IDE") ? cls->bus : "ide");
}

/* A guest looks for further functions only when it finds function 0. */
static int check_function(struct pc *pc, const struct pci_device *pdev, struct err *err)
{
	unsigned slot = PCI_SLOT_OF(pdev->devfn), fn = PCI_FN_OF(pdev->devfn);
	const struct pci_device *first = pci_find(pc->vm.pci, PCI_DEVFN(slot, 0));

	return !fn || !first
	               ? 0
	               : err_set(err, EBUSY,
	                         "PCI: slot %u function 0 already occupied by %s, new "
	                         "func %s cannot be exposed to guest.",
	                         slot, first->dev.cls->name, pdev->dev.cls->name);
}

static int show(struct pc *pc, struct device *dev, struct err *err)
{
	const struct device_class *cls = dev->cls;
	bool untouched = pc->vm.runstate == VM_PRELAUNCH;
	int ret = 0;

	if (pc->fwcfg)
		ret = pc_set_boot_paths(pc, err);
	if (ret >= 0 && is_pci(cls) && untouched && !pc->vm.firmware)
		ret = pc_set_up_pci(pc, err);
	if (ret >= 0 && is_pci(cls) && !untouched)
		ret = check_function(pc, (struct pci_device *)dev, err);
	if (ret < 0)
		return ret;
	if (pc->vm.runstate != VM_RUNNING && cls->quiesce)
		cls->quiesce(dev);
	if (is_pci(cls) && !untouched)
		pcihp_plugged(pcihp_find(&pc->vm), (struct pci_device *)dev);
	return 0;
}

int pc_device_add(struct pc *pc, struct opt_list *opts, struct device **added,
                  struct err *err)
{
	const char *driver = opt_list_get(opts, "driver");
	const struct device_class *cls = driver ? pc_find_device(driver, NULL) : NULL;
	int ret = cls ? check_bus(pc, cls, err) : 0;
	struct device *dev;

	if (pc->vm.moving)
		return err_set(err, EBUSY, "device_add not allowed while migrating");
	if (ret < 0)
		return ret;
	dev = pc_create_device(pc, opts, "", err);
	if (!dev)
		return -err->code;
	ret = show(pc, dev, err);
	if (ret < 0)
		device_destroy(dev);
	else if (added)
		*added = dev;
	return ret;
}

int pc_unplug(struct device *dev, struct err *err)
{
	struct vm *vm = dev->vm;

	if (is_pci(dev->cls) && vm->runstate != VM_PRELAUNCH)
		return pcihp_find(vm)
		               ? pcihp_request(pcihp_find(vm), (struct pci_device *)dev,
		                               err)
		               : err_set(err, ENOTSUP, "this machine has no hot-plug");
	device_unplug(dev);
	return 0;
}

int pc_device_del(struct pc *pc, const char *id, struct err *err)
{
	static const char prefix[] = "/machine/peripheral/";
	bool is_path = !strncmp(id, prefix, strlen(prefix));
	struct device *dev = device_find(&pc->vm, is_path ? id + strlen(prefix) : id);
	int ret;

	if (pc->vm.moving)
		return err_set(err, EBUSY, "device_del not allowed while migrating");
	if (!dev)
		return err_set(err, ENODEV, "Device '%s' not found", id);
	ret = check_bus(pc, dev->cls, err);
	if (ret < 0)
		return ret;
	return pc_unplug(dev, err);
}
