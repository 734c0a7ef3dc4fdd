// SPDX-License-Identifier: GPL-2.0-or-later
/* A board without vCPUs for device tests. */
#include "tests/dev/legacy-lib.h"

#include "tests/tap.h"
#include "vmm/block/block.h"
#include "vmm/display/input.h"
#include "vmm/legacy/piix.h"
#include "vmm/pci/pci.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what, const struct err *err)
{
	tap_diag("%s: %s", what, err && err->code ? err->text : strerror(errno));
	exit(1);
}

static unsigned route(void *opaque, unsigned pirq)
{
	return piix3_irq_route(((struct board *)opaque)->isa_bridge, pirq);
}

void board_init(struct board *b, bool pci)
{
	struct err err = { 0 };

	*b = (struct board){ .dir = "/tmp/kvmkit-dev-XXXXXX" };
	if (!mkdtemp(b->dir))
		die("mkdtemp", NULL);
	pthread_mutex_init(&b->vm.lock, NULL);
	b->vm.loop = loop_new(&b->vm.lock, &err);
	b->vm.mem = b->vm.loop ? mem_new(NULL, &err) : NULL;
	b->vm.irqchip = b->vm.mem ? irqchip_new(NULL, true, &err) : NULL;
	if (!b->vm.irqchip)
		die("board", &err);
	b->vm.chardevs = chardev_registry_new(b->vm.loop);
	b->vm.nets = net_registry_new(b->vm.loop);
	b->vm.input = input_new(b->vm.loop, NULL);
	if (pci && !pci_bus_new(&b->vm, route, b, &err))
		die("bus", &err);
}

void board_free(struct board *b)
{
	devices_quiesce(&b->vm);
	devices_destroy(&b->vm);
	net_registry_free(b->vm.nets);
	input_free(b->vm.input);
	chardev_registry_free(b->vm.chardevs);
	block_registry_free(b->vm.blocks);
	irqchip_free(b->vm.irqchip);
	mem_free(b->vm.mem);
	loop_free(b->vm.loop);
	pthread_mutex_destroy(&b->vm.lock);
	if (rmdir(b->dir) < 0)
		tap_diag("%s is left behind: %s", b->dir, strerror(errno));
}

struct device *board_add(struct board *b, const struct device_class *cls,
                         const char *opts)
{
	struct err err = { 0 };
	struct device *dev = device_create_simple(&b->vm, cls, opts, &err);

	if (!dev)
		die(cls->name, &err);
	if (cls->resume)
		cls->resume(dev);
	return dev;
}

int board_socket(struct board *b, const char *id)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char text[160];
	struct err err = { 0 };
	struct chardev *chr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(text, sizeof(text), "unix:%s/%s,server,nowait", b->dir, id);
	chr = chardev_create_short(b->vm.chardevs, text, id, &err);
	if (!chr)
		die(text, &err);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", b->dir, id);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die(addr.sun_path, NULL);
	board_settle(b);
	return fd;
}

int board_net(struct board *b, const char *id)
{
	struct opt_list opts = { 0 };
	struct err err = { 0 };
	char text[100];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		die("socketpair", NULL);
	snprintf(text, sizeof(text), "stream,id=%s,addr.type=fd,addr.str=%d", id, fds[1]);
	if (opt_list_parse(&opts, text, "type", &err) < 0 ||
	    !net_create(b->vm.nets, &opts, &err))
		die(text, &err);
	opt_list_free(&opts);
	close(fds[1]);
	return fds[0];
}

uint32_t board_in(struct board *b, uint16_t port, unsigned size)
{
	uint32_t value = 0;

	vm_lock(&b->vm);
	mem_access(b->vm.mem, MEM_PIO, port, &value, size, false);
	vm_unlock(&b->vm);
	return value;
}

void board_out(struct board *b, uint16_t port, uint32_t value, unsigned size)
{
	vm_lock(&b->vm);
	mem_access(b->vm.mem, MEM_PIO, port, &value, size, true);
	vm_unlock(&b->vm);
}

bool board_irq(struct board *b, unsigned gsi)
{
	return irqchip_test_level(b->vm.irqchip, gsi);
}

unsigned board_edges(struct board *b, unsigned gsi)
{
	return irqchip_test_edges(b->vm.irqchip, gsi);
}

void board_settle(struct board *b)
{
	while (loop_run_once(b->vm.loop, 0))
		;
}

bool board_until(struct board *b, bool (*done)(void *opaque), void *opaque,
                 unsigned timeout_ms)
{
	uint64_t end = loop_now() + timeout_ms * 1000000ull;

	while (!done(opaque)) {
		uint64_t now = loop_now();

		if (now >= end)
			return false;
		loop_run_once(b->vm.loop, (end - now) / 1000000 + 1);
	}
	return true;
}

unsigned board_wakeups(struct board *b, unsigned ms)
{
	uint64_t now = loop_now(), end = now + ms * 1000000ull;
	unsigned count = 0;

	for (; now < end; now = loop_now())
		count += loop_run_once(b->vm.loop, (end - now) / 1000000 + 1);
	return count;
}

size_t board_read(struct board *b, int fd, void *buf, size_t len)
{
	uint64_t end = loop_now() + 60000000000ull;
	size_t done = 0;

	while (done < len && loop_now() < end) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n > 0) {
			done += n;
			continue;
		}
		if (n == 0 || errno != EAGAIN)
			break;
		/* The loop's own descriptors are polled for a moment, then ours. */
		if (!loop_run_once(b->vm.loop, 1))
			poll(&pfd, 1, 1);
	}
	return done;
}

bool board_copy_state(struct device *dev, struct device *other)
{
	const struct state_desc *desc = dev->cls->state;
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };
	size_t used = 0;

	if (state_save(desc, dev, "x", &out, &err) < 0 ||
	    state_load(desc, other, dev->cls->size, "x", out.data, out.len, &used, &err) <
	            0 ||
	    state_compare(desc, dev, other, &err) < 0) {
		tap_diag("%s", err.text);
		return false;
	}
	return used == out.len;
}
