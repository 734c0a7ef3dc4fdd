// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers between KVM and the shadow (Documentation/virt/kvm/api.rst, KVM_GET_REGS and
 * its siblings). Each call loads the vCPU onto the processor, so the number of calls is
 * what a read costs: ten, however many MSRs there are.
 *
 * Order matters. Reading: KVM_GET_MP_STATE first, because it delivers a pending INIT or
 * SIPI and so changes other registers. Writing: special registers first (they decide
 * whether the APIC is on, and in which mode), events after the general registers (which
 * cancel a pending exception), MSRs after the APIC (the deadline is dropped unless the
 * APIC's timer is in deadline mode) and the TSC as the first of them, the run state last.
 */
#include "vmm/kvm/shadow.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/kvm/internal.h"

#include <string.h>

#define MSR_TSC          0x10
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_HYPERV       0x40000000 /* up to 0x400001ff */

#define SAME_PLACE(ours, field, theirs, kernel_field)                 \
	_Static_assert(offsetof(struct ours, field) ==                \
	                       offsetof(struct theirs, kernel_field), \
	               #ours "." #field " has moved")

_Static_assert(sizeof(struct shadow_regs) == sizeof(struct kvm_regs), "kvm_regs");
_Static_assert(sizeof(struct shadow_segment) == sizeof(struct kvm_segment), "segment");
_Static_assert(sizeof(struct shadow_sregs) == sizeof(struct kvm_sregs2), "kvm_sregs2");
_Static_assert(sizeof(struct shadow_events) == sizeof(struct kvm_vcpu_events), "events");
_Static_assert(sizeof(struct shadow_msr) == sizeof(struct kvm_msr_entry), "msr_entry");
SAME_PLACE(shadow_regs, rflags, kvm_regs, rflags);
SAME_PLACE(shadow_segment, unusable, kvm_segment, unusable);
SAME_PLACE(shadow_sregs, ldt, kvm_sregs2, ldt);
SAME_PLACE(shadow_sregs, cr0, kvm_sregs2, cr0);
SAME_PLACE(shadow_sregs, pdptrs, kvm_sregs2, pdptrs);
SAME_PLACE(shadow_sregs, flags, kvm_sregs, interrupt_bitmap);
SAME_PLACE(shadow_events, flags, kvm_vcpu_events, flags);
SAME_PLACE(shadow_events, triple_fault_pending, kvm_vcpu_events, triple_fault.pending);
SAME_PLACE(shadow_events, exception_payload, kvm_vcpu_events, exception_payload);
SAME_PLACE(shadow_msrs, entries, kvm_msrs, entries);
SAME_PLACE(shadow_msr, value, kvm_msr_entry, data);

static int get(int fd, unsigned long request, void *to, const char *what, struct err *err)
{
	if (ioctl(fd, request, to) < 0)
		return err_sys(err, errno, "KVM cannot read the vCPU's %s", what);
	return 0;
}

static int set(int fd, unsigned long request, const void *from, const char *what,
               struct err *err)
{
	if (ioctl(fd, request, from) < 0)
		return err_sys(err, errno, "KVM refuses the vCPU's %s", what);
	return 0;
}

/* ---- what KVM offers ---- */

static int get_msr_list(struct shadow_host *host, struct err *err)
{
	_cleanup_free_ struct kvm_msr_list *list =
		calloc(1, sizeof(*list) + SHADOW_MAX_MSRS * sizeof(list->indices[0]));

	if (!list)
		return err_sys(err, ENOMEM, "MSR list");
	list->nmsrs = SHADOW_MAX_MSRS;
	if (ioctl(kvm_fd(host->kvm), KVM_GET_MSR_INDEX_LIST, list) < 0)
		return err_sys(err, errno, "KVM cannot list the MSRs it keeps");
	/* Guests are not offered Hyper-V's interface, whose times move by themselves. */
	for (unsigned i = 0; i < list->nmsrs; i++)
		if ((list->indices[i] & ~0x1ffu) != MSR_HYPERV)
			host->msrs[host->msr_count++] = list->indices[i];
	for (unsigned i = 0; i < host->msr_count; i++) {
		if (host->msrs[i] != MSR_TSC)
			continue;
		host->msrs[i] = host->msrs[0];
		host->msrs[0] = MSR_TSC;
	}
	return 0;
}

/* Reads MSRs from `first` on; returns how many. KVM stops at the first that it refuses.
 */
static int read_msrs(const struct shadow_host *host, int fd, unsigned first,
                     struct shadow_msrs *msrs)
{
	msrs->count = host->msr_count - first;
	for (unsigned i = 0; i < msrs->count; i++)
		msrs->entries[i] = (struct shadow_msr){ .index = host->msrs[first + i] };
	return ioctl(fd, KVM_GET_MSRS, msrs);
}

/* The list names MSRs of the processor; some need a feature that the guest's CPUID
 * lacks. */
static int drop_unreadable(struct shadow_host *host, int fd, struct err *err)
{
	_cleanup_free_ struct shadow_msrs *msrs = calloc(1, sizeof(*msrs));
	unsigned done = 0;

	if (!msrs)
		return err_sys(err, ENOMEM, "MSR list");
	while (done < host->msr_count) {
		int n = read_msrs(host, fd, done, msrs);

		if (n < 0)
			return err_sys(err, errno, "KVM cannot read the vCPU's MSRs");
		done += n;
		if (done < host->msr_count)
			memmove(&host->msrs[done], &host->msrs[done + 1],
			        (--host->msr_count - done) * sizeof(host->msrs[0]));
	}
	return 0;
}

static bool enable(struct kvm_vm *kvm, uint32_t cap)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { 1 } };

	return kvm_cap(kvm, cap) && ioctl(kvm_vm_fd(kvm), KVM_ENABLE_CAP, &enable) == 0;
}

