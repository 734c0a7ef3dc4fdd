// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Comparing hosts. A guest keeps the CPUID that it was started with, so it can move to a
 * host whose KVM offers every feature that the guest got: what its model asks for, and
 * its first host has. Vendors do not mix (VMCALL and VMMCALL, and much that no feature
 * bit tells). Reports are files of others: every value is checked when it is read, and
 * printed text passes through the report's filter of control characters.
 */
#include "probe/compat.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "probe/cpu.h"
#include "probe/decide.h"
#include "probe/factfield.h"
#include "probe/kvmcap.h"
#include "probe/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { REPORT_MAX = 1 << 20, TSC_TOLERANCE_PPM = 250 };

/* ---- reading ---- */

static int load_object(const json_t *object, struct facts *facts, struct err *err)
{
	const json_t *version = json_object_get(object, "version");
	const json_t *part = json_object_get(object, "facts");

	if (!json_is_integer(version) || json_integer_value(version) != REPORT_VERSION ||
	    !json_is_object(part))
		return err_set(
			err, EPROTO,
			"is no report of version %d; write one with: kvm-check --json",
			REPORT_VERSION);
	return facts_from_json(facts, part, true, err);
}

int compat_load(const char *path, struct facts *facts, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t where;
	json_t *object;
	int ret = fd_read_file(AT_FDCWD, path, REPORT_MAX, &text, NULL);

	if (ret < 0)
		return err_sys(err, -ret, "cannot read the report %s", path);
	memset(facts, 0, sizeof(*facts));
	kvm_facts_init(&facts->kvm);
	object = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	if (!object)
		return err_set(err, EINVAL, "the report %s, line %d: %s", path,
		               where.line, where.text);
	ret = load_object(object, facts, err);
	json_decref(object);
	if (ret < 0)
		err_prefix(err, "the report %s", path);
	return ret;
}

/* ---- models ---- */

static void model_words(const struct cpu_model *model, struct cpu_words *words)
{
	struct cpu_model_data data;

	cpu_model_resolve(model, &data);
	*words = data.words;
	cpu_model_trim(words);
	cpu_words_settle(words, NULL);
}

static bool any(const struct cpu_words *words)
{
	for (unsigned i = 0; i < CPU_WORDS; i++)
		if (words->w[i])
			return true;
	return false;
}

bool compat_model_fits(const struct facts *f, const struct cpu_model *model)
{
	struct cpu_words words;

	if (model->kind != CPU_KIND_NAMED || f->kvm.features_err)
		return false;
	model_words(model, &words);
	cpu_words_andnot(&words, &f->kvm.features);
	return !any(&words);
}

static bool same_vendor(const struct facts *f, const struct cpu_model *model)
{
	struct cpu_model_data data;

	cpu_model_resolve(model, &data);
	return !strcmp(cpu_vendor_name(data.vendor), f->cpu.vendor);
}

static unsigned count(const struct cpu_model *model)
{
	struct cpu_words words;
	unsigned bits = 0;

	model_words(model, &words);
	for (unsigned i = 0; i < CPU_WORDS; i++)
		bits += __builtin_popcount(words.w[i]);
	return bits;
}

/* Of the complete ones, that with most features; the later row of equals. */
const struct cpu_model *compat_common_model(const struct facts *a, const struct facts *b)
{
	const struct cpu_model *best = NULL;

	for (const struct cpu_model *m = cpu_models; m->name; m++)
		if (compat_model_fits(a, m) && compat_model_fits(b, m) &&
		    same_vendor(a, m) && (!best || count(m) >= count(best)))
			best = m;
	return best;
}

const struct cpu_model *compat_best_model(const struct facts *f)
{
	return compat_common_model(f, f);
}

/* ---- moving a guest ---- */

/* What the guest got on its first host. */
static void guest_words(const struct facts *from, const struct cpu_config *config,
                        struct cpu_words *words)
{
	if (config->model->kind == CPU_KIND_NAMED)
		model_words(config->model, words);
	else
		*words = from->kvm.features;
	cpu_words_or(words, &config->on);
	cpu_words_andnot(words, &config->off);
	cpu_words_and(words, &from->kvm.features);
	cpu_words_settle(words, NULL);
}

static unsigned list_missing(const struct cpu_words *words, struct strbuf *out)
{
	unsigned n = 0;

	for (unsigned f = 0; f < CPU_WORDS * 32; f++) {
		/* A bit without a name is shown to guests of -cpu host only by request.
		 */
		if (!cpu_has(words, f) || !cpu_feature_name(f))
			continue;
		strbuf_adds(out, "  lacks ");
		cpu_feature_describe(f, out);
		strbuf_addc(out, '\n');
		n++;
	}
	return n;
}

