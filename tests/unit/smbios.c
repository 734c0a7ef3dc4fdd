// SPDX-License-Identifier: GPL-2.0-or-later
/* The SMBIOS tables: entry points as a guest's scan finds them, and the structures. */
#include "vmm/machine/smbios.h"
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/strbuf.h"
#include "tests/tap.h"
#include "tests/unit/boot-lib.h"

#include <errno.h>
#include <stdio.h>

static bool sums_to_zero(const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += data[i];
	return !sum;
}

/* The address of the n-th structure of a type, or NULL. Sets *count to all there are and
 * *end to the offset behind the last. */
static const uint8_t *find(const uint8_t *list, size_t len, uint8_t type, unsigned n,
                           unsigned *count, size_t *end)
{
	const uint8_t *found = NULL;
	size_t at = 0;

	*count = 0;
	while (at + 4 <= len) {
		const uint8_t *s = list + at;

		++*count;
		if (s[0] == type && !n--)
			found = s;
		at += s[1];
		while (at + 2 <= len && (list[at] || list[at + 1]))
			at++;
		at += 2;
		if (s[0] == 127)
			break;
	}
	*end = at;
	return found;
}

static const char *string(const uint8_t *s, uint8_t number)
{
	const char *text = (const char *)s + s[1];

	while (--number)
		text += strlen(text) + 1;
	return text;
}

static const uint8_t *find_in(const uint8_t *area, size_t len, uint8_t type)
{
	unsigned count;
	size_t end;

	return find(area + SMBIOS_STRUCTURES, len - SMBIOS_STRUCTURES, type, 0, &count,
	            &end);
}

static int parse(struct smbios_texts **texts, const char *arg)
{
	struct err err = { 0 };

	return smbios_texts_parse(texts, arg, &err);
}

static void test_texts(void)
{
	struct smbios_texts *texts = NULL;
	struct smbios_config cfg = {
		.sockets = 300, .cores = 1, .threads = 1, .low_top = 1 << 24
	};
	struct err err = { 0 };
	_cleanup_free_ uint8_t *area = NULL;
	const uint8_t *s;
	size_t len;

	tap_ok(!parse(&texts, "type=0,vendor=Acme,release=3.7,uefi=on") &&
	               !parse(&texts, "type=1,serial=ds=nocloud;s=http://x/,product=P") &&
	               !parse(&texts, "type=2,asset=tag") &&
	               !parse(&texts, "type=3,sku=S") &&
	               !parse(&texts, "type=4,sock_pfx=Socket,max-speed=2600") &&
	               !parse(&texts, "type=11,value=one,value=two,,three") &&
	               !parse(&texts, "type=17,bank=B,speed=3200"),
	       "-smbios of each type");
	cfg.texts = texts;
	area = smbios_build(&cfg, &len, &err);
	tap_ok(area && len < 65536, "tables with texts");
	if (!area)
		return;
	s = find_in(area, len, 0);
	tap_str(string(s, s[4]), "Acme", "vendor");
	tap_ok(s[20] == 3 && s[21] == 7 && s[19] & 8, "release and UEFI");
	s = find_in(area, len, 1);
	tap_str(string(s, s[7]), "ds=nocloud;s=http://x/", "a serial number with =");
	tap_str(string(s, s[5]), "P", "product");
	tap_str(string(s, s[4]), "kvmkit", "what is not given stays");
	s = find_in(area, len, 2);
	tap_str(s ? string(s, s[8]) : "", "tag", "a base board");
	s = find_in(area, len, 3);
	tap_str(string(s, s[21]), "S", "chassis");
	s = find_in(area, len, 4);
	tap_str(string(s, s[4]), "Socket 0", "sockets are numbered");
	tap_eq(ld16(s + 20), 2600, "their speed");
	s = find_in(area, len, 11);
	tap_ok(s && s[4] == 2, "two strings of type 11");
	tap_str(string(s, 2), "two,three", "the second");
	s = find_in(area, len, 17);
	tap_str(string(s, s[17]), "B", "bank");
	tap_eq(ld16(s + 21), 3200, "speed");
	tap_ok(parse(&texts, "serial=x") < 0 && parse(&texts, "type=9") < 0 &&
	               parse(&texts, "type=1,seria=x") < 0 &&
	               parse(&texts, "type=0,release=1") < 0 &&
	               parse(&texts, "type=11,valu=x") < 0 &&
	               parse(&texts, "type=11,path=/nonexistent") < 0,
	       "what is refused");
	smbios_texts_free(texts);
}