int shadow_host_init(struct shadow_host *host, struct kvm_vm *kvm, int vcpu_fd,
                     struct err *err)
{
	int size = kvm_cap(kvm, KVM_CAP_XSAVE2), ret;

	*host = (struct shadow_host){
		.kvm = kvm,
		.sregs2 = kvm_cap(kvm, KVM_CAP_SREGS2),
		.xcrs = kvm_cap(kvm, KVM_CAP_XCRS),
		.xsave2 = size > 0,
		.payload = enable(kvm, KVM_CAP_EXCEPTION_PAYLOAD),
		.triple_fault = enable(kvm, KVM_CAP_X86_TRIPLE_FAULT_EVENT),
		.xsave_size = size > 0 ? size : (int)sizeof(struct kvm_xsave),
	};
	if (host->xsave_size > SHADOW_MAX_XSAVE)
		return err_set(err, E2BIG,
		               "KVM's extended registers take %u bytes; at most %u are "
		               "handled here",
		               host->xsave_size, SHADOW_MAX_XSAVE);
	ret = get_msr_list(host, err);
	return ret < 0 ? ret : drop_unreadable(host, vcpu_fd, err);
}

/* ---- reading ---- */

static int get_sregs(const struct shadow_host *host, int fd, struct shadow_sregs *s,
                     struct err *err)
{
	struct kvm_sregs old;
	int ret;

	if (host->sregs2)
		return get(fd, KVM_GET_SREGS2, s, "special registers", err);
	ret = get(fd, KVM_GET_SREGS, &old, "special registers", err);
	if (ret < 0)
		return ret;
	memset(s, 0, sizeof(*s));
	memcpy(s, &old, offsetof(struct kvm_sregs, interrupt_bitmap));
	return 0;
}

static int get_debug(int fd, struct vcpu_shadow *s, struct err *err)
{
	struct kvm_debugregs regs;
	int ret = get(fd, KVM_GET_DEBUGREGS, &regs, "debug registers", err);

	if (ret < 0)
		return ret;
	memcpy(s->debug_addr, regs.db, sizeof(s->debug_addr));
	s->dr6 = regs.dr6;
	s->dr7 = regs.dr7;
	return 0;
}

static int get_xcr0(const struct shadow_host *host, int fd, uint64_t *xcr0,
                    struct err *err)
{
	struct kvm_xcrs xcrs = { 0 };
	int ret = host->xcrs ? get(fd, KVM_GET_XCRS, &xcrs, "XCR0", err) : 0;

	*xcr0 = 0;
	for (unsigned i = 0; i < xcrs.nr_xcrs && i < KVM_MAX_XCRS; i++)
		if (xcrs.xcrs[i].xcr == 0)
			*xcr0 = xcrs.xcrs[i].value;
	return ret;
}

static int get_xsave(const struct shadow_host *host, int fd, struct vcpu_shadow *s,
                     struct err *err)
{
	uint8_t area[SHADOW_MAX_XSAVE];
	uint32_t len = host->xsave_size;
	int ret = get(fd, host->xsave2 ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, area,
	              "extended registers", err);

	if (ret < 0)
		return ret;
	/* Components that the guest never touched are zero: most of the area. */
	while (len > SHADOW_MIN_XSAVE && !ld64(area + len - 8) &&
	       !memcmp(area + len - 64, area + len - 56, 56))
		len -= 64;
	memcpy(s->xsave, area, len);
	s->xsave_len = len;
	return 0;
}

