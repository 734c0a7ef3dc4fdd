// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loads modules through libkmod, which resolves dependencies, softdeps and options as
 * modprobe does. The kernel's errno says little; the facts gathered before say why, so
 * each failure becomes a sentence with its remedy.
 */
#include "probe/load.h"

#include "common/cleanup.h"
#include "probe/decide.h"
#include "probe/module.h"
#include "probe/remedy.h"

#include <ctype.h>
#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int code;
	const char *why, *remedy;
} reasons[] = {
	{ EPERM, "only root may load modules", "use sudo" },
	{ EACCES, "only root may load modules", "use sudo" },
	{ EOPNOTSUPP, "the CPU's virtualization is not available",
	  "switch it on in the firmware setup (BIOS)" },
	{ EIO,
	  "the CPU's virtualization is switched off by firmware or by the hypervisor below",
	  "switch it on in the firmware setup, or allow nested virtualization there" },
	{ ENODEV, "no such device: this module is for another CPU", "see kvm-check" },
	{ EBUSY, "another hypervisor holds the CPU's virtualization",
	  "stop VirtualBox or VMware, then: sudo modprobe -r vboxdrv vmmon" },
	{ ENOEXEC, "the file was built for another kernel",
	  "reboot into the newest kernel" },
	{ ENOKEY, "its signature is missing or unknown (Secure Boot, lockdown)",
	  "install the distribution's signed kernel, or enroll the key: mokutil --import" },
	{ EKEYREJECTED, "its signature was rejected (Secure Boot, lockdown)",
	  "install the distribution's signed kernel, or enroll the key: mokutil --import" },
	{ ENOSYS, "the kernel has no module support", "boot a kernel with KVM" },
	{ ENOENT, "there is no such module for this kernel",
	  "install it, or reboot if the kernel was updated" },
	{ 0, "the kernel refused", "look at: sudo dmesg | tail" },
};

static int explain(const struct facts *facts, const char *name, int code, struct err *err)
{
	bool locked = *facts->host.lockdown && strcmp(facts->host.lockdown, "none");
	unsigned i = 0;

	/* Root is refused for other reasons than being nobody. */
	if (code == EPERM && !facts->user.uid && facts->modules.disabled)
		return err_set(err, code,
		               "cannot load %s: module loading is switched off "
		               "(kernel.modules_disabled=1); reboot",
		               name);
	if (code == EPERM && !facts->user.uid)
		return err_set(
			err, code, "cannot load %s: root may not load modules here; %s",
			name,
			locked ? "the kernel is locked down: install signed modules"
			       : "run it outside this container or sandbox");
	while (reasons[i].code && reasons[i].code != code)
		i++;
	return err_set(err, code, "cannot load %s: %s; %s", name, reasons[i].why,
	               reasons[i].remedy);
}

/* What stops the load before the kernel is asked. */
static int refuse(const struct facts *facts, enum module_id id, struct err *err)
{
	const struct module_facts *m = &facts->modules.module[id];
	const char *name = module_names[id];

	if (m->state >= MODULE_BUILTIN)
		return 0;
	if (!facts->modules.supported)
		return err_set(
			err, ENOSYS,
			"cannot load %s: this kernel has no module support; boot one "
			"with KVM",
			name);
	if (m->refused)
		return err_set(
			err, EPERM,
			"cannot load %s: module_blacklist= on the kernel command line "
			"forbids it; remove it there and reboot",
			name);
	if (*m->install)
		return err_set(err, EPERM,
		               "cannot load %s: %s replaces its loading; remove "
		               "that line",
		               name, m->install);
	if (*m->blacklist)
		return err_set(
			err, EPERM,
			"not loading %s: %s blacklists it; remove that line, or load "
			"it all the same with: modprobe %s",
			name, m->blacklist, name);
	if (m->state == MODULE_MISSING && !facts->modules.directory)
		return err_set(
			err, ENOENT,
			"cannot load %s: /lib/modules/%s is missing; reboot if the "
			"kernel was updated, and load it outside a container",
			name, facts->host.kernel);
	return 0;
}

