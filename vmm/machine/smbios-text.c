// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -smbios: one table of keys per type of structure (DMTF DSP0134, chapter 7), with QEMU's
 * names. Main thread, before the tables are built.
 */
#include "vmm/machine/smbios-text.h"

#include "common/cleanup.h"
#include "common/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define ROW(key, kind, field)                                  \
	{                                                      \
		.name = key, .type = kind,                     \
		.offset = offsetof(struct smbios_texts, field) \
	}
#define TEXT(key, which) ROW(key, OPT_STR, text[which])

static const struct opt_desc bios_rows[] = {
	TEXT("vendor", BIOS_VENDOR), TEXT("version", BIOS_VERSION),
	TEXT("date", BIOS_DATE),     ROW("release", OPT_STR, release_text),
	ROW("uefi", OPT_BOOL, uefi), { .name = NULL },
};

static const struct opt_desc system_rows[] = {
	TEXT("manufacturer", SYSTEM_MANUFACTURER),
	TEXT("product", SYSTEM_PRODUCT),
	TEXT("version", SYSTEM_VERSION),
	TEXT("serial", SYSTEM_SERIAL),
	TEXT("sku", SYSTEM_SKU),
	TEXT("family", SYSTEM_FAMILY),
	ROW("uuid", OPT_STR, uuid),
	{ .name = NULL },
};

static const struct opt_desc board_rows[] = {
	TEXT("manufacturer", BOARD_MANUFACTURER),
	TEXT("product", BOARD_PRODUCT),
	TEXT("version", BOARD_VERSION),
	TEXT("serial", BOARD_SERIAL),
	TEXT("asset", BOARD_ASSET),
	TEXT("location", BOARD_LOCATION),
	{ .name = NULL },
};

static const struct opt_desc chassis_rows[] = {
	TEXT("manufacturer", CHASSIS_MANUFACTURER),
	TEXT("version", CHASSIS_VERSION),
	TEXT("serial", CHASSIS_SERIAL),
	TEXT("asset", CHASSIS_ASSET),
	TEXT("sku", CHASSIS_SKU),
	{ .name = NULL },
};

static const struct opt_desc cpu_rows[] = {
	TEXT("sock_pfx", CPU_SOCKET),
	TEXT("manufacturer", CPU_MANUFACTURER),
	TEXT("version", CPU_VERSION),
	TEXT("serial", CPU_SERIAL),
	TEXT("asset", CPU_ASSET),
	TEXT("part", CPU_PART),
	ROW("max-speed", OPT_U16, max_speed),
	ROW("current-speed", OPT_U16, current_speed),
	{ .name = NULL },
};

static const struct opt_desc memory_rows[] = {
	TEXT("loc_pfx", MEMORY_LOCATION),
	TEXT("bank", MEMORY_BANK),
	TEXT("manufacturer", MEMORY_MANUFACTURER),
	TEXT("serial", MEMORY_SERIAL),
	TEXT("asset", MEMORY_ASSET),
	TEXT("part", MEMORY_PART),
	ROW("speed", OPT_U16, memory_speed),
	{ .name = NULL },
};

static const struct {
	const char *type;
	const struct opt_desc *rows;
} types[] = {
	{ "0", bios_rows },    { "1", system_rows }, { "2", board_rows },
	{ "3", chassis_rows }, { "4", cpu_rows },    { "17", memory_rows },
};

/* ---- type 11: any number of strings, given or in files ---- */

static int add_oem(struct smbios_texts *texts, const struct opt *opt, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int ret;

	if (!strcmp(opt->key, "value"))
		return str_list_add(&texts->oem, opt->value) < 0
		               ? err_sys(err, ENOMEM, "value")
		               : 0;
	if (strcmp(opt->key, "path"))
		return err_usage(err, "type=11 has the keys value= and path=, not '%s'",
		                 opt->key);
	ret = fd_read_file(AT_FDCWD, opt->value, SMBIOS_TEXT_MAX, &text, NULL);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", opt->value);
	return str_list_add(&texts->oem, text) < 0 ? err_sys(err, ENOMEM, "path") : 0;
}

static int parse_type(struct smbios_texts *texts, struct opt_list *list, struct err *err)
{
	const char *type = opt_list_take(list, "type");
	int ret = 0;

	if (!type)
		return err_usage(err,
		                 "type= is missing: 0, 1, 2, 3, 4, 11 or 17; tables from "
		                 "files are not supported");
	texts->board |= !strcmp(type, "2");
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].type, type))
			return opts_apply(types[i].rows, list, texts, NULL, err);
	if (strcmp(type, "11"))
		return err_usage(err,
		                 "type=%s is not supported; 0, 1, 2, 3, 4, 11 and 17 are",
		                 type);
	for (unsigned i = 0; i < list->count && ret >= 0; i++)
		if (!list->opts[i].used)
			ret = add_oem(texts, &list->opts[i], err);
	return ret;
}

/* "MAJOR.MINOR" */
static int parse_release(struct smbios_texts *texts, struct err *err)
{
	const char *text = texts->release_text, *dot = strchr(text, '.');
	_cleanup_free_ char *major = strndup(text, strcspn(text, "."));
	uint64_t a, b;

	if (!major || !dot || opt_parse_u64(major, &a) < 0 ||
	    opt_parse_u64(dot + 1, &b) < 0 || a > UINT8_MAX || b > UINT8_MAX)
		return err_usage(err, "release=%s is no MAJOR.MINOR", text);
	texts->release[0] = a;
	texts->release[1] = b;
	return 0;
}

static int check(struct smbios_texts *texts, struct err *err)
{
	size_t total = 0;

	for (unsigned i = 0; i < SMBIOS_TEXTS; i++)
		total += texts->text[i] ? strlen(texts->text[i]) + 1 : 0;
	for (unsigned i = 0; i < texts->oem.count; i++)
		total += strlen(texts->oem.items[i]) + 1;
	if (texts->oem.count > UINT8_MAX)
		return err_usage(err, "more than %d strings of type 11", UINT8_MAX);
	if (total > SMBIOS_TEXT_MAX)
		return err_usage(err, "more than %d bytes of text", SMBIOS_TEXT_MAX);
	texts->bytes = total;
	return texts->release_text ? parse_release(texts, err) : 0;
}

int smbios_texts_parse(struct smbios_texts **texts, const char *arg, struct err *err)
{
	struct opt_list list = { 0 };
	int ret = opt_list_parse(&list, arg, NULL, err);

	if (!*texts && !(*texts = calloc(1, sizeof(**texts))))
		ret = err_sys(err, ENOMEM, "texts");
	if (ret >= 0)
		ret = parse_type(*texts, &list, err);
	opt_list_free(&list);
	return ret < 0 ? ret : check(*texts, err);
}

void smbios_texts_free(struct smbios_texts *texts)
{
	if (!texts)
		return;
	for (unsigned i = 0; i < SMBIOS_TEXTS; i++)
		free(texts->text[i]);
	free(texts->release_text);
	free(texts->uuid);
	str_list_free(&texts->oem);
	free(texts);
}
