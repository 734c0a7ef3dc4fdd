// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Both sides describe their machine by the same code, so that the comparison is one of
 * text, and any new property of a device takes part in it. What names a thing of the host
 * (a chardev, a netdev, a ROM file) is left out; a disk shall be the same file: on one
 * host by device and inode, else by its path.
 */
#include "vmm/migrate/config.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "common/version.h"
#include "cpu/cpufeat.h"
#include "vmm/block/block.h"
#include "vmm/core/device.h"
#include "vmm/kvm/cpus.h"
#include "vmm/machine/control.h"
#include "vmm/mem/mem.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#define HOST         "host"
#define FEATURES     "CPU features"
#define OF_DISK      " of disk "
#define FILE_OF      "file" OF_DISK
#define BOOT_SLACK_S 5 /* the clocks of one host drift against each other */

/* ---- describing ---- */

static void add(struct strbuf *out, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* fmt: what it is. Line ends of users' words would make two lines of one. */
static void add(struct strbuf *out, const char *value, const char *fmt, ...)
{
	size_t start = out->len, middle;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(out, fmt, ap);
	va_end(ap);
	middle = out->len;
	strbuf_addf(out, "\n%s", value ? value : "");
	for (size_t i = start; i < out->len && !out->failed; i++)
		if (out->data[i] == '\n' && i != middle)
			out->data[i] = '?';
	strbuf_addc(out, '\n');
}

/* One boot of one host: its name, and when that was. */
static void add_host(struct strbuf *out)
{
	struct timespec now, since;
	struct utsname name;
	char text[sizeof(name.nodename) + 32];

	uname(&name);
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since);
	snprintf(text, sizeof(text), "%lld %s", (long long)(now.tv_sec - since.tv_sec),
	         name.nodename);
	add(out, text, HOST);
}

static void add_cpus(struct pc *pc, struct strbuf *out)
{
	const struct cpu_identity *cpu = pc_cpu_identity(pc);
	char text[9 * CPU_WORDS + 1] = "";

	add(out, cpu->name, "CPU type");
	for (unsigned i = 0; i < CPU_WORDS; i++)
		snprintf(text + strlen(text), 10, "%08x ", cpu->words.w[i]);
	add(out, text, FEATURES);
}

/* Blocks of one name are told apart by their size and order. */
static void add_memory(struct pc *pc, struct strbuf *out)
{
	struct mem *mem = pc_vm(pc)->mem;
	const struct ram_block *block;
	char text[24];

	for (unsigned i = 0, n = 0; (block = mem_ram(mem, i)); i++) {
		if (!block->host)
			continue;
		snprintf(text, sizeof(text), "%llu", (unsigned long long)block->size);
		add(out, text, "memory %u (%s)", n++, block->name);
	}
}

static bool is_of_host(const char *name)
{
	static const char *const names[] = { "chardev", "netdev", "drive", "romfile",
		                             "rng" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void add_device(const struct device *dev, struct strbuf *out)
{
	const struct opt_desc *row = dev->cls->props;

	add(out, dev->cls->name, "device %s", dev->path);
	if (dev->cls->internal)
		return;
	add(out, dev->id, "id of %s", dev->path);
	for (; row && row->name; row++) {
		_cleanup_strbuf_ struct strbuf value = { 0 };

		if (row->type == OPT_ALIAS || is_of_host(row->name))
			continue;
		opts_show(row, dev, &value);
		add(out, value.data, "%s of %s", row->name, dev->path);
	}
}

static void add_disk(const struct block_node *node, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf file = { 0 };
	struct stat st = { 0 };
	struct block_info info;
	char text[80];

	block_get_info(node, &info);
	if (info.below)
		return;
	if (info.path && !stat(info.path, &st) && S_ISBLK(st.st_mode))
		st = (struct stat){ .st_ino = st.st_rdev };
	snprintf(text, sizeof(text), "%llx:%llx ", (unsigned long long)st.st_dev,
	         (unsigned long long)st.st_ino);
	strbuf_adds(&file, text);
	strbuf_adds(&file, info.path ? info.path : "none");
	add(out, file.data, FILE_OF "%s", info.id);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)info.length);
	add(out, text, "size in bytes" OF_DISK "%s", info.id);
	add(out, info.readonly ? "on" : "off", "readonly" OF_DISK "%s", info.id);
	add(out, info.format, "format" OF_DISK "%s", info.id);
}