static int insert(struct kmod_ctx *ctx, const char *name, const char *options)
{
	struct kmod_module *module = NULL;
	int ret = kmod_module_new_from_name(ctx, name, &module);

	if (ret < 0)
		return ret;
	ret = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, options,
	                                      NULL, NULL, NULL);
	kmod_module_unref(module);
	/* A positive result is the reason for which it was passed over. */
	return ret > 0 ? -EPERM : ret;
}

static void no_log(void *data, int priority, const char *file, int line, const char *fn,
                   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format,
		(void)args;
}

static int choose(const struct facts *facts, enum module_id *id, struct err *err)
{
	int vendor = vendor_module(facts);
	char remedy[REMEDY_MAX];

	if (has_virt(facts)) {
		*id = vendor;
		return 0;
	}
	if (!facts->cpu.hypervisor)
		return err_set(err, ENODEV,
		               "nothing to load: this CPU has neither VMX nor SVM; use a "
		               "machine with Intel VT-x or AMD-V");
	remedy_nesting(facts, remedy);
	return err_set(err, ENODEV,
	               "nothing to load: %s shows this machine neither VMX nor SVM; %s",
	               hypervisor_title(&facts->cpu), remedy);
}

/* ---- the request ---- */

static bool plain_word(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)word[i]) || strchr("\"'\\#", word[i]))
			return false;
	return len;
}

/* The module called by the first len characters, '-' and '_' being the same; -1. */
static int find_module(const char *name, size_t len)
{
	for (int id = 0; id < MODULE_COUNT; id++) {
		size_t i;

		for (i = 0; i < len && module_names[id][i]; i++)
			if ((name[i] == '-' ? '_' : name[i]) != module_names[id][i])
				break;
		if (i == len && !module_names[id][i])
			return id;
	}
	return -1;
}

static bool may_be_asked_for(int id)
{
	return id >= 0 && id != MODULE_VBOXDRV && id != MODULE_VMMON;
}

static int take_module(const char *word, size_t len, struct load_request *request,
                       struct err *err)
{
	int id = find_module(word, len);

	if (!may_be_asked_for(id))
		return err_usage(err,
		                 "--modules: '%.*s' is none of vhost_net, tun, vfio-pci, "
		                 "vfio_iommu_type1",
		                 (int)len, word);
	request->module[id] = true;
	return 0;
}

static int take_param(const char *word, size_t len, struct load_request *request,
                      struct err *err)
{
	const char *dot = memchr(word, '.', len), *eq = memchr(word, '=', len);
	int id = dot ? find_module(word, dot - word) : -1;
	struct load_param *param = &request->param[request->params];
	size_t text = dot ? len - (dot + 1 - word) : 0;

	if (!dot || !eq || eq < dot + 2 || eq + 1 == word + len ||
	    !plain_word(word, len) || text >= sizeof(param->text))
		return err_usage(err,
		                 "--param: '%.*s' is not MODULE.NAME=VALUE, such as "
		                 "kvm_intel.nested=1",
		                 (int)len, word);
	if (!may_be_asked_for(id))
		return err_usage(err,
		                 "--param: '%.*s' names no module that kvm-check loads",
		                 (int)len, word);
	if (request->params == LOAD_PARAMS_MAX)
		return err_usage(err, "--param: more than %d parameters",
		                 LOAD_PARAMS_MAX);
	param->module = id;
	memcpy(param->text, dot + 1, text);
	param->text[text] = '\0';
	request->params++;
	return 0;
}

static int each_word(const char *list,
                     int (*take)(const char *, size_t, struct load_request *,
                                 struct err *),
                     struct load_request *request, struct err *err)
{
	int ret = 0;

	for (const char *p = list; p && *p && !ret; p += strspn(p, ",")) {
		size_t len = strcspn(p, ",");

		ret = take(p, len, request, err);
		p += len;
	}
	return ret;
}

int load_request_parse(const char *modules, const char *params,
                       struct load_request *request, struct err *err)
{
	int ret;

	*request = (struct load_request){ 0 };
	ret = each_word(modules, take_module, request, err);
	return ret ? ret : each_word(params, take_param, request, err);
}

