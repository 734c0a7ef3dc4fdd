// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding and resolving CPU models, and the text of the -cpu option.
 *
 * The text comes from the user: words are bounded, everything unknown is refused with the
 * nearest name. What KVM can give is not known here; vmm/kvm/cpuid.c compares. Main
 * thread.
 */
#include "cpu/cpumodel.h"

#include "common/cleanup.h"

#include <stddef.h>
#include <string.h>

#define ROW(field, key, kind, text, ...)                                    \
	{                                                                   \
		.name = key, .type = kind, .help = text,                    \
		.offset = offsetof(struct cpu_config, field), ##__VA_ARGS__ \
	}

const struct opt_desc cpu_properties[] = {
	ROW(check, "check", OPT_BOOL, "name each feature that KVM cannot give",
	    .def = "on"),
	ROW(enforce, "enforce", OPT_BOOL, "refuse to start without such a feature",
	    .def = "off"),
	ROW(kvm, "kvm", OPT_BOOL, "let the guest see that it runs on KVM", .def = "on"),
	ROW(migratable, "migratable", OPT_TRI,
	    "of host: leave out what ties a guest to this machine; auto keeps invtsc",
	    .def = "auto"),
	ROW(pmu, "pmu", OPT_TRI, "performance counters; auto: for host and max",
	    .def = "auto"),
	ROW(host_phys_bits, "host-phys-bits", OPT_TRI,
	    "physical address width of the host; auto: for host and max", .def = "auto"),
	ROW(host_phys_bits_limit, "host-phys-bits-limit", OPT_U32,
	    "at most this width; 0: no limit", .def = "0", .max = 52),
	ROW(phys_bits, "phys-bits", OPT_U32,
	    "physical address width, 32 to 52; 0: the model's", .def = "0", .max = 52),
	ROW(host_cache_info, "host-cache-info", OPT_TRI,
	    "describe the host's caches; auto: for host and max", .def = "auto"),
	ROW(l3_cache, "l3-cache", OPT_BOOL, "describe a level 3 cache", .def = "on"),
	ROW(cpuid_0xb, "cpuid-0xb", OPT_BOOL, "topology in leaf 0BH", .def = "on"),
	ROW(frequency_leaf, "vmware-cpuid-freq", OPT_BOOL,
	    "TSC and APIC frequency in leaf 40000010H", .def = "on"),
	ROW(level, "level", OPT_U32, "highest basic leaf"),
	ROW(xlevel, "xlevel", OPT_U32, "highest extended leaf"),
	ROW(family, "family", OPT_U32, "family, extended part included", .max = 270),
	ROW(number, "model", OPT_U32, "model number, extended part included", .max = 255),
	ROW(stepping, "stepping", OPT_U32, "stepping", .max = 15),
	ROW(vendor, "vendor", OPT_STR, "twelve letters; default: the host's"),
	ROW(model_id, "model-id", OPT_STR, "processor name, up to 48 bytes"),
	ROW(tsc_hz, "tsc-frequency", OPT_U64, "TSC frequency in Hz; 0: the host's",
	    .def = "0"),
	OPT_ALIAS_ROW("tsc-freq", "tsc-frequency"),
	{ 0 },
};

static const struct {
	const char *name, *letters;
} vendors[] = {
	[CPU_VENDOR_NONE] = { "", "" },
	[CPU_VENDOR_INTEL] = { "Intel", "GenuineIntel" },
	[CPU_VENDOR_AMD] = { "AMD", "AuthenticAMD" },
	[CPU_VENDOR_HYGON] = { "Hygon", "HygonGenuine" },
};

const char *cpu_vendor_name(enum cpu_vendor vendor)
{
	return vendors[vendor].letters;
}

/* ---- models ---- */

/* True when name is the row's name with its "-vN". Versions have one digit. */
static bool is_versioned_name(const struct cpu_model *row, const char *name)
{
	size_t len = strlen(row->name);

	return row->version && !strncmp(name, row->name, len) &&
	       !strncmp(name + len, "-v", 2) && name[len + 2] == '0' + row->version &&
	       !name[len + 3];
}

const struct cpu_model *cpu_model_find(const char *name)
{
	for (const struct cpu_model *row = cpu_models; row->name; row++) {
		if (row->version <= 1 && !strcmp(row->name, name))
			return row;
		if (row->alias && !strcmp(row->alias, name))
			return row;
		if (is_versioned_name(row, name))
			return row;
	}
	return NULL;
}

static void apply_list(struct cpu_words *words, const uint16_t *list, bool on)
{
	for (; list && *list != CPU_LIST_END; list++)
		cpu_assign(words, *list, on);
}

