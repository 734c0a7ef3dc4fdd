// SPDX-License-Identifier: GPL-2.0-or-later
/* A board and the peer of a card, for fuzz targets. */
#include "tests/fuzz/board-lib.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/block.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/net/backend.h"
#include "vmm/pci/pci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROM = 0x1000, ROM_BYTE = 0xa5, HEAD = 64 };

/* ---- the board ---- */

void fuzz_board_init(struct fuzz_board *b, size_t len, size_t cut, uint64_t rom_at)
{
	struct vm *vm = &b->vm;

	if (!getenv("KVMKIT_LOG"))
		log_open("/dev/null", NULL);
	pthread_mutex_init(&vm->lock, NULL);
	vm->loop = loop_new(&vm->lock, NULL);
	vm->mem = mem_new(NULL, NULL);
	vm->irqchip = irqchip_new(NULL, true, NULL);
	b->ram = mem_alloc(len, NULL);
	b->rom = mem_alloc(ROM, NULL);
	require(b->ram && b->rom && pci_bus_new(vm, NULL, NULL, NULL));
	require(!cut || !mem_add_ram(vm->mem, "low", 0, cut, b->ram, false, NULL));
	require(!mem_add_ram(vm->mem, "ram", cut, len - cut, b->ram + cut, false, NULL));
	require(!mem_add_ram(vm->mem, "rom", rom_at, ROM, b->rom, true, NULL));
	memset(b->rom, ROM_BYTE, ROM);
}

void fuzz_check_rom(const struct fuzz_board *b)
{
	for (unsigned i = 0; i < ROM; i++)
		require(b->rom[i] == ROM_BYTE);
}

uint64_t fuzz_access(struct fuzz_board *b, enum mem_space space, uint64_t addr,
                     uint64_t value, unsigned size, bool write)
{
	vm_lock(&b->vm);
	mem_access(b->vm.mem, space, addr, &value, size, write);
	vm_unlock(&b->vm);
	return value;
}

void fuzz_copy_state(struct fuzz_board *b, struct device *dev)
{
	const struct state_desc *desc = dev->cls->state;
	_cleanup_strbuf_ struct strbuf out = { 0 };
	size_t used = 0;

	vm_lock(&b->vm);
	if (dev->cls->quiesce)
		dev->cls->quiesce(dev);
	require(!state_save(desc, dev, dev->path, &out, NULL));
	require(!state_load(desc, dev, dev->cls->size, dev->path, out.data, out.len,
	                    &used, NULL));
	if (dev->cls->resume)
		dev->cls->resume(dev);
	vm_unlock(&b->vm);
}

int fuzz_add_image(struct vm *vm, size_t len, const char *opts)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct opt_list list = { 0 };
	char text[128];

	if (!vm->blocks)
		vm->blocks = block_registry_new(vm->loop);
	require(fd >= 0 && !ftruncate(fd, len));
	snprintf(text, sizeof(text), "/proc/self/fd/%d,format=raw,%s", fd, opts);
	require(!opt_list_parse(&list, text, "file", NULL) &&
	        block_open(vm->blocks, &list, NULL));
	opt_list_free(&list);
	return fd;
}

void fuzz_settle(struct fuzz_board *b)
{
	for (unsigned n = 0; n < 64 && loop_run_once(b->vm.loop, 0); n++)
		;
}

/* ---- the peer ---- */

void fuzz_wire_open(struct fuzz_wire *w, struct fuzz_board *b, bool header)
{
	struct opt_list opts = { 0 };
	char text[100];
	int fds[2];

	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	snprintf(text, sizeof(text), "stream,id=n,addr.type=fd,addr.str=%d", fds[1]);
	b->vm.nets = net_registry_new(b->vm.loop);
	require(!opt_list_parse(&opts, text, "type", NULL));
	w->nd = net_create(b->vm.nets, &opts, NULL);
	opt_list_free(&opts);
	close(fds[1]);
	require(w->nd && !frames_init(&w->peer, fds[0], 0));
	w->nd->header = header;
}

void fuzz_wire_close(struct fuzz_wire *w, struct fuzz_board *b)
{
	net_registry_free(b->vm.nets);
	frames_free(&w->peer);
	close(w->peer.fd);
}

ssize_t fuzz_hear(struct fuzz_wire *w)
{
	ssize_t n = frames_recv(&w->peer, w->frame);

	/* What it says first may be of the time when the socket was read last. */
	return n == -EAGAIN ? frames_recv(&w->peer, w->frame) : n;
}

void fuzz_say_frame(struct fuzz_wire *w, struct fuzz_input *in)
{
	static uint8_t frame[FRAMES_MAX];
	/* Up to the longest, which is a 16th more than 64 KiB. */
	struct iovec iov = { frame, fuzz_take(in, 2) * 17 / 16 };

	memset(frame, fuzz_take(in, 1), HEAD);
	if (iov.iov_len)
		frames_send(&w->peer, &iov, 1);
}

void fuzz_say_bytes(struct fuzz_wire *w, struct fuzz_input *in)
{
	uint8_t bytes[255];
	size_t n = fuzz_take_bytes(in, bytes, fuzz_take(in, 1));

	send(w->peer.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void fuzz_set_link(struct fuzz_wire *w, struct fuzz_board *b, bool up)
{
	vm_lock(&b->vm);
	net_set_link(w->nd, up);
	vm_unlock(&b->vm);
}