static void add_cards(struct vm *vm, struct strbuf *out)
{
	for (struct netdev *nd = NULL; (nd = net_next(vm->nets, nd));) {
		const struct net_front *front = net_get_front(nd);
		char text[20];
		const uint8_t *m;

		if (!front || !front->own_mac)
			continue;
		m = front->own_mac;
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
		         m[2], m[3], m[4], m[5]);
		add(out, text, "MAC address of %s", net_card_name(nd));
	}
}

void config_describe(struct pc *pc, struct strbuf *out)
{
	struct vm *vm = pc_vm(pc);
	struct block_node *node = NULL;
	char text[24];

	add(out, KVMKIT_VERSION, "vmm's version");
	add_host(out);
	snprintf(text, sizeof(text), "%u", pc_cpu_count(pc));
	add(out, text, "the number of CPUs");
	add_cpus(pc, out);
	snprintf(text, sizeof(text), "%llu MiB", (unsigned long long)vm->ram_size >> 20);
	add(out, text, "the guest's memory");
	/* What is missing is told in this order: a disk rather than the controller of it,
	 * or a BIOS that is there because of it. */
	while ((node = block_next(vm->blocks, node)))
		add_disk(node, out);
	for (const struct device *dev = vm->devices; dev; dev = dev->next)
		add_device(dev, out);
	add_cards(vm, out);
	add_memory(pc, out);
}

/* ---- comparing ---- */

/* A pair of lines; text is behind it then. */
struct pair {
	const char *what, *value;
	int what_len, value_len;
};

static bool next_pair(const char **text, struct pair *p)
{
	const char *end = strchr(*text, '\n'), *last = end ? strchr(end + 1, '\n') : NULL;

	if (!last)
		return false;
	*p = (struct pair){ *text, end + 1, end - *text, last - end - 1 };
	*text = last + 1;
	return true;
}

static bool same(const char *a, int a_len, const char *b, int b_len)
{
	return a_len == b_len && !memcmp(a, b, a_len);
}

static bool find(const char *text, const struct pair *want, struct pair *found)
{
	while (next_pair(&text, found))
		if (same(want->what, want->what_len, found->what, found->what_len))
			return true;
	return false;
}

static bool is_about(const struct pair *p, const char *what)
{
	return p->what_len >= (int)strlen(what) && !memcmp(p->what, what, strlen(what));
}

static uint64_t number(const char *text, const char *end, bool hex)
{
	char copy[24];
	uint64_t value = 0;

	snprintf(copy, sizeof(copy), "%.*s", (int)(end - text), text);
	if (hex)
		opt_parse_hex(copy, &value);
	else
		opt_parse_u64(copy, &value);
	return value;
}

/* The value's first word ends there. */
static const char *word_end(const struct pair *p)
{
	const char *blank = memchr(p->value, ' ', p->value_len);

	return blank ? blank : p->value + p->value_len;
}

static bool one_host(const char *there, const char *here)
{
	const struct pair host = { .what = HOST, .what_len = strlen(HOST) };
	struct pair a, b;
	uint64_t a_boot, b_boot;
	const char *end_a, *end_b;

	if (!find(there, &host, &a) || !find(here, &host, &b))
		return false;
	end_a = word_end(&a);
	end_b = word_end(&b);
	a_boot = number(a.value, end_a, false);
	b_boot = number(b.value, end_b, false);
	return (a_boot > b_boot ? a_boot - b_boot : b_boot - a_boot) <= BOOT_SLACK_S &&
	       same(end_a, a.value + a.value_len - end_a, end_b,
	            b.value + b.value_len - end_b);
}