static void test_too_much(void)
{
	struct smbios_texts *texts = NULL;
	struct smbios_config cfg = { .sockets = 300, .cores = 1, .threads = 1 };
	_cleanup_strbuf_ struct strbuf big = { 0 };
	struct err err = { 0 };
	size_t len;

	strbuf_adds(&big, "type=11,value=");
	for (unsigned i = 0; i < SMBIOS_TEXT_MAX; i++)
		strbuf_addc(&big, 'x');
	tap_ok(parse(&texts, big.data) < 0, "more than the tables hold");
	smbios_texts_free(texts);

	/* 256 sockets, each with the same texts. */
	texts = NULL;
	big.len = strlen("type=4,version=");
	memcpy(big.data, "type=4,version=", big.len);
	big.data[1000] = '\0';
	tap_ok(!parse(&texts, big.data), "a long text of processors");
	cfg.texts = texts;
	tap_ok(!smbios_build(&cfg, &len, &err) && err.code == E2BIG, "does not fit");
	smbios_texts_free(texts);
}

int main(void)
{
	static const struct smbios_config cfg = {
		.uuid = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
		          0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01 },
		.sockets = 2,
		.cores = 3,
		.threads = 2,
		.low_top = 0xc0000000,
		.high_size = 5ull << 40,
	};
	struct board board = board_new(2);
	struct err err = { 0 };
	const uint8_t *sm, *sm3, *list, *s;
	unsigned count;
	size_t len, end;

	tap_eq(smbios_write(board.mem, &cfg, &err), 0, "tables are written");
	sm = board_at(&board, LAYOUT_SMBIOS, 32);
	sm3 = board_at(&board, LAYOUT_SMBIOS + 32, 24);
	tap_ok(!memcmp(sm, "_SM_", 4) && sums_to_zero(sm, sm[5]), "entry point of 2.8");
	tap_ok(!memcmp(sm + 16, "_DMI_", 5) && sums_to_zero(sm + 16, 15), "and of DMI");
	tap_ok(!memcmp(sm3, "_SM3_", 5) && sums_to_zero(sm3, sm3[6]),
	       "entry point of 3.0");
	tap_eq(ld64(sm3 + 16), ld32(sm + 24), "both name one list");
	len = ld16(sm + 22);
	tap_eq(ld32(sm3 + 12), len, "of one length");
	list = board_at(&board, ld32(sm + 24), len);
	s = find(list, len, 127, 0, &count, &end);
	tap_ok(s && s[1] == 4, "the list has an end");
	tap_eq(end, len, "which is where its length says");
	tap_eq(count, ld16(sm + 28), "the number of structures");

	s = find(list, len, 1, 0, &count, &end);
	tap_str(string(s, s[4]), "kvmkit", "manufacturer");
	tap_eq(ld32(s + 8), 0x11223344, "UUID: first field");
	tap_eq(ld16(s + 14), 0x7788, "UUID: third field");
	tap_eq(s[16], 0x99, "UUID: the rest in order");
	s = find(list, len, 4, 1, &count, &end);
	tap_str(string(s, s[4]), "CPU 1", "second socket");
	tap_ok(s[35] == 3 && s[37] == 6, "its cores and threads");
	tap_ok(!find(list, len, 4, 2, &count, &end), "no third one");
	s = find(list, len, 17, 0, &count, &end);
	tap_ok(ld16(s + 12) == 0x7fff && ld32(s + 28) == (5 << 20) + 3072,
	       "memory beyond 32 GiB");
	s = find(list, len, 19, 0, &count, &end);
	tap_ok(ld32(s + 4) == 0 && ld32(s + 8) == 0xc0000000 / 1024 - 1, "low range");
	s = find(list, len, 19, 1, &count, &end);
	tap_ok(ld32(s + 4) == UINT32_MAX && ld64(s + 15) == 1ull << 32 &&
	               ld64(s + 23) == (1ull << 32) + (5ull << 40) - 1,
	       "range that needs 64 bits");
	board_free(&board);
	test_texts();
	test_too_much();
	return tap_done();
}
