// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shadow RAM on the KVM of this host: a vCPU writes where it may and where it may not,
 * and what it wrote is in the dirty log, also when the slot that saw it is gone. (What
 * reads and writes do without KVM: tests/dev/piix.c.)
 */
#include "tests/tap.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/mem/mem.h"

#include <semaphore.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM       0x10000
#define CODE      0x1000
#define SHADOW    0xc0000
#define STEP_PORT 0x80
#define BOTH      (MEM_SHADOW_READ | MEM_SHADOW_WRITE)

/* Writes to the pages 1, 2 and 3 of the shadow, with a word to the machine after each. */
extern const uint8_t guest_code[], guest_code_end[];
asm(".pushsection .rodata\n"
    ".code16\n"
    "guest_code:\n"
    "	movw $0xc000, %ax\n"
    "	movw %ax, %ds\n"
    "	movb $0x11, (0x1000)\n"
    "	outb %al, $0x80\n"
    "	movb $0x22, (0x2000)\n"
    "	outb %al, $0x80\n"
    "	movb $0x33, (0x3000)\n"
    "	outb %al, $0x80\n"
    "1:	hlt\n"
    "	jmp 1b\n"
    "guest_code_end:\n"
    ".code64\n"
    ".popsection\n");

struct machine {
	struct kvm_vm *kvm;
	struct mem *mem;
	struct irqchip *irqchip;
	struct vcpus *vcpus;
	uint8_t *ram, *shadow;
	unsigned step, exits;
	uint64_t dirty[3]; /* after each step */
	bool failed;
	sem_t ended;
};

static void set_first(struct machine *m, uint8_t first)
{
	uint8_t access[MEM_SHADOW_PARTS];

	memset(access, BOTH, sizeof(access));
	access[0] = first;
	mem_set_shadow(m->mem, access);
}

static void take(struct machine *m)
{
	struct ram_block *block = (struct ram_block *)mem_ram(m->mem, 1);

	if (mem_take_dirty(m->mem, block, &m->dirty[m->step]) < 0)
		m->failed = true;
}

static void on_access(void *opaque, bool pio, uint64_t addr, void *data, unsigned len,
                      unsigned count, bool is_write)
{
	struct machine *m = opaque;

	if (!pio || addr != STEP_PORT) {
		m->exits++;
		mem_access(m->mem, MEM_MMIO, addr, data, len, is_write);
		return;
	}
	switch (m->step) {
	case 0:
		take(m);
		set_first(m, MEM_SHADOW_READ);
		break;
	case 1:
		take(m);
		set_first(m, BOTH);
		break;
	case 2:
		/* Two slots that had the page have come and gone. */
		set_first(m, 0);
		set_first(m, BOTH);
		take(m);
		sem_post(&m->ended);
	}
	m->step++;
}

static void on_event(void *opaque, enum vcpu_event event, const char *reason)
{
	struct machine *m = opaque;

	m->failed = true;
	tap_diag("%s", reason);
	sem_post(&m->ended);
}

static const struct vcpu_ops ops = { .access = on_access, .event = on_event };

static bool init(struct machine *m, struct err *err)
{
	static const uint32_t id = 0;
	struct vcpu_entry entry = { .mode = VCPU_REAL16, .rip = CODE };
	uint64_t size = MEM_SHADOW_PARTS * MEM_SHADOW_PART;

	sem_init(&m->ended, 0, 0);
	m->kvm = kvm_vm_new(NULL, err);
	m->mem = m->kvm ? mem_new(m->kvm, err) : NULL;
	m->ram = m->mem ? mem_alloc(RAM, err) : NULL;
	m->shadow = m->ram ? mem_alloc(size, err) : NULL;
	if (!m->shadow || mem_add_ram(m->mem, "ram", 0, RAM, m->ram, false, err) < 0 ||
	    mem_add_shadow(m->mem, "shadow", SHADOW, m->shadow, BOTH, err) < 0)
		return false;
	m->irqchip = irqchip_new(m->kvm, true, err);
	m->vcpus = m->irqchip ? vcpus_new(m->kvm, 1, &id, &ops, m, err) : NULL;
	if (!m->vcpus)
		return false;
	memcpy(m->ram + CODE, guest_code, guest_code_end - guest_code);
	return vcpus_set_entry(m->vcpus, &entry, err) >= 0;
}

static void release(struct machine *m)
{
	vcpus_free(m->vcpus);
	irqchip_free(m->irqchip);
	mem_free(m->mem);
	kvm_vm_free(m->kvm);
	if (m->ram)
		munmap(m->ram, RAM);
	if (m->shadow)
		munmap(m->shadow, MEM_SHADOW_PARTS * MEM_SHADOW_PART);
	sem_destroy(&m->ended);
}

int main(void)
{
	struct machine m = { 0 };
	struct err err = { 0 };

	if (access("/dev/kvm", R_OK | W_OK) < 0) {
		tap_skip("shadow RAM with vCPUs", "no access to /dev/kvm");
		return tap_done();
	}
	tap_ok(init(&m, &err), "a machine with shadow RAM%s", err.text);
	tap_eq(mem_log_dirty(m.mem, (struct ram_block *)mem_ram(m.mem, 1), true), 0,
	       "whose writes are logged");
	if (!err.code && vcpus_run(m.vcpus, &err) >= 0)
		sem_wait(&m.ended);
	tap_ok(!m.failed && !err.code, "the guest runs to its end%s", err.text);
	tap_eq(m.dirty[0], 1 << 1, "a page that was written");
	tap_eq(m.dirty[1], 0, "a write to a protected page is none");
	tap_eq(m.exits, 1, "and comes to the machine");
	tap_eq(m.dirty[2], 1 << 3, "a page that was written before its slot went away");
	tap_ok(m.shadow[0x1000] == 0x11 && !m.shadow[0x2000] && m.shadow[0x3000] == 0x33,
	       "the RAM has what was allowed");
	release(&m);
	return tap_done();
}
