// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Remedies as tables: rows per distribution, container manager and hypervisor; the last
 * row of each fits all.
 */
#include "probe/remedy.h"

#include "common/cleanup.h"
#include "probe/cpu.h"

#include <stdio.h>
#include <string.h>

/* One word of ID or ID_LIKE equals name. */
static bool os_is(const struct host_facts *host, const char *name)
{
	const char *lists[] = { host->os_id, host->os_like };
	size_t n = strlen(name);

	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
		for (const char *p = lists[i]; *p; p += strspn(p, " ")) {
			size_t len = strcspn(p, " ");

			if (len == n && !memcmp(p, name, n))
				return true;
			p += len;
		}
	}
	return false;
}

/* ---- kernel parameters ---- */

/* %1$s is the parameter. */
static const struct {
	const char *os, *add, *remove;
} loaders[] = {
	{ "debian",
	  "sudo sed -i 's|^GRUB_CMDLINE_LINUX=\"|&%s |' /etc/default/grub && sudo "
	  "update-grub && sudo reboot",
	  "sudo sed -i '/^GRUB_CMDLINE_LINUX/s| *%s||' /etc/default/grub && sudo "
	  "update-grub && sudo reboot" },
	{ "fedora", "sudo grubby --update-kernel=ALL --args=%s && sudo reboot",
	  "sudo grubby --update-kernel=ALL --remove-args=%s && sudo reboot" },
	{ "rhel", "sudo grubby --update-kernel=ALL --args=%s && sudo reboot",
	  "sudo grubby --update-kernel=ALL --remove-args=%s && sudo reboot" },
	{ "suse",
	  "sudo sed -i 's|^GRUB_CMDLINE_LINUX=\"|&%s |' /etc/default/grub && sudo "
	  "grub2-mkconfig -o /boot/grub2/grub.cfg && sudo reboot",
	  "sudo sed -i '/^GRUB_CMDLINE_LINUX/s| *%s||' /etc/default/grub && sudo "
	  "grub2-mkconfig -o /boot/grub2/grub.cfg && sudo reboot" },
	{ "arch",
	  "sudo sed -i 's|^GRUB_CMDLINE_LINUX=\"|&%s |' /etc/default/grub && sudo "
	  "grub-mkconfig -o /boot/grub/grub.cfg && sudo reboot",
	  "sudo sed -i '/^GRUB_CMDLINE_LINUX/s| *%s||' /etc/default/grub && sudo "
	  "grub-mkconfig -o /boot/grub/grub.cfg && sudo reboot" },
	{ NULL, "add %s to the kernel command line in the boot loader, then reboot",
	  "remove %s from the kernel command line in the boot loader, then reboot" },
};

/* Replaces the one "%s" of a row. */
static void expand(const char *row, const char *word, char out[REMEDY_MAX])
{
	const char *at = strstr(row, "%s");

	if (at)
		snprintf(out, REMEDY_MAX, "%.*s%s%s", (int)(at - row), row, word, at + 2);
	else
		snprintf(out, REMEDY_MAX, "%s", row);
}

void remedy_param(const struct facts *f, const char *param, bool add,
                  char out[REMEDY_MAX])
{
	unsigned i = 0;

	while (loaders[i].os && !os_is(&f->host, loaders[i].os))
		i++;
	expand(add ? loaders[i].add : loaders[i].remove, param, out);
}

/* ---- kernel packages ---- */

struct os_row {
	const char *os, *text;
};

/* The row of this distribution, or the last one, which has no name. */
static void by_os(const struct os_row *rows, const struct facts *f, const char *word,
                  char out[REMEDY_MAX])
{
	while (rows->os && !os_is(&f->host, rows->os))
		rows++;
	expand(rows->text, word, out);
}

static const struct os_row packages[] = {
	{ "ubuntu", "sudo apt install linux-modules-extra-%s" },
	{ "debian", "sudo apt install linux-image-amd64 && sudo reboot" },
	{ "fedora", "sudo dnf install kernel-modules-%s" },
	{ "rhel", "sudo dnf install kernel-modules-%s" },
	{ "suse", "sudo zypper install kernel-default && sudo reboot" },
	{ "arch", "sudo pacman -S linux && sudo reboot" },
	{ NULL,
	  "install a kernel with CONFIG_KVM_INTEL and CONFIG_KVM_AMD, then reboot" },
};

void remedy_kernel_package(const struct facts *f, char out[REMEDY_MAX])
{
	by_os(packages, f, f->host.kernel, out);
}

/* ---- microcode and initramfs ---- */

static const struct os_row microcode[] = {
	{ "debian", "sudo apt install %s-microcode && sudo reboot" },
	{ "fedora",
	  "sudo dnf upgrade microcode_ctl linux-firmware && sudo dracut -f && sudo "
	  "reboot" },
	{ "rhel",
	  "sudo dnf upgrade microcode_ctl linux-firmware && sudo dracut -f && sudo "
	  "reboot" },
	{ "suse", "sudo zypper install ucode-%s && sudo reboot" },
	{ "arch", "sudo pacman -S %s-ucode && sudo reboot" },
	{ NULL, "install the newest microcode of the CPU's maker, or newer firmware" },
};

