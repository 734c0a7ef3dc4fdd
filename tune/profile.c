// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading profiles. Every line is checked against the table of knobs before anything is
 * changed; the first bad line ends it with its number.
 */
#include "tune/profile.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "tune/hostfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

enum { WANTS_MAX = 1024 };

/* ---- one line ---- */

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t\r");
}

/* "name[instance]" */
static int split_name(char *name, struct want *want, struct err *err)
{
	char *open = strchr(name, '['), *close = open ? strchr(open, ']') : NULL;

	if (open && (!close || close[1] || close == open + 1 ||
	             close - open > (long)sizeof(want->instance)))
		return err_usage(err, "'%.100s' is no name of a knob", name);
	if (open) {
		*close = '\0';
		snprintf(want->instance, sizeof(want->instance), "%s", open + 1);
		*open = '\0';
	}
	want->knob = knob_find(name, err);
	if (!want->knob)
		return -EINVAL;
	if (open && !strchr(want->knob->path, '*'))
		return err_usage(err, "%s is a single value, not one for each [%s]", name,
		                 want->instance);
	return 0;
}

static int split_value(char *value, struct want *want, struct err *err)
{
	char *condition = strstr(value, " if ");

	if (condition) {
		*condition = '\0';
		condition = trim(condition + 4);
		if (strcmp(condition, "numa"))
			return err_usage(err,
			                 "'if %.40s' is no condition; there is: if numa",
			                 condition);
		want->numa_only = true;
	}
	value = trim(value);
	if (!strncmp(value, ">=", 2)) {
		want->at_least = true;
		value = trim(value + 2);
		if (want->knob->kind != KNOB_NUMBER)
			return err_usage(err, "%s is no number that could be raised",
			                 want->knob->name);
	}
	if (knob_check(want->knob, value, err) < 0)
		return -EINVAL;
	snprintf(want->value, sizeof(want->value), "%s", value);
	return 0;
}

static int append(struct profile *profile, const struct want *want, struct err *err)
{
	struct want *grown = NULL;

	if (profile->count < WANTS_MAX)
		grown = realloc(profile->wants, (profile->count + 1) * sizeof(*grown));
	if (!grown)
		return err_sys(err, ENOMEM, "too many settings");
	profile->wants = grown;
	grown[profile->count++] = *want;
	return 0;
}

static int parse_line(char *line, struct profile *profile, struct err *err)
{
	struct want want = { 0 };
	char *value = strchr(line, '='), *why;
	int ret;

	if (value && value > line && value[-1] == '>')
		return err_usage(err, "write 'knob = >=value' to only raise it");
	if (!value)
		return err_usage(err, "'%.60s' is no 'knob = value'", line);
	*value++ = '\0';
	line = trim(line);
	if (!strcmp(line, "description")) {
		snprintf(profile->description, sizeof(profile->description), "%s",
		         trim(value));
		return 0;
	}
	why = strstr(value, " ;");
	if (why) {
		*why = '\0';
		snprintf(want.why, sizeof(want.why), "%s", trim(why + 2));
	}
	ret = split_name(line, &want, err);
	if (!ret)
		ret = split_value(value, &want, err);
	return ret ? ret : append(profile, &want, err);
}

int profile_parse(const char *text, const char *file, struct profile *profile,
                  struct err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;
	unsigned number = 0;

	if (!copy)
		return err_sys(err, ENOMEM, "cannot read %s", file);
	while ((line = strsep(&rest, "\n"))) {
		number++;
		line = trim(line);
		if (!*line || *line == '#' || !parse_line(line, profile, err))
			continue;
		err_prefix(err, "%s line %u", file, number);
		return -EINVAL;
	}
	return 0;
}

int profile_add(struct profile *profile, const char *assignment, struct err *err)
{
	_cleanup_free_ char *copy = strdup(assignment);
	struct want want = { .named = true };
	char *value = copy ? strchr(copy, '=') : NULL;
	int ret;

	if (!copy)
		return err_sys(err, ENOMEM, "cannot read '%s'", assignment);
	if (!value)
		return err_usage(err, "'%.100s' is no name=value", assignment);
	*value++ = '\0';
	ret = split_name(trim(copy), &want, err);
	if (!ret)
		ret = split_value(value, &want, err);
	return ret ? ret : append(profile, &want, err);
}

