// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The processor. The instruction and /proc/cpuinfo are both read, because they differ
 * exactly where it matters: Linux clears vmx and svm from cpuinfo when firmware has
 * switched virtualization off, while CPUID still shows that the CPU has it.
 * MSRs: Intel SDM vol. 4, 3AH IA32_FEATURE_CONTROL; AMD APM vol. 2, 15.30.1 VM_CR.
 */
#include "probe/cpu.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/opts.h"
#include "probe/factfield.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { MSR_FEATURE_CONTROL = 0x3a, MSR_MISC_ENABLE = 0x1a0, MSR_VM_CR = 0xc0010114u };

bool cpu_is_intel(const struct cpu_facts *cpu)
{
	return !strcmp(cpu->vendor, "GenuineIntel") ||
	       !strcmp(cpu->vendor, "CentaurHauls") ||
	       !strcmp(cpu->vendor, "  Shanghai  ");
}

bool cpu_is_amd(const struct cpu_facts *cpu)
{
	return !strcmp(cpu->vendor, "AuthenticAMD") ||
	       !strcmp(cpu->vendor, "HygonGenuine");
}

/* Twelve characters of a signature, or sixteen of the brand string, made printable. */
static void put_text(char *out, const uint32_t *regs, unsigned count)
{
	memcpy(out, regs, count * 4);
	for (unsigned i = 0; i < count * 4 && out[i]; i++)
		if (out[i] < ' ' || out[i] > '~')
			out[i] = '?';
}

static void set_signature(const struct cpuid_table *t, struct cpu_facts *cpu)
{
	uint32_t sig = cpuid_reg(t, 1, EAX);

	cpu->stepping = sig & 15;
	cpu->model_number = sig >> 4 & 15;
	cpu->family = sig >> 8 & 15;
	if (cpu->family == 6 || cpu->family == 15)
		cpu->model_number |= sig >> 12 & 0xf0;
	if (cpu->family == 15)
		cpu->family += sig >> 20 & 0xff;
}

static void set_brand(const struct cpuid_table *t, struct cpu_facts *cpu)
{
	char brand[49] = "";
	const char *start;
	size_t len;

	for (unsigned i = 0; i < 3; i++) {
		uint32_t regs[4];

		for (unsigned r = 0; r < 4; r++)
			regs[r] = cpuid_reg(t, 0x80000002 + i, r);
		put_text(brand + i * 16, regs, 4);
	}
	start = brand + strspn(brand, " ");
	len = strlen(start);
	while (len && start[len - 1] == ' ')
		len--;
	snprintf(cpu->model, sizeof(cpu->model), "%.*s", (int)len, start);
}

void cpu_from_cpuid(const struct cpuid_table *t, struct cpu_facts *cpu)
{
	uint32_t name[3] = { cpuid_reg(t, 0, EBX), cpuid_reg(t, 0, EDX),
		             cpuid_reg(t, 0, ECX) };
	uint32_t hv[3] = { cpuid_reg(t, 0x40000000, EBX), cpuid_reg(t, 0x40000000, ECX),
		           cpuid_reg(t, 0x40000000, EDX) };

	if (!t->count)
		return;
	cpu->cpuid_known = true;
	put_text(cpu->vendor, name, 3);
	set_signature(t, cpu);
	set_brand(t, cpu);
	cpu->vmx = cpuid_reg(t, 1, ECX) >> 5 & 1;
	cpu->hypervisor = cpuid_reg(t, 1, ECX) >> 31;
	cpu->svm = cpuid_reg(t, 0x80000001, ECX) >> 2 & 1;
	cpu->nx = cpuid_reg(t, 0x80000001, EDX) >> 20 & 1;
	cpu->long_mode = cpuid_reg(t, 0x80000001, EDX) >> 29 & 1;
	cpu->npt = cpuid_reg(t, 0x8000000a, EDX) & 1;
	cpu->pdpe1gb = cpuid_reg(t, 0x80000001, EDX) >> 26 & 1;
	if (cpuid_has(t, 0x80000007))
		cpu->invariant_tsc = cpuid_reg(t, 0x80000007, EDX) >> 8 & 1;
	cpu->phys_bits = cpuid_reg(t, 0x80000008, EAX) & 0xff;
	cpu->encryption = cpuid_reg(t, 0x8000001f, EAX);
	if (cpu->hypervisor)
		put_text(cpu->hypervisor_name, hv, 3);
}

/* The value of a "name<tabs>: value" line, or NULL; *len is its length. */
static const char *line_value(const char *line, const char *name, size_t *len)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n))
		return NULL;
	line += n + strspn(line + n, " \t");
	if (*line != ':')
		return NULL;
	line += 1 + strspn(line + 1, " \t");
	*len = strcspn(line, "\n");
	return line;
}

static bool has_word(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++) {
		if ((!i || text[i - 1] == ' ') && !memcmp(text + i, word, n) &&
		    (i + n == len || text[i + n] == ' '))
			return true;
	}
	return false;
}

