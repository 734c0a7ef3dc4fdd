// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of devices: creation and its failures, names, the order of the calls over all
 * devices, requests to the machine. The class is a toy that writes down what is called.
 */
#include "tests/tap.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct toy {
	struct device dev;
	char *tag; /* property: its letter in the log */
	uint32_t size;
	bool fail; /* property: realize does not work */
};

static char calls[200];

static void note(const struct device *dev, const char *what)
{
	size_t len = strlen(calls);

	snprintf(calls + len, sizeof(calls) - len, "%s%s%s", len ? " " : "", what,
	         ((const struct toy *)dev)->tag);
}

static int realize(struct device *dev, struct err *err)
{
	struct toy *toy = (struct toy *)dev;

	note(dev, "+");
	device_set_path(dev, "toy/%s", toy->tag);
	return toy->fail ? err_set(err, EIO, "the toy is broken") : 0;
}

static void reset(struct device *dev)
{
	note(dev, "reset-");
}

static void quiesce(struct device *dev)
{
	note(dev, "quiesce-");
}

static void resume(struct device *dev)
{
	note(dev, "resume-");
}

static void unrealize(struct device *dev)
{
	note(dev, "-");
}

static const struct opt_desc props[] = {
	{ .name = "tag", .type = OPT_STR, .offset = offsetof(struct toy, tag) },
	{ .name = "size", .type = OPT_U32, .offset = offsetof(struct toy, size) },
	{ .name = "fail", .type = OPT_BOOL, .offset = offsetof(struct toy, fail) },
	{ .name = NULL },
};

static const struct device_class toy_class = {
	.name = "toy",
	.bus = "system",
	.help = "for this test",
	.size = sizeof(struct toy),
	.props = props,
	.realize = realize,
	.reset = reset,
	.quiesce = quiesce,
	.resume = resume,
	.unrealize = unrealize,
};

static struct device *make(struct vm *vm, const char *opts)
{
	struct err err = { 0 };
	struct device *dev = device_create_simple(vm, &toy_class, opts, &err);

	if (!dev)
		tap_diag("%s", err.text);
	return dev;
}

static void expect(const char *want, const char *what)
{
	tap_str(calls, want, "%s", what);
	calls[0] = '\0';
}

static void refuse(struct vm *vm, const char *opts, const char *says, bool usage)
{
	struct device *first = vm->devices, *second = first ? first->next : NULL;
	struct err err = { 0 };

	tap_ok(!device_create_simple(vm, &toy_class, opts, &err), "%s is refused", opts);
	tap_has(err.text, says, "the sentence says why");
	tap_ok(err.usage == usage && vm->devices == first &&
	               (!first || first->next == second),
	       "nothing is left behind");
}

static void test_life(void)
{
	struct vm vm = { 0 };
	struct device *a = make(&vm, "tag=a,id=one"), *b = make(&vm, "tag=b");

	expect("+a reset-a +b reset-b", "a device is realized, then reset");
	tap_ok(a->realized && device_find(&vm, "one") == a, "it is found by its id");
	tap_ok(!device_find(&vm, "two"), "or not");
	make(&vm, "tag=c");
	calls[0] = '\0';
	devices_resume(&vm);
	expect("resume-a resume-b resume-c", "resume in the order of creation");
	devices_reset(&vm);
	expect("reset-a reset-b reset-c", "reset as well");
	devices_quiesce(&vm);
	expect("quiesce-c quiesce-b quiesce-a", "quiesce the other way round");
	device_destroy(b);
	expect("quiesce-b -b", "one goes");
	devices_destroy(&vm);
	expect("quiesce-c -c quiesce-a -a", "users go before what they use");
	tap_ok(!vm.devices, "none is left");
}

static void test_refusals(void)
{
	struct vm vm = { 0 };

	make(&vm, "tag=a,id=one");
	refuse(&vm, "tag=b,id=one", "'one' is taken", true);
	refuse(&vm, "tag=b,id=a b", "not valid", true);
	refuse(&vm, "tag=b,id=", "not valid", true);
	refuse(&vm, "tag=b,sise=3", "size", true);
	calls[0] = '\0';
	refuse(&vm, "tag=b,fail=on", "the toy is broken", false);
	expect("+b -b", "what was half made is taken apart");
	refuse(&vm, "tag=a", "toy/a already", false);
	expect("+a -a", "also where two would have one path");
	devices_destroy(&vm);
}

static void woken(struct vm *vm)
{
	++*(unsigned *)vm->wake_opaque;
}

static void test_requests(void)
{
	unsigned wakes = 0;
	struct vm vm = { .wake = woken, .wake_opaque = &wakes };

	vm_request(&vm, VM_REQ_RESET, "first");
	vm_request(&vm, VM_REQ_SHUTDOWN, "second");
	tap_eq(vm.requests, VM_REQ_RESET | VM_REQ_SHUTDOWN, "requests are collected");
	tap_str(vm.reason, "first", "the first reason stays");
	tap_eq(wakes, 2, "each wakes the owner");
	vm_request_exit(&vm, 7, "third");
	tap_eq(vm.exit_status, 7, "a request with an exit status");
}

int main(void)
{
	test_life();
	test_refusals();
	test_requests();
	return tap_done();
}
