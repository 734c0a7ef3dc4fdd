// SPDX-License-Identifier: GPL-2.0-or-later
/* Names that vmm and vmm-vnc share. */
#include "common/vncproto.h"

const char *const vnc_tls_files[VNC_TLS_FILES] = {
	[VNC_TLS_CA] = "ca-cert.pem",       [VNC_TLS_CRL] = "ca-crl.pem",
	[VNC_TLS_CERT] = "server-cert.pem", [VNC_TLS_KEY] = "server-key.pem",
	[VNC_TLS_DH] = "dh-params.pem",
};