/* The rates differ by more than a guest's clock corrects, and KVM cannot scale. */
static bool tsc_stops(const struct facts *from, const struct facts *to)
{
	uint64_t a = from->kvm.tsc_khz, b = to->kvm.tsc_khz;
	uint64_t apart = a > b ? a - b : b - a;

	return a && b && apart * 1000000 > b * TSC_TOLERANCE_PPM &&
	       !kvm_cap_of(&to->kvm, "TSC_CONTROL");
}

static unsigned other_stops(const struct facts *from, const struct facts *to,
                            const struct cpu_config *config, struct strbuf *out)
{
	bool host_like = config->model->kind != CPU_KIND_NAMED;
	unsigned n = 0;

	if (strcmp(from->cpu.vendor, to->cpu.vendor)) {
		strbuf_addf(out, "  the vendors differ: %s and %s\n", from->cpu.vendor,
		            to->cpu.vendor);
		n++;
	}
	if (host_like && from->cpu.phys_bits > to->cpu.phys_bits && to->cpu.phys_bits) {
		strbuf_addf(out, "  physical addresses have %u bits instead of %u\n",
		            to->cpu.phys_bits, from->cpu.phys_bits);
		n++;
	}
	if (tsc_stops(from, to)) {
		strbuf_addf(out,
		            "  the TSC runs at %u kHz instead of %u, without scaling\n",
		            to->kvm.tsc_khz, from->kvm.tsc_khz);
		n++;
	}
	if (!kvm_works(to)) {
		strbuf_adds(out, "  KVM does not work there\n");
		n++;
	}
	return n;
}

int compat_migrate(const struct facts *from, const struct facts *to, const char *text,
                   struct strbuf *out, struct err *err)
{
	_cleanup_strbuf_ struct strbuf why = { 0 };
	const char *name = text ? text : CPU_DEFAULT_MODEL;
	struct cpu_config config;
	struct cpu_words missing;
	unsigned stops;
	int ret;

	cpu_config_init(&config);
	ret = cpu_config_parse(&config, name, err);
	if (!ret && (from->kvm.features_err || to->kvm.features_err)) {
		strbuf_adds(out,
		            "unknown: a report was made without access to /dev/kvm\n");
		ret = COMPAT_UNKNOWN;
	} else if (!ret) {
		guest_words(from, &config, &missing);
		cpu_words_andnot(&missing, &to->kvm.features);
		stops = list_missing(&missing, &why) +
		        other_stops(from, to, &config, &why);
		if (stops)
			strbuf_addf(out, "no, %u things stop it:\n%s", stops,
			            why.data ? why.data : "");
		else
			strbuf_adds(out, "yes\n");
		ret = stops ? COMPAT_NO : COMPAT_YES;
	}
	cpu_config_free(&config);
	return ret;
}

/* ---- what differs ---- */

/* Differs between two reports of one host. */
static bool is_momentary(const char *section, const char *key)
{
	static const struct {
		const char *section, *key;
	} rows[] = {
		{ "host", "boot_id" },        { "host", "live" },
		{ "memory", "available" },    { "memory", "committed" },
		{ "memory", "ksm_sharing" },  { "memory", "huge_2m_free" },
		{ "memory", "huge_1g_free" }, { "kvm", "tsc_khz" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(section, rows[i].section) && !strcmp(key, rows[i].key))
			return true;
	return !strcmp(section, "trial") && strcmp(key, "state");
}

static unsigned diff_section(const char *name, const json_t *a, const json_t *b,
                             struct strbuf *out)
{
	unsigned n = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)a, key, value)
	{
		const json_t *other = json_object_get(b, key);
		_cleanup_free_ char *left = NULL, *right = NULL;

		if (is_momentary(name, key) || json_equal(value, other))
			continue;
		if (json_is_object(value)) {
			n += diff_section(key, value, other, out);
			continue;
		}
		n++;
		left = json_dumps(value, JSON_ENCODE_ANY);
		right = json_dumps(other, JSON_ENCODE_ANY);
		strbuf_addf(out, "%s.%s: %s | %s\n", name, key, left ? left : "",
		            right ? right : "");
	}
	return n;
}

unsigned compat_diff(const struct facts *a, const struct facts *b, struct strbuf *out)
{
	json_t *left = facts_to_json(a), *right = facts_to_json(b);
	unsigned n = 0;
	const char *section;
	json_t *value;

	json_object_foreach(left, section, value)
	{
		n += diff_section(section, value, json_object_get(right, section), out);
	}
	json_decref(left);
	json_decref(right);
	return n;
}
