// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vCPU registers and in-kernel chips as devices.
 *
 * Each instance holds two shadows: `now`, which the state table describes and which is
 * only filled by a save, and `power_on`, read when the instance was made. The reset that
 * follows creation finds power_on in place already and writes nothing, so that starting
 * up costs one read per vCPU; pages of `now` stay untouched until they are needed. What
 * KVM can read and write is found by vCPU 0, which all others refer to.
 */
#include "vmm/machine/kvmstate.h"

#include "common/log.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/chips.h"
#include "vmm/kvm/shadow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- vCPUs ---- */

struct kvm_vcpu_device {
	struct device dev;
	uint32_t index, fd; /* properties */
	struct kvm_vcpu_device *first;
	bool written; /* since creation: the next reset has something to undo */
	bool stopped; /* since it ran last */
	struct shadow_host host; /* of the first one */
	struct vcpu_shadow power_on;
	struct vcpu_shadow now;
};

struct kvm_chips_device {
	struct device dev;
	bool written;
	bool stopped;        /* the paravirtual clock shall stand at */
	uint64_t stopped_at; /* this */
	struct chips_shadow power_on, now;
};

static struct kvm_vcpu_device *find_first(struct vm *vm)
{
	for (struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->cls == &kvm_vcpu_class)
			return ((struct kvm_vcpu_device *)dev)->first;
	return NULL;
}

static int no_kvm(const struct device *dev, struct err *err)
{
	return err_set(err, ENODEV, "%s exists on a board with KVM only", dev->cls->name);
}

static int vcpu_realize(struct device *dev, struct err *err)
{
	struct kvm_vcpu_device *cpu = (struct kvm_vcpu_device *)dev;
	int ret = 0;

	if (!dev->vm->kvm)
		return no_kvm(dev, err);
	device_set_path(dev, "system/cpu@%u", cpu->index);
	cpu->first = find_first(dev->vm);
	if (!cpu->first) {
		cpu->first = cpu;
		ret = shadow_host_init(&cpu->host, dev->vm->kvm, cpu->fd, err);
	}
	return ret < 0 ? ret
	               : vcpu_shadow_read(&cpu->first->host, cpu->fd, &cpu->power_on,
	                                  err);
}

static void vcpu_reset(struct device *dev)
{
	struct kvm_vcpu_device *cpu = (struct kvm_vcpu_device *)dev;
	struct err err = { 0 };

	if (cpu->written && vcpu_shadow_write(&cpu->first->host, cpu->fd, &cpu->power_on,
	                                      VCPU_SHADOW_SYNC_TSC, &err) < 0)
		log_error("%s: reset: %s", dev->path, err.text);
	cpu->written = true;
}

static int vcpu_pre_save(void *obj, struct err *err)
{
	struct kvm_vcpu_device *cpu = obj;

	return vcpu_shadow_read(&cpu->first->host, cpu->fd, &cpu->now, err);
}

static int vcpu_validate(const void *obj, struct err *err)
{
	return vcpu_shadow_state.validate(&((const struct kvm_vcpu_device *)obj)->now,
	                                  err);
}

static int vcpu_post_load(void *obj, struct err *err)
{
	struct kvm_vcpu_device *cpu = obj;

	/* It may never have run here, yet its guest was stopped. */
	cpu->stopped = true;
	return vcpu_shadow_write(&cpu->first->host, cpu->fd, &cpu->now, 0, err);
}

static void vcpu_quiesce(struct device *dev)
{
	((struct kvm_vcpu_device *)dev)->stopped = true;
}

static void vcpu_resume(struct device *dev)
{
	struct kvm_vcpu_device *cpu = (struct kvm_vcpu_device *)dev;

	if (cpu->stopped)
		chips_clock_gap(cpu->fd);
	cpu->stopped = false;
}

static const struct state_field vcpu_fields[] = {
	STATE_STRUCT_F(struct kvm_vcpu_device, now, &vcpu_shadow_state),
	STATE_END_F,
};

static const struct state_desc vcpu_state = {
	.name = "kvm-vcpu",
	.version = 1,
	.fields = vcpu_fields,
	.pre_save = vcpu_pre_save,
	.validate = vcpu_validate,
	.post_load = vcpu_post_load,
};