void profile_free(struct profile *profile)
{
	free(profile->wants);
	*profile = (struct profile){ 0 };
}

bool want_matches(const struct want *want, const struct knob *knob, const char *path)
{
	char instance[48];

	if (want->knob != knob)
		return false;
	knob_instance(knob, path, instance, sizeof(instance));
	return !*want->instance || !strcmp(want->instance, instance);
}

/* ---- where profiles are ---- */

/* A folder of profiles of this machine; the last one is the source tree's. */
static bool folder(unsigned number, char *buf, size_t size)
{
	static const char *const beside[] = { "../share/kvmkit/profiles",
		                              "../tune/profiles", "../../tune/profiles" };
	const char *env = secure_getenv("KVMKIT_PROFILE_DIR");
	char exe[PATH_MAX - 64];
	ssize_t len;

	if (!number) {
		snprintf(buf, size, "%s", env ? env : "");
		return true;
	}
	if (number > ARRAY_SIZE(beside))
		return false;
	len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[len > 0 ? len : 0] = '\0';
	if (strrchr(exe, '/'))
		*strrchr(exe, '/') = '\0';
	snprintf(buf, size, "%s/%s", exe, beside[number - 1]);
	return true;
}

static int read_named(const struct sysroot *root, const char *name, char **text,
                      char *path, size_t size)
{
	char dir[PATH_MAX];
	int ret;

	snprintf(path, size, "etc/kvmkit/profiles/%s", name);
	ret = sysroot_read(root, path, HOSTFILE_MAX, text);
	for (unsigned i = 0; ret == -ENOENT && folder(i, dir, sizeof(dir)); i++) {
		snprintf(path, size, "%s/%s", dir, name);
		if (*dir)
			ret = fd_read_file(AT_FDCWD, path, HOSTFILE_MAX, text, NULL);
	}
	return ret;
}

int profile_load(const struct sysroot *root, const char *name, struct profile *profile,
                 struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX + 256];
	int ret;

	snprintf(profile->name, sizeof(profile->name), "%s", name);
	if (strchr(name, '/')) {
		snprintf(path, sizeof(path), "%s", name);
		ret = fd_read_file(AT_FDCWD, path, HOSTFILE_MAX, &text, NULL);
	} else {
		ret = *name && *name != '.'
		              ? read_named(root, name, &text, path, sizeof(path))
		              : -ENOENT;
	}
	if (ret == -ENOENT && !strchr(name, '/'))
		return err_usage(err,
		                 "there is no profile '%.100s'; kvm-tune profiles lists "
		                 "them, and a path with a '/' names a file",
		                 name);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read the profile %.200s", name);
	return profile_parse(text, strchr(name, '/') ? name : path, profile, err);
}

/* ---- listing ---- */

static int list_one(const struct sysroot *root, const char *name, struct strbuf *out,
                    struct err *err)
{
	struct profile profile = { 0 };
	int ret = profile_load(root, name, &profile, err);

	if (!ret)
		strbuf_addf(out, "%-12s  %s\n", name, profile.description);
	profile_free(&profile);
	return ret;
}

static bool listed(const struct strbuf *out, const char *name)
{
	size_t len = strlen(name);
	const char *at = out->len ? out->data : NULL;

	for (; at && *at; at = strchr(at, '\n'), at += at ? 1 : 0)
		if (!strncmp(at, name, len) && at[len] == ' ')
			return true;
	return false;
}

int profile_list(const struct sysroot *root, struct strbuf *out, struct err *err)
{
	struct sysroot here = { .live = true };
	char dir[PATH_MAX] = "etc/kvmkit/profiles";
	struct names names;
	int ret = 0;

	sysroot_list(root, dir, &names);
	for (unsigned i = 0;; i++) {
		for (unsigned n = 0; n < names.count && !ret; n++)
			if (isalnum((unsigned char)*names.name[n]) &&
			    !listed(out, names.name[n]))
				ret = list_one(root, names.name[n], out, err);
		names_free(&names);
		if (ret < 0 || !folder(i, dir, sizeof(dir)))
			return ret;
		here.fd = AT_FDCWD;
		if (*dir)
			sysroot_list(&here, dir, &names);
	}
}
