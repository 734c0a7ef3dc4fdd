// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Steps of binding, each verified by what sysfs shows afterwards:
 *   driver_override: a newline clears it (a write of no bytes does nothing), "(null)" or
 *   an empty line is what a cleared one reads;
 *   unbind: the write blocks while a guest holds a vfio device, for ever if need be,
 *   and with it whoever reads driver_override then;
 *   drivers_probe: succeeds also when no driver took the function.
 */
#include "passthrough/driver.h"

#include "passthrough/slow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool driver_name_valid(const char *driver)
{
	return *driver && strlen(driver) < DRIVER_SIZE && *driver != '.' &&
	       !strpbrk(driver, "/\n\t");
}

bool driver_present(const struct sysroot *root, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
	return sysroot_exists(root, path);
}

int driver_read(const struct sysroot *root, const char *name, struct driver_state *state,
                struct err *err)
{
	struct pci_address address;
	struct pci_function f;
	int ret;

	if (!pci_address_parse(name, &address))
		return err_set(err, EINVAL, "'%s' is no PCI address", name);
	ret = pci_function_read(root, &address, &f, err);
	if (ret < 0)
		return ret;
	if (f.stuck)
		return err_set(
			err, EBUSY,
			"%s: the kernel waits for its user to let go of it, since an "
			"earlier attempt to take it away; see dmesg, and stop that user",
			name);
	memcpy(state->driver, f.driver, DRIVER_SIZE);
	memcpy(state->override, f.override, DRIVER_SIZE);
	return 0;
}

static int write_step(const struct sysroot *root, const char *name, const char *path,
                      const char *text, const char *what, struct err *err)
{
	int ret = slow_write(root, path, text);

	if (ret == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT,
		               "%s: %s does not end: something still uses it; see dmesg, "
		               "stop that user, and try again",
		               name, what);
	if (ret == -EACCES || ret == -EPERM)
		return err_set(err, -ret, "%s: %s needs root; use sudo", name, what);
	return ret < 0 ? err_sys(err, -ret, "%s: %s", name, what) : 0;
}

/* ---- steps ---- */

static int set_override(const struct sysroot *root, const char *name, const char *driver,
                        struct err *err)
{
	char path[PCI_PATH_SIZE], text[DRIVER_SIZE + 1];
	struct driver_state now;
	int ret = driver_read(root, name, &now, err);

	if (ret < 0 || !strcmp(now.override, driver))
		return ret;
	pci_path(path, name, "driver_override");
	snprintf(text, sizeof(text), "%s\n", driver);
	ret = write_step(root, name, path, text, "setting its driver_override", err);
	if (!ret)
		ret = driver_read(root, name, &now, err);
	if (!ret && strcmp(now.override, driver))
		return err_set(err, EIO,
		               "%s: the kernel did not take driver_override '%s': it "
		               "still is '%s'",
		               name, driver, now.override);
	return ret;
}

static int unbind(const struct sysroot *root, const char *name, struct err *err)
{
	char path[PCI_PATH_SIZE];
	struct driver_state now;
	int ret = driver_read(root, name, &now, err);

	if (ret < 0 || !*now.driver)
		return ret;
	pci_path(path, name, "driver/unbind");
	ret = write_step(root, name, path, name, "taking it from its driver", err);
	if (!ret)
		ret = driver_read(root, name, &now, err);
	if (!ret && *now.driver)
		return err_set(err, EBUSY,
		               "%s: the driver %s does not let go of it; see dmesg", name,
		               now.driver);
	return ret;
}

/* Lets drivers look at the function, and *driver take it if there is one ("" any). */
static int probe(const struct sysroot *root, const char *name, const char *driver,
                 struct err *err)
{
	char path[128] = "sys/bus/pci/drivers_probe";
	struct driver_state now;
	struct err cause = { 0 };
	int ret;

	/* Asked for by name, a driver tells why it refuses. */
	if (*driver)
		snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/bind", driver);
	ret = write_step(root, name, path, name, "giving it to the driver", &cause);
	if (ret == -ENOENT && *driver && !driver_present(root, driver))
		return err_set(err, ENOENT,
		               "%s: the driver %s is not loaded; load it: modprobe %s",
		               name, driver, driver);
	if (driver_read(root, name, &now, err) < 0)
		return -ENODEV;
	if (*driver && strcmp(now.driver, driver))
		return err_set(err, EIO, "%s: the driver %s refused it%s%s; see dmesg",
		               name, driver, ret < 0 ? ": " : "",
		               ret < 0 ? strerror(-ret) : "");
	return ret == -ETIMEDOUT ? err_set(err, -ret, "%s", cause.text) : 0;
}

/* ---- what they add up to ---- */

int driver_take(const struct sysroot *root, const char *name, const char *driver,
                struct err *err)
{
	struct driver_state now;
	int ret;

	if (!driver_present(root, driver))
		return err_set(err, ENOENT, "%s: the driver %s is not loaded", name,
		               driver);
	ret = set_override(root, name, driver, err);
	if (!ret)
		ret = driver_read(root, name, &now, err);
	if (ret < 0 || !strcmp(now.driver, driver))
		return ret;
	ret = unbind(root, name, err);
	return ret < 0 ? ret : probe(root, name, driver, err);
}

int driver_restore(const struct sysroot *root, const char *name,
                   const struct driver_state *was, struct err *err)
{
	struct driver_state now;
	int ret = driver_read(root, name, &now, err);

	if (!ret && strcmp(now.driver, was->driver))
		ret = unbind(root, name, err);
	if (!ret)
		ret = set_override(root, name, was->override, err);
	if (!ret)
		ret = driver_read(root, name, &now, err);
	if (ret < 0 || !*was->driver || !strcmp(now.driver, was->driver))
		return ret;
	return probe(root, name, was->driver, err);
}

int driver_release(const struct sysroot *root, const char *name, struct err *err)
{
	int ret = unbind(root, name, err);

	if (!ret)
		ret = set_override(root, name, "", err);
	return ret < 0 ? ret : probe(root, name, "", err);
}
