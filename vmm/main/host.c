// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads host.json. The file is taken as a hint from another program: common/handoff
 * refuses files that others could have written, and here every value is checked for its
 * type, the boot id must be this boot's, and text goes through struct err and the log,
 * which let no control character pass. Main thread, before vCPUs run.
 */
#include "vmm/main/host.h"

#include "common/cleanup.h"
#include "common/handed.h"
#include "common/handoff.h"
#include "common/log.h"

#include <cpuid.h>
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>

#define HOST_FILE    "host.json"
#define HOST_VERSION 1
#define KVM_NODE     "/dev/kvm"

/* Kernels up to this size are test programs, which even an interpreter runs in no time.
 */
#define SMALL_KERNEL (1 << 20)

/* Borrowed from the JSON object. */
struct host {
	json_t *json;
	const char *backend;
	bool hardware;
	json_int_t rate; /* instructions per second in a guest; 0: not measured */
	json_int_t uid;  /* who ran kvm-check; -1: unknown */
	bool usable;     /* kvm-check created a virtual machine */
	/* Of the first failed check about KVM, or NULL. */
	const char *id, *why, *remedy;
};

static void close_host(struct host *host)
{
	json_decref(host->json);
}

/* ---- reading ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : NULL;
}

/* An IOMMU keeps no guest from running. */
static bool is_about_kvm(const json_t *check)
{
	const char *category = text_of(check, "category");

	return category && strcmp(category, "iommu");
}

static void read_checks(struct host *host)
{
	const json_t *checks = json_object_get(host->json, "checks"), *check;
	size_t i;

	json_array_foreach(checks, i, check)
	{
		const char *id = text_of(check, "id"), *status = text_of(check, "status");

		if (!id || !status)
			continue;
		if (!strcmp(id, "kvm.vm"))
			host->usable = !strcmp(status, "pass");
		if (host->why || strcmp(status, "fail") || !is_about_kvm(check))
			continue;
		host->id = id;
		host->why = text_of(check, "value");
		host->remedy = text_of(check, "remedy");
	}
}

static int understand(struct host *host, const char *dir, struct err *err)
{
	const json_t *facts = json_object_get(host->json, "facts");
	const json_t *hardware = json_object_get(host->json, "hardware");
	const json_t *uid = json_object_get(json_object_get(facts, "user"), "uid");

	host->backend = text_of(host->json, "backend");
	if (!host->backend || !json_is_boolean(hardware) || !json_is_object(facts))
		return err_set(err, EINVAL, "%s/" HOST_FILE " is not kvm-check's", dir);
	if (!handed_this_boot(text_of(json_object_get(facts, "host"), "boot_id")))
		return err_set(err, ESTALE, "%s/" HOST_FILE " is of another boot", dir);
	host->hardware = json_is_true(hardware);
	host->rate =
		json_integer_value(json_object_get(host->json, "instructions_per_s"));
	host->uid = json_is_integer(uid) ? json_integer_value(uid) : -1;
	read_checks(host);
	return 0;
}

/* The caller releases *host with close_host() when this returns true. */
static bool open_host(const struct vm_config *config, struct host *host)
{
	const char *dir = handoff_dir(config->state_dir);
	struct err err = { 0 };

	*host = (struct host){ 0 };
	if (handoff_read(dir, HOST_FILE, HOST_VERSION, &host->json, &err) < 0 ||
	    understand(host, dir, &err) < 0) {
		log_debug(LOG_C_KVM, "kvm-check's findings are not used: %s", err.text);
		json_decref(host->json);
		return false;
	}
	log_debug(LOG_C_KVM,
	          "%s/" HOST_FILE ": backend %s, hardware %s, %lld instructions/s, "
	          "cause: %s, remedy: %s",
	          dir, host->backend, host->hardware ? "yes" : "no",
	          (long long)host->rate, host->why ? host->why : "none",
	          host->remedy ? host->remedy : "none");
	return true;
}

/* ---- using ---- */

/* What the node itself says to a user who may not open it. */
static bool hint_group(struct err *err)
{
	const struct group *group = NULL;
	struct stat st;

	if (!stat(KVM_NODE, &st) && S_ISCHR(st.st_mode) && st.st_gid &&
	    (st.st_mode & 060) == 060)
		group = getgrgid(st.st_gid);
	if (group)
		err_hint(err,
		         "it is open to the group %s: sudo usermod -aG %s USER, then log "
		         "in again",
		         group->gr_name, group->gr_name);
	return group;
}

/* Failures without which the device can be opened: history once it can. */
static bool keeps_closed(const char *id)
{
	static const char *const ids[] = { "module.kvm", "module.vendor", "kvm.node",
		                           "kvm.access", "kvm.group" };

	for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
		if (!strcmp(ids[i], id))
			return true;
	return false;
}

/* Permissions are one user's. */
static bool is_about(const struct host *host, const struct err *err)
{
	return err->code != EACCES || host->uid == (json_int_t)geteuid();
}

/* Whether kvm-check met this very trouble: what failed for it explains nothing if it
 * could create a virtual machine, or if its cause is gone. */
static bool explains(const struct host *host, const struct err *err)
{
	return host->why && !host->usable && is_about(host, err) &&
	       !(keeps_closed(host->id) && !access(KVM_NODE, R_OK | W_OK));
}

void host_explain(const struct vm_config *config, struct err *err)
{
	struct host host;
	bool known;

	if (!err->host)
		return;
	known = open_host(config, &host);
	if (known && explains(&host, err))
		err_hint(err, "kvm-check found: %.300s%s%.300s", host.why,
		         host.remedy ? "; " : "", host.remedy ? host.remedy : "");
	else if (err->code == EACCES && hint_group(err))
		;
	else if (known && host.usable && is_about(&host, err))
		err_hint(err, "kvm-check could use KVM earlier since this boot; run it "
		              "again to see what changed");
	else
		err_hint(err, "run kvm-check to see why and what to do");
	if (known)
		close_host(&host);
}

/* Leaf 1 ECX bit 5 is VMX, leaf 0x80000001 ECX bit 2 is SVM. */
static bool cpu_virtualizes(void)
{
	unsigned eax, ebx, ecx, edx;

	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & 1 << 5)
		return true;
	return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && ecx & 1 << 2;
}

static bool boots_system(const struct vm_config *config)
{
	struct stat st;

	return config->kernel && !stat(config->kernel, &st) && st.st_size > SMALL_KERNEL;
}

void host_warn(const struct vm_config *config)
{
	bool slow = boots_system(config) && !cpu_virtualizes(), known;
	struct host host;

	if (!slow && !log_enabled(LOG_C_KVM))
		return;
	known = open_host(config, &host);
	if (slow && known && host.usable && !host.hardware && host.why)
		/* kvm-check's answer to "hardware runs guests" starts with a no. */
		log_warn("this host's KVM is software only: %.300s%s%.300s",
		         host.why + (strncmp(host.why, "no: ", 4) ? 0 : 4),
		         host.remedy ? "; " : "", host.remedy ? host.remedy : "");
	else if (slow)
		log_warn(
			"the CPU shows no virtualization, so KVM here is software only and "
			"an operating system may not boot in useful time; run kvm-check "
			"to see what to do");
	if (known)
		close_host(&host);
}