void cpu_model_resolve(const struct cpu_model *row, struct cpu_model_data *data)
{
	const struct cpu_model *parent = NULL;

	*data = (struct cpu_model_data){ .model_id = "" };
	if (row->parent)
		parent = cpu_model_find(row->parent);
	if (parent) {
		cpu_model_resolve(parent, data);
		/* A different part does not inherit the name of the old one. */
		if (strcmp(parent->name, row->name))
			data->model_id = "";
	}
	if (row->model_id && row->kind == CPU_KIND_NAMED)
		data->model_id = row->model_id;
	if (row->vendor != CPU_VENDOR_NONE) {
		data->vendor = row->vendor;
		data->family = row->family;
		data->model = row->model;
		data->stepping = row->stepping;
		data->level = row->level;
		data->xlevel = row->xlevel;
	}
	apply_list(&data->words, row->add, true);
	apply_list(&data->words, row->del, false);
}

void cpu_model_trim(struct cpu_words *words)
{
	cpu_clear(words, CPU_ACPI);
	cpu_clear(words, CPU_MONITOR);
	cpu_clear(words, CPU_SVM);
}

/* ---- the option ---- */

void cpu_config_init(struct cpu_config *config)
{
	struct opt_list none = { 0 };

	*config = (struct cpu_config){
		.model = cpu_model_find(CPU_DEFAULT_MODEL),
		.level = CPU_AS_MODEL,
		.xlevel = CPU_AS_MODEL,
		.family = CPU_AS_MODEL,
		.number = CPU_AS_MODEL,
		.stepping = CPU_AS_MODEL,
	};
	opts_apply(cpu_properties, &none, config, "-cpu", NULL);
}

void cpu_config_free(struct cpu_config *config)
{
	opts_free(cpu_properties, config);
}

/* The sets are kept apart until the end, because the text's order does not decide between
 * them. */
struct cpu_edit {
	struct cpu_words on, off, plus, minus;
};

static const struct opt_desc *find_property(const char *key)
{
	for (const struct opt_desc *row = cpu_properties; row->name; row++)
		if (!strcmp(row->name, key))
			return row;
	return NULL;
}

static int unknown_key(const char *key, struct err *err)
{
	const char *names[CPU_FEATURE_COUNT + ARRAY_SIZE(cpu_properties)] = { NULL };
	const char *near;

	if (!strncmp(key, "hv-", 3) || !strncmp(key, "hv_", 3))
		return err_usage(err,
		                 "-cpu: Hyper-V enlightenments are not supported; leave "
		                 "'%s' out, Windows runs without them",
		                 key);
	if (!strncmp(key, "vmx-", 4))
		return err_usage(
			err,
			"-cpu: '%s' cannot be set alone, VMX controls follow the "
			"host; use +vmx or -vmx",
			key);
	cpu_feature_names(names);
	for (unsigned i = 0; cpu_properties[i].name; i++)
		names[CPU_FEATURE_COUNT + i] = cpu_properties[i].name;
	near = opt_nearest(key, names);
	if (near)
		return err_usage(
			err, "-cpu: unknown feature or property '%s', did you mean '%s'?",
			key, near);
	return err_usage(
		err, "-cpu: unknown feature or property '%s'; -cpu help lists them", key);
}

static int signed_word(struct cpu_edit *edit, const char *word, struct err *err)
{
	if (cpu_feature_find(word + 1, *word == '+' ? &edit->plus : &edit->minus) == 0)
		return 0;
	if (find_property(word + 1))
		return err_usage(
			err, "-cpu: '%s' is a property, not a feature; write %s=VALUE",
			word + 1, word + 1);
	return unknown_key(word + 1, err);
}

static int assignment(struct cpu_config *config, struct cpu_edit *edit, const char *key,
                      const char *value, struct err *err)
{
	struct cpu_words mask = { 0 };
	bool on;

	if (cpu_feature_find(key, &mask) < 0) {
		if (!find_property(key))
			return unknown_key(key, err);
		return opts_set(cpu_properties, config, key, value, "-cpu", err);
	}
	if (opt_parse_bool(value, &on) < 0)
		return err_usage(err, "-cpu: %s=%s is not valid; expected on|off", key,
		                 value);
	cpu_words_or(on ? &edit->on : &edit->off, &mask);
	cpu_words_andnot(on ? &edit->off : &edit->on, &mask);
	return 0;
}

static int set_model(struct cpu_config *config, const char *name, struct err *err)
{
	const char *names[128] = { NULL };
	const char *near;
	unsigned count = 0;

	config->model = cpu_model_find(name);
	if (config->model)
		return 0;
	for (const struct cpu_model *row = cpu_models; row->name; row++) {
		if (row->version <= 1 && count < ARRAY_SIZE(names) - 1)
			names[count++] = row->name;
		if (row->alias && count < ARRAY_SIZE(names) - 1)
			names[count++] = row->alias;
	}
	near = opt_nearest(name, names);
	if (near)
		return err_usage(err, "-cpu: unknown model '%s', did you mean '%s'?",
		                 name, near);
	return err_usage(err, "-cpu: unknown model '%s'; -cpu help lists the models",
	                 name);
}

