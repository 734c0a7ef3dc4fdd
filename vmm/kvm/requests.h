/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ioctls of KVM that this VMM makes, for its seccomp filter. */
#ifndef VMM_KVM_REQUESTS_H
#define VMM_KVM_REQUESTS_H

#include <stdint.h>

/* KVM_RUN is the first, as it is by far the most frequent. */
extern const uint32_t kvm_requests[];
extern const unsigned kvm_request_count;

#endif
