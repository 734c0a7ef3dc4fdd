// SPDX-License-Identifier: GPL-2.0-or-later
/* The ACPI tables as a guest finds them, then as ACPICA's disassembler reads them. */
#include "vmm/machine/acpi.h"
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "tests/tap.h"
#include "tests/unit/boot-lib.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct acpi_config plain = {
	.apic_ids = (const uint32_t[]){ 0, 1, 2, 4 },
	.cpu_count = 4,
	.serial_ports = 0x3,
	.pvpanic_port = 0x505,
	.pci32 = 0x80000000,
	.pci64 = { 0x6000000000, 0x2000000000 },
};

static bool sums_to_zero(const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += data[i];
	return !sum;
}

/* The table of that signature in the XSDT. */
static uint8_t *find(struct board *board, const char *signature)
{
	uint8_t *rsdp = board_at(board, LAYOUT_ACPI, 36);
	uint8_t *xsdt = board_at(board, ld64(rsdp + 24), 36);

	for (uint32_t at = 36; at < ld32(xsdt + 4); at += 8) {
		uint8_t *t = board_at(board, ld64(xsdt + at), 36);

		if (t && !memcmp(t, signature, 4))
			return t;
	}
	return NULL;
}

static void write_tables(struct board *board, const struct acpi_config *cfg)
{
	struct err err = { 0 };
	uint64_t rsdp = 0;

	tap_eq(acpi_write(board->mem, cfg, &rsdp, &err), 0, "tables are written");
	tap_eq(rsdp, LAYOUT_ACPI, "the RSDP is where scans find it");
}

static void test_structure(struct board *board)
{
	uint8_t *rsdp = board_at(board, LAYOUT_ACPI, 36), *xsdt, *rsdt;
	bool same = true, sums = true;

	tap_ok(!memcmp(rsdp, "RSD PTR ", 8) && rsdp[15] == 2, "RSDP of ACPI 2");
	tap_ok(sums_to_zero(rsdp, 20) && sums_to_zero(rsdp, 36), "both its checksums");
	xsdt = board_at(board, ld64(rsdp + 24), 36);
	rsdt = board_at(board, ld32(rsdp + 16), 36);
	tap_eq(ld32(xsdt + 4), 36 + 3 * 8, "the XSDT lists three tables");
	for (unsigned i = 0; i < 3; i++) {
		uint64_t gpa = ld64(xsdt + 36 + i * 8);
		uint8_t *t = board_at(board, gpa, 36);

		same &= ld32(rsdt + 36 + i * 4) == gpa;
		sums &= sums_to_zero(t, ld32(t + 4));
	}
	tap_ok(same, "the RSDT lists the same");
	tap_ok(sums, "their checksums");
	tap_ok(sums_to_zero(xsdt, ld32(xsdt + 4)) && sums_to_zero(rsdt, ld32(rsdt + 4)),
	       "and the roots'");
}

static void test_fadt(struct board *board)
{
	uint8_t *t = find(board, "FACP"), *dsdt, *facs;

	tap_eq(ld32(t + 4), 276, "FADT of revision 6");
	dsdt = board_at(board, ld32(t + 40), 36);
	facs = board_at(board, ld32(t + 36), 64);
	tap_ok(!memcmp(dsdt, "DSDT", 4) && sums_to_zero(dsdt, ld32(dsdt + 4)), "DSDT");
	tap_eq(ld64(t + 140), ld32(t + 40), "X_DSDT is the same");
	tap_ok(!memcmp(facs, "FACS", 4) && !(ld32(t + 36) % 64), "FACS, 64-byte aligned");
	tap_eq(ld16(t + 46), 9, "SCI");
	tap_eq(ld32(t + 64), 0x604, "PM1 control");
	tap_eq(ld64(t + 172 + 4), 0x604, "and in the extended form");
	tap_eq(ld32(t + 76), 0x608, "PM timer");
	tap_eq(ld32(t + 80), 0xafe0, "GPE0");
	tap_ok(t[116] == 1 && ld64(t + 120) == 0xcf9 && t[128] == 6, "reset register");
	tap_eq(ld16(t + 109), 5, "no keyboard controller, no VGA");
	tap_eq(ld32(t + 112) & 0x10, 0, "the power button is a fixed one");
}

struct madt_counts {
	unsigned lapic, x2apic, ioapic, overrides, nmi, x2nmi;
	bool whole;
};

static struct madt_counts count_madt(const uint8_t *t)
{
	struct madt_counts c = { 0 };
	uint32_t at = 44, end = ld32(t + 4);

	while (at + 2 <= end && t[at + 1]) {
		c.lapic += t[at] == 0 && (t[at + 4] & 1);
		c.ioapic += t[at] == 1;
		c.overrides += t[at] == 2;
		c.nmi += t[at] == 4;
		c.x2apic += t[at] == 9 && (t[at + 8] & 1);
		c.x2nmi += t[at] == 10;
		at += t[at + 1];
	}
	c.whole = at == end;
	return c;
}

