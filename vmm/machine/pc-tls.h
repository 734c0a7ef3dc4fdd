/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object tls-creds-x509 and tls-creds-anon: whom a server is, and how it says so. */
#ifndef VMM_MACHINE_PC_TLS_H
#define VMM_MACHINE_PC_TLS_H

#include "common/opts.h"
#include "vmm/display/vnc.h"

extern const struct opt_desc pc_tls_x509_rows[], pc_tls_anon_rows[];

/* Opens the files, so that they can be read by helpers that are started without the right
 * to. -errno with a sentence that names the file; what was opened is the caller's. */
int pc_tls_parse(struct vnc_credentials *credentials, enum vnc_tls_kind kind,
                 struct opt_list *opts, struct err *err);
void pc_tls_free(struct vnc_credentials *credentials);

#endif