/* "nested=1 ept=0" of one module, or NULL without any. */
static char *options_of(const struct load_request *request, enum module_id id)
{
	struct strbuf out = { 0 };

	for (unsigned i = 0; i < request->params; i++)
		if (request->param[i].module == id)
			strbuf_addf(&out, "%s%s", out.len ? " " : "",
			            request->param[i].text);
	return out.len ? strbuf_take(&out) : NULL;
}

/* ---- modules that are there already ---- */

/* 1, Y and y say the same. */
static char same_value(const char *value)
{
	if (value[0] && value[1])
		return value[0];
	return strchr("1Yy", value[0]) ? 'Y' : strchr("0Nn", value[0]) ? 'N' : value[0];
}

static bool value_is(const struct sysroot *root, enum module_id id, const char *text)
{
	const char *eq = strchr(text, '=');
	char path[160], value[64];

	snprintf(path, sizeof(path), "sys/module/%s/parameters/%.*s", module_names[id],
	         (int)(eq - text), text);
	if (sysroot_line(root, path, value, sizeof(value)) < 0)
		return false;
	return !strcmp(value, eq + 1) || (!value[1] && strlen(eq + 1) == 1 &&
	                                  same_value(value) == same_value(eq + 1));
}

static int check_params(const struct load_request *request, enum module_id id,
                        struct err *err)
{
	struct sysroot root;
	int ret = sysroot_open(&root, NULL, err);

	for (unsigned i = 0; i < request->params && !ret; i++) {
		const struct load_param *p = &request->param[i];

		if (p->module != id || value_is(&root, id, p->text))
			continue;
		ret = err_set(
			err, EBUSY,
			"%s is loaded without %s; with no guest running: modprobe -r "
			"%s, then try again",
			module_names[id], p->text, module_names[id]);
	}
	sysroot_close(&root);
	return ret;
}

/* ---- loading ---- */

static int load_one(struct kmod_ctx *ctx, const struct facts *facts,
                    const struct load_request *request, enum module_id id,
                    struct strbuf *done, struct err *err)
{
	_cleanup_free_ char *options = options_of(request, id);
	const char *name = module_names[id];
	int ret;

	if (module_present(facts, id)) {
		ret = check_params(request, id, err);
	} else {
		ret = refuse(facts, id, err);
		if (!ret)
			ret = insert(ctx, name, options);
		if (ret == -EEXIST)
			ret = check_params(request, id, err);
		else if (ret < 0 && !err->code)
			ret = explain(facts, name, -ret, err);
	}
	if (!ret)
		strbuf_addf(done, "%s%s", done->len ? ", " : "", name);
	return ret;
}

int load_modules(const struct facts *facts, const struct load_request *request,
                 struct strbuf *done, struct err *err)
{
	bool wanted[MODULE_COUNT];
	struct kmod_ctx *ctx;
	enum module_id vendor;
	int ret = choose(facts, &vendor, err);

	if (ret < 0)
		return ret;
	ctx = kmod_new(NULL, NULL);
	if (!ctx)
		return err_sys(err, ENOMEM, "cannot load %s", module_names[vendor]);
	/* Errors are told once, by us. */
	kmod_set_log_fn(ctx, no_log, NULL);
	memcpy(wanted, request->module, sizeof(wanted));
	wanted[MODULE_KVM] = wanted[vendor] = true;
	/* kvm is the first of them: the others' parameters need no order. */
	for (int id = 0; id < MODULE_COUNT && !ret; id++)
		if (wanted[id])
			ret = load_one(ctx, facts, request, id, done, err);
	kmod_unref(ctx);
	return ret;
}

int load_lines(const struct facts *facts, const struct load_request *request,
               struct strbuf *modules, struct strbuf *options, struct err *err)
{
	enum module_id vendor;
	int ret = choose(facts, &vendor, err);

	if (ret < 0)
		return ret;
	for (int id = 0; id < MODULE_COUNT; id++) {
		_cleanup_free_ char *text = options_of(request, id);

		if (id == (int)vendor || request->module[id])
			strbuf_addf(modules, "%s\n", module_names[id]);
		if (text)
			strbuf_addf(options, "options %s %s\n", module_names[id], text);
	}
	return 0;
}