void remedy_microcode(const struct facts *f, char out[REMEDY_MAX])
{
	bool debian = os_is(&f->host, "debian");

	if (f->cpu.hypervisor)
		snprintf(out, REMEDY_MAX,
		         "update microcode and kernel of the outer host");
	else
		by_os(microcode, f,
		      cpu_is_intel(&f->cpu) ? "intel"
		      : debian              ? "amd64"
		                            : "amd",
		      out);
}

static const struct os_row initramfs[] = {
	{ "debian", "sudo update-initramfs -u -k all" },
	{ "fedora", "sudo dracut -f --regenerate-all" },
	{ "rhel", "sudo dracut -f --regenerate-all" },
	{ "suse", "sudo dracut -f --regenerate-all" },
	{ "arch", "sudo mkinitcpio -P" },
	{ NULL, "build the initramfs anew with this distribution's tool" },
};

void remedy_initramfs(const struct facts *f, char out[REMEDY_MAX])
{
	by_os(initramfs, f, "", out);
}

/* ---- settings ---- */

void remedy_sysctl(const char *key, const char *value, char out[REMEDY_MAX])
{
	snprintf(out, REMEDY_MAX,
	         "echo '%s = %s' | sudo tee -a /etc/sysctl.d/90-kvm.conf && sudo sysctl "
	         "--system",
	         key, value);
}

void remedy_option(const struct facts *f, const char *module, const char *option,
                   char out[REMEDY_MAX])
{
	bool common = !strcmp(module, "kvm");
	const char *vendor = cpu_is_intel(&f->cpu) ? "kvm_intel" : "kvm_amd";

	if (*f->host.container)
		snprintf(out, REMEDY_MAX,
		         "on the outer host: options %s %s in "
		         "/etc/modprobe.d",
		         module, option);
	else
		snprintf(
			out, REMEDY_MAX,
			"echo 'options %s %s' | sudo tee -a /etc/modprobe.d/kvm.conf, then "
			"without any guest running: sudo modprobe -r %s%s && sudo kvm-check "
			"--load",
			module, option, common ? vendor : module, common ? " kvm" : "");
}

void remedy_load(const struct facts *f, char out[REMEDY_MAX])
{
	snprintf(out, REMEDY_MAX, "%ssudo kvm-check --load",
	         *f->host.container ? "on the outer host: " : "");
}

/* ---- containers ---- */

static const struct {
	const char *name, *text;
} containers[] = {
	{ "docker", "start the container with: docker run --device /dev/kvm ..." },
	{ "podman", "start the container with: podman run --device /dev/kvm ..." },
	{ "lxc",
	  "in the container's configuration: lxc.cgroup2.devices.allow = c 10:232 rwm "
	  "and lxc.mount.entry = /dev/kvm dev/kvm none bind,create=file" },
	{ "systemd-nspawn",
	  "start it with: systemd-nspawn --bind=/dev/kvm --property=DeviceAllow='/dev/kvm rw' "
	  "..." },
	{ "kubernetes",
	  "give the pod /dev/kvm with a device plugin, or run it privileged" },
	{ NULL, "allow the container the device c 10:232 and bind /dev/kvm into it" },
};

void remedy_container(const struct facts *f, char out[REMEDY_MAX])
{
	unsigned i = 0;

	while (containers[i].name && strcmp(containers[i].name, f->host.container))
		i++;
	snprintf(out, REMEDY_MAX, "%s", containers[i].text);
}

/* ---- nesting ---- */

static const struct {
	const char *signature, *title, *text;
} hypervisors[] = {
	{ "KVMKVMKVM", "KVM",
	  "on the outer host: load kvm_intel or kvm_amd with nested=1 and start this machine "
	  "with -cpu host" },
	{ "TCGTCGTCGTCG", "QEMU without KVM",
	  "start this machine with -cpu max (AMD SVM)" },
	{ "VMwareVMware", "VMware",
	  "set vhv.enable = \"TRUE\" in this machine's .vmx file" },
	{ "Microsoft Hv", "Hyper-V",
	  "on the outer host: Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions "
	  "$true" },
	{ "VBoxVBoxVBox", "VirtualBox", "VBoxManage modifyvm NAME --nested-hw-virt on" },
	{ "XenVMMXenVMM", "Xen",
	  "boot without Xen; or, in a domain of it, set nestedhvm=1 for this domain" },
	{ "bhyve bhyve ", "bhyve", "bhyve gives guests no VMX; use another host" },
	{ "ACRNACRNACRN", "ACRN", "use another host" },
	{ "", "a hypervisor",
	  "show vmx or svm to this machine: nested virtualization is off" },
};

static unsigned hypervisor_row(const struct cpu_facts *cpu)
{
	unsigned i = 0;

	while (*hypervisors[i].signature &&
	       strcmp(hypervisors[i].signature, cpu->hypervisor_name))
		i++;
	return i;
}

const char *hypervisor_title(const struct cpu_facts *cpu)
{
	const char *title = hypervisors[hypervisor_row(cpu)].title;
	bool known = *hypervisors[hypervisor_row(cpu)].signature;

	return known || !*cpu->hypervisor_name ? title : cpu->hypervisor_name;
}

void remedy_nesting(const struct facts *f, char out[REMEDY_MAX])
{
	snprintf(out, REMEDY_MAX, "%s", hypervisors[hypervisor_row(&f->cpu)].text);
}