static int differ(const struct pair *a, const struct pair *b, struct err *err)
{
	return err_set(
		err, EINVAL,
		"%.*s differs: '%.*s' at the source, '%.*s' here; start both sides "
		"with the same options",
		a->what_len, a->what, a->value_len, a->value, b->value_len, b->value);
}

/* Words of eight digits, each with a blank behind it. */
static int compare_features(const struct pair *a, const struct pair *b, struct err *err)
{
	for (int w = 0; w < CPU_WORDS && 9 * w < a->value_len && 9 * w < b->value_len;
	     w++) {
		const char *pa = a->value + 9 * w, *pb = b->value + 9 * w;
		uint32_t wa = number(pa, pa + 8, true), wb = number(pb, pb + 8, true);
		unsigned bit = wa != wb ? __builtin_ctz(wa ^ wb) : 0;
		const char *name = cpu_feature_name(w * 32 + bit);

		if (wa != wb)
			return err_set(err, EINVAL,
			               "the CPU feature %s is %s; give both sides a -cpu "
			               "that both hosts have",
			               name ? name : "without a name",
			               wb >> bit & 1 ? "here, not at the source"
			                             : "at the source, not here");
	}
	return differ(a, b, err);
}

static int compare_files(const struct pair *a, const struct pair *b, bool one,
                         struct err *err)
{
	const char *wa = word_end(a), *wb = word_end(b);
	int la = a->value + a->value_len - wa, lb = b->value + b->value_len - wb;

	if (one ? same(a->value, wa - a->value, b->value, wb - b->value)
	        : same(wa, la, wb, lb))
		return 0;
	return err_set(err, EINVAL,
	               "%.*s is%.*s at the source and%.*s here, not the same file; both "
	               "sides must have the same disks",
	               a->what_len, a->what, la, wa, lb, wb);
}

static bool is_of_disk(const struct pair *p)
{
	return memmem(p->what, p->what_len, OF_DISK, strlen(OF_DISK));
}

static int compare_pair(const struct pair *a, const struct pair *b, bool one,
                        struct err *err)
{
	if (is_about(a, FILE_OF))
		return compare_files(a, b, one, err);
	if (same(a->value, a->value_len, b->value, b->value_len) || is_about(a, HOST))
		return 0;
	return is_about(a, FEATURES) ? compare_features(a, b, err) : differ(a, b, err);
}

static int missing(const struct pair *p, const char *where, struct err *err)
{
	/* A file's numbers tell a person nothing. */
	const char *from = is_about(p, FILE_OF) ? word_end(p) : p->value;

	from += *from == ' ';
	return err_set(err, EINVAL,
	               "%.*s (%.*s) is %s; start both sides with the same "
	               "options",
	               p->what_len, p->what, (int)(p->value + p->value_len - from), from,
	               where);
}

static int all_in(const char *text, const char *other, bool disks, const char *where,
                  struct err *err)
{
	struct pair a, b;

	while (next_pair(&text, &a))
		if ((disks || !is_of_disk(&a)) && !find(other, &a, &b))
			return missing(&a, where, err);
	return 0;
}

int config_compare(const char *there, const char *here, bool disks, struct err *err)
{
	bool one = one_host(there, here);
	const char *rest = there;
	struct pair a, b;
	int ret = 0;

	/* Values first: a device at another address is one that is missing, too. */
	while (ret >= 0 && next_pair(&rest, &a))
		if ((disks || !is_of_disk(&a)) && find(here, &a, &b))
			ret = compare_pair(&a, &b, one, err);
	if (ret >= 0)
		ret = all_in(there, here, disks, "at the source, not here", err);
	if (ret >= 0)
		ret = all_in(here, there, disks, "here, not at the source", err);
	if (ret >= 0 && (*rest || rest == there))
		ret = err_set(err, EINVAL, "the machine's description is cut");
	return ret;
}
