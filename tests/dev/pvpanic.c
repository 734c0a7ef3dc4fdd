// SPDX-License-Identifier: GPL-2.0-or-later
/* pvpanic as a guest's driver uses it: ask which events are listened to, tell one. */
#include "vmm/legacy/pvpanic.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"

static unsigned tell(struct board *b, uint16_t port, uint8_t event)
{
	b->vm.requests = 0;
	outb(b, port, event);
	return b->vm.requests;
}

int main(void)
{
	struct board b;
	struct err err = { 0 };

	board_init(&b, false);
	tap_eq(pvpanic_port(&b.vm), 0, "a machine without it");
	board_add(&b, &pvpanic_class, "");
	tap_eq(pvpanic_port(&b.vm), 0x505, "the port for the ACPI tables");
	tap_eq(inb(&b, 0x505), 7, "what is listened to");
	tap_eq(tell(&b, 0x505, 1), VM_REQ_PANIC, "a panic");
	tap_eq(tell(&b, 0x505, 2), 0, "a crash that the guest handles");
	tap_eq(tell(&b, 0x505, 4), VM_REQ_SHUTDOWN, "a shutdown");
	tap_eq(tell(&b, 0x505, 0xf8), 0, "events of the future are nothing");
	board_add(&b, &pvpanic_class, "ioport=0x600,events=2");
	tap_eq(inb(&b, 0x600), 2, "events= limits them");
	tap_eq(tell(&b, 0x600, 1), 0, "what was not offered is not acted on");
	tap_ok(!device_create_simple(&b.vm, &pvpanic_class, "events=8", &err),
	       "events= is checked");
	board_free(&b);
	return tap_done();
}
