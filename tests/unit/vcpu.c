// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pausing vCPUs between the exits of one instruction, on the KVM of this host: whatever
 * the moment, each access reaches the machine once and in order.
 *
 * The guest's thread waits inside an access until it was kicked, so that the pause falls
 * exactly there.
 */
#include "vmm/kvm/vcpu.h"
#include "tests/tap.h"

#include "vmm/kvm/irqchip.h"
#include "vmm/kvm/kvm.h"
#include "vmm/mem/mem.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM      0x10000
#define CODE     0x1000
#define TEXT     0x2000
#define END_PORT 0xf4

/* Prints 16 bytes with one instruction, then writes a word over a page boundary of
 * memory where nothing is, then ends. */
extern const uint8_t guest_code[], guest_code_end[];
asm(".pushsection .rodata\n"
    ".code16\n"
    "guest_code:\n"
    "	cld\n"
    "	movw $0x2000, %si\n"
    "	movw $16, %cx\n"
    "	movw $0x3f8, %dx\n"
    "	rep outsb\n"
    "	movw $0xa000, %ax\n"
    "	movw %ax, %ds\n"
    "	movw $0x1234, %ax\n"
    "	movw %ax, (0x0fff)\n"
    "	outb %al, $0xf4\n"
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
	uint8_t *ram;
	atomic_bool armed; /* the next access waits for a pause */
	sem_t inside;      /* an access is waiting, or the guest has ended */
	atomic_bool ended;
	char log[256]; /* what was written where */
	size_t len;
};

/* Until the kick that vcpus_pause() sends. */
static void wait_for_kick(struct machine *m)
{
	sigset_t kick, old;

	sigemptyset(&kick);
	sigaddset(&kick, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &kick, &old);
	sem_post(&m->inside);
	sigsuspend(&old);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void on_access(void *opaque, bool pio, uint64_t addr, void *data, unsigned len,
                      unsigned count, bool is_write)
{
	struct machine *m = opaque;

	if (pio && addr == END_PORT) {
		m->ended = true;
		sem_post(&m->inside);
		return;
	}
	if (pio)
		m->len += snprintf(m->log + m->len, sizeof(m->log) - m->len, "%.*s",
		                   (int)(count * len), (char *)data);
	else
		m->len += snprintf(m->log + m->len, sizeof(m->log) - m->len,
		                   " %llx=%02x/%u", (unsigned long long)addr,
		                   *(uint8_t *)data, len);
	if (atomic_exchange(&m->armed, false))
		wait_for_kick(m);
}

static void on_event(void *opaque, enum vcpu_event event, const char *reason)
{
	tap_diag("%s", reason);
}

static const struct vcpu_ops ops = { .access = on_access, .event = on_event };

static bool init(struct machine *m, struct err *err)
{
	static const uint32_t id = 0;
	struct vcpu_entry entry = { .mode = VCPU_REAL16, .rip = CODE };

	*m = (struct machine){ 0 };
	sem_init(&m->inside, 0, 0);
	m->kvm = kvm_vm_new(NULL, err);
	m->mem = m->kvm ? mem_new(m->kvm, err) : NULL;
	m->ram = m->mem ? mem_alloc(RAM, err) : NULL;
	if (!m->ram || mem_add_ram(m->mem, "ram", 0, RAM, m->ram, false, err) < 0)
		return false;
	m->irqchip = irqchip_new(m->kvm, true, err);
	m->vcpus = m->irqchip ? vcpus_new(m->kvm, 1, &id, &ops, m, err) : NULL;
	if (!m->vcpus)
		return false;
	memcpy(m->ram + CODE, guest_code, guest_code_end - guest_code);
	memcpy(m->ram + TEXT, "0123456789abcdef", 16);
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
	sem_destroy(&m->inside);
}

/* Pauses inside every access that it can. The number of pauses, or -1. */
static int run(struct machine *m, bool pause, struct err *err)
{
	int pauses = 0;

	while (!m->ended) {
		m->armed = pause;
		if (vcpus_run(m->vcpus, err) < 0)
			return -1;
		sem_wait(&m->inside);
		vcpus_pause(m->vcpus);
		pauses++;
	}
	return pauses;
}

static void test(bool pause, const char *want, const char *what)
{
	struct machine m;
	struct err err = { 0 };
	int pauses = init(&m, &err) ? run(&m, pause, &err) : -1;

	if (pauses < 0)
		tap_diag("%s", err.text);
	tap_str(m.log, want, "%s", what);
	if (pause)
		tap_ok(pauses > 2, "%d pauses", pauses);
	release(&m);
}

int main(void)
{
	struct machine m;
	struct err err = { 0 };
	char want[sizeof(m.log)];

	if (access("/dev/kvm", R_OK | W_OK))
		tap_skip_all("no access to /dev/kvm");
	tap_ok(init(&m, &err) && run(&m, false, &err) == 1, "the guest runs");
	snprintf(want, sizeof(want), "%s", m.log);
	release(&m);
	tap_str(want, "0123456789abcdef a0fff=34/1 a1000=12/1", "without a pause");
	test(true, want, "with a pause inside each access");
	return tap_done();
}