#define WORD_MAX 128 /* bytes of one word between commas, its NUL included */

/* One word; ",," in a value is a comma. Returns where the next word starts, or NULL when
 * this one is too long. */
static const char *take_word(const char *text, char word[WORD_MAX])
{
	bool value = false;
	size_t len = 0;

	for (; *text; text++) {
		if (*text == ',' && !(value && text[1] == ','))
			break;
		if (len == WORD_MAX - 1)
			return NULL;
		text += *text == ',';
		value |= *text == '=';
		word[len++] = *text;
	}
	word[len] = '\0';
	return text;
}

static int one_word(struct cpu_config *config, struct cpu_edit *edit, char *word,
                    struct err *err)
{
	char *eq = strchr(word, '=');

	if (!*word)
		return err_usage(err, "-cpu: nothing between two commas");
	if (eq == word)
		return err_usage(err, "-cpu: '%s' has no name before '='", word);
	if (*word == '+' || *word == '-')
		return signed_word(edit, word, err);
	if (eq)
		*eq = '\0';
	return assignment(config, edit, word, eq ? eq + 1 : "on", err);
}

static int check_values(const struct cpu_config *config, struct err *err)
{
	if (config->vendor && strlen(config->vendor) != 12)
		return err_usage(err,
		                 "-cpu: vendor=%s does not have 12 letters, like "
		                 "GenuineIntel",
		                 config->vendor);
	if (config->model_id && strlen(config->model_id) > 48)
		return err_usage(err, "-cpu: model-id is longer than 48 bytes");
	if (config->phys_bits && config->phys_bits < 32)
		return err_usage(err,
		                 "-cpu: phys-bits=%u is not valid; expected 32 to 52",
		                 config->phys_bits);
	if (config->xlevel != CPU_AS_MODEL && config->xlevel &&
	    config->xlevel < 0x80000000)
		return err_usage(
			err,
			"-cpu: xlevel=0x%x is not valid; extended leaves start at "
			"0x80000000",
			config->xlevel);
	return 0;
}

int cpu_config_parse(struct cpu_config *config, const char *text, struct err *err)
{
	struct cpu_edit edit = { 0 };
	bool first = true;
	int ret;

	for (;; text++) {
		char word[WORD_MAX];

		text = take_word(text, word);
		if (!text)
			return err_usage(err, "-cpu: a word is longer than %d bytes",
			                 WORD_MAX - 1);
		ret = first ? set_model(config, word, err)
		            : one_word(config, &edit, word, err);
		if (ret < 0)
			return ret;
		if (!*text)
			break;
		first = false;
	}

	cpu_words_or(&edit.on, &edit.plus);
	cpu_words_andnot(&edit.off, &edit.plus);
	cpu_words_or(&edit.off, &edit.minus);
	cpu_words_andnot(&edit.on, &edit.minus);
	config->on = edit.on;
	config->off = edit.off;
	return check_values(config, err);
}

/* ---- help ---- */

bool cpu_is_help(const char *text)
{
	return !strcmp(text, "?") || !strcmp(text, "help");
}

static void help_list(struct strbuf *out, const uint16_t *list, char sign)
{
	for (; list && *list != CPU_LIST_END; list++)
		strbuf_addf(out, " %c%s", sign, cpu_feature_name(*list));
}

/* A version says what it changes; the first one says what the part is. */
static void help_model(const struct cpu_model *row, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf name = { 0 };
	struct cpu_model_data data;

	strbuf_adds(&name, row->name);
	if (row->version > 1)
		strbuf_addf(&name, "-v%u", row->version);
	strbuf_addf(out, "x86 %-22s  ", name.data ? name.data : "");
	if (row->kind != CPU_KIND_NAMED) {
		strbuf_addf(out, "%s\n", row->model_id);
		return;
	}
	cpu_model_resolve(row, &data);
	if (row->version > 1) {
		strbuf_addf(out, "%s", row->parent);
		help_list(out, row->add, '+');
		help_list(out, row->del, '-');
	} else if (*data.model_id) {
		strbuf_adds(out, data.model_id);
	} else {
		strbuf_addf(out, "%s, family %u, model %u", vendors[data.vendor].name,
		            data.family, data.model);
	}
	strbuf_addc(out, '\n');
	if (row->alias)
		strbuf_addf(out, "x86 %-22s  same as %s\n", row->alias, name.data);
}

void cpu_help(struct strbuf *out)
{
	strbuf_adds(out, "CPU models (NAME is NAME-v1):\n");
	for (const struct cpu_model *row = cpu_models; row->name; row++)
		help_model(row, out);
	strbuf_adds(out, "\nCPU properties (-cpu MODEL,name=value):\n");
	opts_help(cpu_properties, out);
	strbuf_adds(out, "\nCPUID flags (-cpu MODEL,+flag,-flag,flag=on|off):\n");
	cpu_feature_list(78, out);
}
