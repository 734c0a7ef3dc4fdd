// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The states of all devices, one section each. They are loaded in the order in which the
 * devices were made here (vCPUs before the chips that interrupt them), whatever the order
 * of the stream.
 */
#include "vmm/migrate/internal.h"

#include "vmm/core/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned count_devices(const struct vm *vm)
{
	unsigned n = 0;

	for (const struct device *dev = vm->devices; dev; dev = dev->next)
		n += !!dev->cls->state;
	return n;
}

int states_save(struct vm *vm, struct saved_states *states, struct err *err)
{
	unsigned count = count_devices(vm);

	states_free(states);
	if (count > STREAM_DEVICES_MAX)
		return err_set(err, E2BIG, "more than %u devices", STREAM_DEVICES_MAX);
	states->sections = calloc(count, sizeof(*states->sections));
	if (!states->sections)
		return err_sys(err, ENOMEM, "states");
	for (struct device *dev = vm->devices; dev; dev = dev->next) {
		int ret;

		if (!dev->cls->state)
			continue;
		ret = state_save(dev->cls->state, dev, dev->path,
		                 &states->sections[states->count++], err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int load_one(struct device *dev, const struct saved_states *states,
                    struct err *err)
{
	for (unsigned i = 0; i < states->count; i++) {
		const struct strbuf *s = &states->sections[i];
		char path[256];
		size_t used = 0;
		int ret;

		if (state_peek(s->data, s->len, path, sizeof(path)) < 0)
			return err_set(err, EINVAL, "a device's state is damaged");
		if (strcmp(path, dev->path))
			continue;
		ret = state_load(dev->cls->state, dev, dev->cls->size, path, s->data,
		                 s->len, &used, err);
		return ret < 0 || used == s->len
		               ? ret
		               : err_set(err, EINVAL, "the state of %s has a tail", path);
	}
	return err_set(err, EINVAL, "the state of %s did not come", dev->path);
}

int states_load(struct vm *vm, const struct saved_states *states, struct err *err)
{
	/* As many as there are devices, and one of each: none is left over. */
	if (states->count != count_devices(vm))
		return err_set(err, EINVAL, "%u devices have a state there, %u here",
		               states->count, count_devices(vm));
	for (struct device *dev = vm->devices; dev; dev = dev->next) {
		int ret = dev->cls->state ? load_one(dev, states, err) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

void states_free(struct saved_states *states)
{
	for (unsigned i = 0; i < states->count; i++)
		strbuf_free(&states->sections[i]);
	free(states->sections);
	*states = (struct saved_states){ 0 };
}