static int get_lapic(int fd, uint32_t regs[64], struct err *err)
{
	struct kvm_lapic_state page;
	int ret = get(fd, KVM_GET_LAPIC, &page, "local APIC", err);

	for (unsigned i = 0; i < 64 && ret >= 0; i++)
		regs[i] = ld32(page.regs + 16 * i);
	return ret;
}

static int get_msrs(const struct shadow_host *host, int fd, struct shadow_msrs *msrs,
                    struct err *err)
{
	int n = read_msrs(host, fd, 0, msrs);

	if (n == (int)msrs->count)
		return 0;
	return n < 0 ? err_sys(err, errno, "KVM cannot read the vCPU's MSRs")
	             : err_set(err, EIO, "KVM cannot read the vCPU's MSR 0x%x",
	                       msrs->entries[n].index);
}

int vcpu_shadow_read(const struct shadow_host *host, int fd, struct vcpu_shadow *s,
                     struct err *err)
{
	struct kvm_mp_state mp;
	int ret = get(fd, KVM_GET_MP_STATE, &mp, "run state", err), khz;

	if (ret < 0 ||
	    (ret = get(fd, KVM_GET_VCPU_EVENTS, &s->events, "events", err)) < 0 ||
	    (ret = get(fd, KVM_GET_REGS, &s->regs, "registers", err)) < 0 ||
	    (ret = get_sregs(host, fd, &s->sregs, err)) < 0 ||
	    (ret = get_debug(fd, s, err)) < 0 ||
	    (ret = get_xcr0(host, fd, &s->xcr0, err)) < 0 ||
	    (ret = get_xsave(host, fd, s, err)) < 0 ||
	    (ret = get_lapic(fd, s->lapic, err)) < 0 ||
	    (ret = get_msrs(host, fd, &s->msrs, err)) < 0)
		return ret;
	s->mp_state = mp.mp_state;
	khz = ioctl(fd, KVM_GET_TSC_KHZ, 0);
	s->tsc_khz = khz < 0 ? 0 : khz;
	return 0;
}

/* ---- writing ---- */

static int set_sregs(const struct shadow_host *host, int fd, const struct shadow_sregs *s,
                     struct err *err)
{
	struct kvm_sregs old = { 0 };

	if (host->sregs2)
		return set(fd, KVM_SET_SREGS2, s, "special registers", err);
	/* Without the flag KVM reads the PAE page directory pointers from RAM. */
	memcpy(&old, s, offsetof(struct kvm_sregs, interrupt_bitmap));
	return set(fd, KVM_SET_SREGS, &old, "special registers", err);
}

static int set_debug(int fd, const struct vcpu_shadow *s, struct err *err)
{
	struct kvm_debugregs regs = { .dr6 = s->dr6, .dr7 = s->dr7 };

	memcpy(regs.db, s->debug_addr, sizeof(s->debug_addr));
	return set(fd, KVM_SET_DEBUGREGS, &regs, "debug registers", err);
}

static int set_xsave(const struct shadow_host *host, int fd, const struct vcpu_shadow *s,
                     struct err *err)
{
	uint8_t area[SHADOW_MAX_XSAVE] = { 0 };
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = s->xcr0 };
	int ret;

	if (s->xsave_len > host->xsave_size)
		return err_set(err, EINVAL,
		               "the vCPU has %u bytes of extended registers there, this "
		               "host's KVM takes %u; choose a -cpu that both hosts have",
		               s->xsave_len, host->xsave_size);
	memcpy(area, s->xsave, s->xsave_len);
	ret = set(fd, KVM_SET_XSAVE, area, "extended registers", err);
	if (ret < 0 || !host->xcrs)
		return ret;
	return set(fd, KVM_SET_XCRS, &xcrs, "XCR0", err);
}

static int set_lapic(int fd, const uint32_t regs[64], struct err *err)
{
	struct kvm_lapic_state page = { { 0 } };

	for (unsigned i = 0; i < 64; i++)
		st32(page.regs + 16 * i, regs[i]);
	return set(fd, KVM_SET_LAPIC, &page, "local APIC", err);
}

/* Some MSRs can only be written with what they hold (feature MSRs of a vCPU that ran). An
 * MSR that this KVM does not have may be left out while it was never set. */
static bool may_skip(const struct shadow_host *host, int fd, const struct shadow_msr *msr)
{
	struct {
		uint32_t count, reserved;
		struct shadow_msr entry;
	} now = { .count = 1, .entry.index = msr->index };

	if (ioctl(fd, KVM_GET_MSRS, &now) == 1)
		return now.entry.value == msr->value;
	for (unsigned i = 0; i < host->msr_count; i++)
		if (host->msrs[i] == msr->index)
			return false;
	return !msr->value;
}