static void test_madt(struct board *board)
{
	const uint8_t *t = find(board, "APIC");
	struct madt_counts c = count_madt(t);
	uint32_t ids[300];
	struct acpi_config many = plain;

	tap_ok(c.whole && c.lapic == 4 && c.ioapic == 1 && c.overrides == 5 &&
	               c.nmi == 1 && !c.x2apic && !c.x2nmi,
	       "MADT: 4 CPUs, an IOAPIC, 5 overrides, the NMI");
	tap_ok(t[44 + 3 * 8 + 3] == 4, "the fourth CPU's APIC ID is as given");

	for (unsigned i = 0; i < 300; i++)
		ids[i] = i;
	many.apic_ids = ids;
	many.cpu_count = 300;
	write_tables(board, &many);
	t = find(board, "APIC");
	c = count_madt(t);
	tap_ok(c.whole && c.lapic == 255 && c.x2apic == 45 && c.x2nmi == 1,
	       "MADT: IDs from 255 on are x2APIC entries");
	tap_ok(sums_to_zero(t, ld32(t + 4)), "its checksum");
}

static void test_limit(struct board *board)
{
	struct acpi_config many = plain;
	_cleanup_free_ uint32_t *ids = calloc(5000, sizeof(*ids));
	struct err err = { 0 };
	uint64_t rsdp;

	many.apic_ids = ids;
	many.cpu_count = 1024;
	tap_eq(acpi_write(board->mem, &many, &rsdp, &err), 0, "1024 vCPUs fit");
	many.cpu_count = 5000;
	tap_ok(acpi_write(board->mem, &many, &rsdp, &err) < 0, "5000 do not");
	tap_has(err.text, "-smp", "and the sentence names the option");
}

/* Runs iasl in the test's folder; what it printed, or NULL when there is no iasl. */
static char *iasl(const char *option, const char *argument)
{
	char *argv[] = { "iasl", (char *)option, (char *)argument, NULL };
	const char *said = file_make("iasl.txt", "", 0);
	posix_spawn_file_actions_t actions;
	char *text = NULL;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, said, O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (!posix_spawnp(&pid, "iasl", &actions, NULL, argv, environ)) {
		waitpid(pid, NULL, 0);
		fd_read_file(AT_FDCWD, said, 1 << 20, &text, NULL);
	}
	posix_spawn_file_actions_destroy(&actions);
	return text;
}

/* Disassembles one table into table.dsl. */
static void check_table(const uint8_t *table, const char *name)
{
	const char *file = file_make("table.dat", table, ld32(table + 4));
	_cleanup_free_ char *said = iasl("-d", file);

	if (!tap_ok(said && !strstr(said, "rror") && !strstr(said, "arning") &&
	                    (strstr(said, "ASL Output") || strstr(said, "Formatted")),
	            "iasl reads the %s without complaint", name))
		tap_diag("%s", said ? said : "(nothing)");
}

static void test_iasl(struct board *board)
{
	static const char *const tables[] = { "FACP", "APIC", "WAET" };
	const char *dsl = file_make("table.dsl", "", 0);
	_cleanup_free_ char *text = NULL;

	write_tables(board, &plain);
	for (unsigned i = 0; i < 3; i++)
		check_table(find(board, tables[i]), tables[i]);
	check_table(board_at(board, ld32(find(board, "FACP") + 40), 36), "DSDT");
	fd_read_file(AT_FDCWD, dsl, 1 << 20, &text, NULL);
	tap_has(text, "Name (P64B, 0x0000006000000000)", "the 64-bit window's base");
	tap_has(text, "Name (P32B, 0x80000000)", "the 32-bit window's base");
	tap_has(text, "Name (P64S, 0x0000002000000000)", "its size");
	tap_has(text, "Name (COMS, 0x03)", "two serial ports");
	tap_has(text, "Name (KBDS, 0x00)", "no keyboard");
	tap_has(text, "Name (PVPP, 0x0505)", "the port of the panic device");
	tap_has(text, "Name (_S5, Package (0x04)", "soft off");
}

/* Slots whose functions stay have no method to eject them. */
static void test_hotplug(struct board *board, bool have_iasl)
{
	struct acpi_config cfg = plain;
	const char *dsl = file_make("table.dsl", "", 0);
	_cleanup_free_ char *text = NULL;
	unsigned ejectable = 0;

	tap_ok(!find(board, "SSDT"), "no SSDT without hot-plug");
	cfg.hotplug = true;
	cfg.fixed_slots = 1 << 0 | 1 << 1 | 1 << 2 | 1u << 31;
	write_tables(board, &cfg);
	tap_ok(find(board, "SSDT") != NULL, "an SSDT with it");
	if (!have_iasl)
		return;
	check_table(find(board, "SSDT"), "SSDT");
	fd_read_file(AT_FDCWD, dsl, 1 << 20, &text, NULL);
	for (const char *p = text; p && (p = strstr(p, "Method (_EJ0")); p++)
		ejectable++;
	tap_eq(ejectable, 28, "28 slots can be emptied");
	tap_has(text, "Notify (S1F", "each can be told of");
	tap_has(text, "Method (_E01", "by event 1");
}

int main(void)
{
	struct board board = board_new(2);
	_cleanup_free_ char *version = iasl("-v", NULL);

	write_tables(&board, &plain);
	test_structure(&board);
	test_fadt(&board);
	test_madt(&board);
	test_limit(&board);
	if (version)
		test_iasl(&board);
	else
		tap_skip("iasl reads the tables", "iasl is not installed");
	test_hotplug(&board, version);
	file_remove_all();
	board_free(&board);
	return tap_done();
}
