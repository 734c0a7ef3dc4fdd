/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version of the whole toolkit. */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#define KVMKIT_VERSION "0.1.0"

#endif