static const struct opt_desc vcpu_props[] = {
	{ .name = "index",
	  .type = OPT_U32,
	  .offset = offsetof(struct kvm_vcpu_device, index),
	  .help = "number of the vCPU" },
	{ .name = "fd",
	  .type = OPT_U32,
	  .offset = offsetof(struct kvm_vcpu_device, fd),
	  .help = "its descriptor" },
	{ .name = NULL },
};

const struct device_class kvm_vcpu_class = {
	.name = "kvm-vcpu",
	.bus = "system",
	.help = "registers of one vCPU",
	.internal = true,
	.size = sizeof(struct kvm_vcpu_device),
	.props = vcpu_props,
	.state = &vcpu_state,
	.realize = vcpu_realize,
	.reset = vcpu_reset,
	.quiesce = vcpu_quiesce,
	.resume = vcpu_resume,
};

struct device *kvmstate_add_vcpu(struct vm *vm, unsigned index, int vcpu_fd,
                                 struct err *err)
{
	char opts[64];

	snprintf(opts, sizeof(opts), "index=%u,fd=%d", index, vcpu_fd);
	return device_create_simple(vm, &kvm_vcpu_class, opts, err);
}

/* ---- chips ---- */

static int chips_realize(struct device *dev, struct err *err)
{
	struct kvm_chips_device *chips = (struct kvm_chips_device *)dev;

	if (!dev->vm->kvm)
		return no_kvm(dev, err);
	device_set_path(dev, "system/chips");
	return chips_shadow_read(dev->vm->kvm, &chips->power_on, err);
}

static void chips_reset(struct device *dev)
{
	struct kvm_chips_device *chips = (struct kvm_chips_device *)dev;
	struct err err = { 0 };

	if (chips->written && chips_shadow_write(dev->vm->kvm, &chips->power_on,
	                                         CHIPS_SHADOW_KEEP_CLOCK, &err) < 0)
		log_error("%s: reset: %s", dev->path, err.text);
	chips->written = true;
}

/* KVM's clock goes on while the vCPUs stand still; the guest's shall not. */
static void chips_quiesce(struct device *dev)
{
	struct kvm_chips_device *chips = (struct kvm_chips_device *)dev;
	struct err err = { 0 };

	if (chips->stopped)
		return;
	chips->stopped = chips_clock_read(dev->vm->kvm, &chips->stopped_at, &err) >= 0;
	if (!chips->stopped)
		log_error("%s: %s", dev->path, err.text);
}

static void chips_resume(struct device *dev)
{
	struct kvm_chips_device *chips = (struct kvm_chips_device *)dev;
	struct err err = { 0 };

	if (chips->stopped &&
	    chips_clock_write(dev->vm->kvm, chips->stopped_at, &err) < 0)
		log_error("%s: %s", dev->path, err.text);
	chips->stopped = false;
}

static int chips_pre_save(void *obj, struct err *err)
{
	struct kvm_chips_device *chips = obj;
	int ret = chips_shadow_read(chips->dev.vm->kvm, &chips->now, err);

	if (chips->stopped)
		chips->now.clock = chips->stopped_at;
	return ret;
}

static int chips_validate(const void *obj, struct err *err)
{
	return chips_shadow_state.validate(&((const struct kvm_chips_device *)obj)->now,
	                                   err);
}

static int chips_post_load(void *obj, struct err *err)
{
	struct kvm_chips_device *chips = obj;

	/* The clock stands until the machine runs. */
	chips->stopped = true;
	chips->stopped_at = chips->now.clock;
	return chips_shadow_write(chips->dev.vm->kvm, &chips->now, 0, err);
}

static const struct state_field chips_fields[] = {
	STATE_STRUCT_F(struct kvm_chips_device, now, &chips_shadow_state),
	STATE_END_F,
};

static const struct state_desc chips_state = {
	.name = "kvm-chips",
	.version = 1,
	.fields = chips_fields,
	.pre_save = chips_pre_save,
	.validate = chips_validate,
	.post_load = chips_post_load,
};

const struct device_class kvm_chips_class = {
	.name = "kvm-chips",
	.bus = "system",
	.help = "PICs, IOAPIC, interval timer and paravirtual clock",
	.internal = true,
	.size = sizeof(struct kvm_chips_device),
	.state = &chips_state,
	.realize = chips_realize,
	.reset = chips_reset,
	.quiesce = chips_quiesce,
	.resume = chips_resume,
};

struct device *kvmstate_add_chips(struct vm *vm, struct err *err)
{
	return device_create_simple(vm, &kvm_chips_class, "", err);
}