/* "flags" of one CPU. Lines are as long as the CPU has features: nothing is cut. */
static void one_flags(const char *v, size_t len, struct cpu_facts *cpu)
{
	bool vmx = has_word(v, len, "vmx"), svm = has_word(v, len, "svm");

	cpu->flag_vmx |= vmx;
	cpu->flag_svm |= svm;
	cpu->flag_ept |= has_word(v, len, "ept");
	cpu->flag_npt |= has_word(v, len, "npt");
	cpu->flag_tdx |= has_word(v, len, "tdx_host_platform");
	cpu->flag_cpus += vmx || svm;
	if (!cpu->cpuid_known) {
		cpu->hypervisor |= has_word(v, len, "hypervisor");
		cpu->long_mode |= has_word(v, len, "lm");
		cpu->nx |= has_word(v, len, "nx");
		cpu->pdpe1gb |= has_word(v, len, "pdpe1gb");
	}
	if (cpu->invariant_tsc < 0)
		cpu->invariant_tsc = has_word(v, len, "nonstop_tsc") ? 1 : -1;
}

static void one_microcode(const char *v, size_t len, struct cpu_facts *cpu)
{
	char text[16];
	uint64_t revision;

	snprintf(text, sizeof(text), "%.*s", (int)(len < 15 ? len : 15), v);
	if (opt_parse_u64(text, &revision) < 0 || revision > UINT32_MAX)
		return;
	if (!cpu->microcode)
		cpu->microcode = revision;
	cpu->microcode_others += cpu->microcode != revision;
}

static void set_text(char *out, size_t size, const char *v, size_t len)
{
	if (!*out)
		snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), v);
}

void cpu_from_cpuinfo(const char *text, struct cpu_facts *cpu)
{
	const char *line = text;
	size_t len;

	while (*line) {
		const char *v;

		if (line_value(line, "processor", &len))
			cpu->cpus++;
		else if ((v = line_value(line, "vendor_id", &len)))
			set_text(cpu->vendor, sizeof(cpu->vendor), v, len);
		else if ((v = line_value(line, "model name", &len)))
			set_text(cpu->model, sizeof(cpu->model), v, len);
		else if ((v = line_value(line, "flags", &len)))
			one_flags(v, len, cpu);
		else if ((v = line_value(line, "microcode", &len)))
			one_microcode(v, len, cpu);
		else if ((v = line_value(line, "vmx flags", &len)))
			cpu->flag_ept |= has_word(v, len, "ept");
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

int cpu_parse_msr(const char *text, uint32_t msr, uint64_t *value)
{
	for (const char *line = text; *line;) {
		char name[16], word[24];
		uint64_t number;

		if (sscanf(line, "%15[0-9a-fx] %23s", name, word) == 2 &&
		    !opt_parse_u64(name, &number) && number == msr) {
			int code = errno_by_name(word);

			/* A word of digits is a value, however small. */
			if (!opt_parse_u64(word, value))
				return 0;
			return code > 0 ? -code : -EINVAL;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return -ENOENT;
}

static int read_msr_live(const struct sysroot *root, uint32_t msr, uint64_t *value)
{
	_cleanup_close_ int fd = sysroot_open_node(root, "dev/cpu/0/msr", O_RDONLY);
	uint8_t buf[8];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = fd_pread(fd, buf, sizeof(buf), msr);
	if (n < 0)
		return n;
	if (n != sizeof(buf))
		return -EIO;
	*value = ld64(buf);
	return 0;
}

static int read_msr(const struct sysroot *root, uint32_t msr, uint64_t *value)
{
	_cleanup_free_ char *text = NULL;
	int ret;

	if (root->live)
		return read_msr_live(root, msr, value);
	ret = sysroot_read(root, "kvmkit/msr.txt", 65536, &text);
	return ret < 0 ? ret : cpu_parse_msr(text, msr, value);
}

static void gather_msr(const struct sysroot *root, struct cpu_facts *cpu)
{
	bool intel = cpu_is_intel(cpu);
	uint64_t misc;

	cpu->xd_disabled = -1;
	if (!intel && !cpu_is_amd(cpu))
		return;
	cpu->msr_err =
		-read_msr(root, intel ? MSR_FEATURE_CONTROL : MSR_VM_CR, &cpu->msr);
	if (intel && !read_msr(root, MSR_MISC_ENABLE, &misc))
		cpu->xd_disabled = misc >> 34 & 1;
}

int cpu_gather(const struct sysroot *root, struct cpu_facts *cpu, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct cpuid_table table;
	int ret;

	cpu->msr_err = FACT_UNTRIED;
	cpu->invariant_tsc = -1;
	ret = cpuid_gather(root, &table, err);
	if (ret < 0)
		return ret;
	cpu_from_cpuid(&table, cpu);
	if (!sysroot_read_head(root, "proc/cpuinfo", 16 << 20, &text))
		cpu_from_cpuinfo(text, cpu);
	gather_msr(root, cpu);
	return 0;
}