static int set_msrs(const struct shadow_host *host, int fd, const struct shadow_msr *msr,
                    unsigned count, struct err *err)
{
	struct shadow_msrs out = { 0 };

	while (count) {
		int n;

		out.count = count;
		memcpy(out.entries, msr, count * sizeof(*msr));
		n = ioctl(fd, KVM_SET_MSRS, &out);
		if (n < 0)
			return err_sys(err, errno, "KVM refuses the vCPU's MSRs");
		if (n == (int)count)
			return 0;
		if (!may_skip(host, fd, &msr[n]))
			return err_set(err, EINVAL,
			               "KVM refuses 0x%llx for the vCPU's MSR 0x%x",
			               (unsigned long long)msr[n].value, msr[n].index);
		msr += n + 1;
		count -= n + 1;
	}
	return 0;
}

/* The time stamp counter, everything else, the deadline. */
static int set_all_msrs(const struct shadow_host *host, int fd,
                        const struct shadow_msrs *msrs, unsigned flags, struct err *err)
{
	struct shadow_msr sorted[SHADOW_MAX_MSRS];
	unsigned count = 0;

	for (unsigned pass = 0; pass < 3; pass++) {
		for (unsigned i = 0; i < msrs->count; i++) {
			uint32_t index = msrs->entries[i].index;
			unsigned turn = index == MSR_TSC            ? 0
			                : index == MSR_TSC_DEADLINE ? 2
			                                            : 1;

			if (turn != pass)
				continue;
			sorted[count] = msrs->entries[i];
			/* 0 stands for a new vCPU: KVM gives it the others' offset. */
			if (flags & VCPU_SHADOW_SYNC_TSC && index == MSR_TSC)
				sorted[count].value = 0;
			sorted[count++].reserved = 0;
		}
	}
	return set_msrs(host, fd, sorted, count, err);
}

static int set_events(const struct shadow_host *host, int fd,
                      const struct shadow_events *events, struct err *err)
{
	struct shadow_events out = *events;

	memset(out.reserved, 0, sizeof(out.reserved));
	out.nmi_reserved = 0;
	out.sipi_vector = 0;
	out.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
	            KVM_VCPUEVENT_VALID_SMM |
	            (host->payload ? KVM_VCPUEVENT_VALID_PAYLOAD : 0) |
	            (host->triple_fault ? KVM_VCPUEVENT_VALID_TRIPLE_FAULT : 0);
	if ((out.exception_has_payload && !host->payload) ||
	    (out.triple_fault_pending && !host->triple_fault))
		return err_set(err, ENOTSUP,
		               "this host's KVM cannot take over the vCPU's pending %s; "
		               "save again a moment later, or use a newer kernel",
		               out.triple_fault_pending ? "triple fault" : "exception");
	return set(fd, KVM_SET_VCPU_EVENTS, &out, "events", err);
}

/* KVM's own measurements of one frequency differ by some parts per million. */
static int set_tsc_khz(int fd, uint32_t khz, struct err *err)
{
	int now = ioctl(fd, KVM_GET_TSC_KHZ, 0);
	uint32_t differs = now < 0 ? 0 : khz > (uint32_t)now ? khz - now : now - khz;

	if (!khz || now < 0 || differs <= (uint32_t)now / 4000)
		return 0;
	if (ioctl(fd, KVM_SET_TSC_KHZ, (unsigned long)khz) < 0)
		return err_sys(
			err, errno,
			"the vCPU's time stamp counter runs at %u kHz, and this host "
			"(%d kHz) cannot scale it",
			khz, now);
	return 0;
}

int vcpu_shadow_write(const struct shadow_host *host, int fd, const struct vcpu_shadow *s,
                      unsigned flags, struct err *err)
{
	struct kvm_mp_state mp = { .mp_state = s->mp_state };
	bool sync = flags & VCPU_SHADOW_SYNC_TSC;
	int ret = sync ? 0 : set_tsc_khz(fd, s->tsc_khz, err);

	if (ret < 0 || (ret = set_sregs(host, fd, &s->sregs, err)) < 0 ||
	    (ret = set(fd, KVM_SET_REGS, &s->regs, "registers", err)) < 0 ||
	    (ret = set_xsave(host, fd, s, err)) < 0 ||
	    (ret = set_debug(fd, s, err)) < 0 ||
	    (ret = set_lapic(fd, s->lapic, err)) < 0 ||
	    (ret = set_all_msrs(host, fd, &s->msrs, flags, err)) < 0 ||
	    (ret = set_events(host, fd, &s->events, err)) < 0)
		return ret;
	return set(fd, KVM_SET_MP_STATE, &mp, "run state", err);
}
