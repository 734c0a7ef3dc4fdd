// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS with GnuTLS. Certificates are those of QEMU's folder; anonymous credentials keep
 * secret what passes by, and nothing else. A client's certificate is verified within the
 * handshake, against ca-cert.pem and for use by clients.
 */
#include "vmm/helpers/vnc/tls.h"

#include "common/cleanup.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE   (1u << 20)
#define MAX_RECORD 16384
#define PRIORITY   "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
/* TLS 1.3 has no keys without certificates. */
#define ANONYMOUS  "+ANON-ECDH:+ANON-DH:-VERS-TLS1.3"

struct tls {
	enum vnc_tls_kind kind;
	bool verify;
	gnutls_certificate_credentials_t x509;
	gnutls_anon_server_credentials_t anon;
	gnutls_dh_params_t dh;
	gnutls_priority_t priority;
	gnutls_typed_vdata_st purpose; /* of a client's certificate */
};

struct tls_session {
	gnutls_session_t session;
	bool up;        /* its handshake is done */
	size_t writing; /* bytes of the record that was not sent as a whole */
};

/* ---- credentials ---- */

/* From its beginning, as others read it before. */
static int read_file(int fd, gnutls_datum_t *out, const char *name, struct err *err)
{
	struct stat st;
	ssize_t n;

	*out = (gnutls_datum_t){ 0 };
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || st.st_size > MAX_FILE)
		return err_set(err, EFBIG, "%s is no such file", name);
	out->data = malloc(st.st_size + 1);
	if (!out->data)
		return err_sys(err, ENOMEM, "%s", name);
	n = pread(fd, out->data, st.st_size, 0);
	out->size = n < 0 ? 0 : n;
	return n < 0 ? err_sys(err, errno, "cannot read %s", name) : 0;
}

static int complain(int code, const char *what, struct err *err)
{
	return code < 0 ? err_set(err, EINVAL, "%s: %s", what, gnutls_strerror(code)) : 0;
}

static int use_files(struct tls *tls, const gnutls_datum_t *f, struct err *err)
{
	int ret = gnutls_certificate_set_x509_trust_mem(tls->x509, &f[VNC_TLS_CA],
	                                                GNUTLS_X509_FMT_PEM);

	if (!ret)
		return err_set(err, EINVAL, "%s: there is no certificate in it",
		               vnc_tls_files[VNC_TLS_CA]);
	ret = complain(ret, vnc_tls_files[VNC_TLS_CA], err);
	if (!ret && f[VNC_TLS_CRL].size)
		ret = complain(gnutls_certificate_set_x509_crl_mem(
				       tls->x509, &f[VNC_TLS_CRL], GNUTLS_X509_FMT_PEM),
		               vnc_tls_files[VNC_TLS_CRL], err);
	if (!ret)
		ret = complain(gnutls_certificate_set_x509_key_mem(
				       tls->x509, &f[VNC_TLS_CERT], &f[VNC_TLS_KEY],
				       GNUTLS_X509_FMT_PEM),
		               "server-cert.pem with server-key.pem", err);
	return ret;
}

static int use_dh(struct tls *tls, const gnutls_datum_t *file, struct err *err)
{
	if (!file->size) {
		if (tls->anon)
			gnutls_anon_set_server_known_dh_params(tls->anon,
			                                       GNUTLS_SEC_PARAM_MEDIUM);
		else
			gnutls_certificate_set_known_dh_params(tls->x509,
			                                       GNUTLS_SEC_PARAM_MEDIUM);
		return 0;
	}
	if (gnutls_dh_params_init(&tls->dh) < 0)
		return err_sys(err, ENOMEM, "TLS");
	if (complain(gnutls_dh_params_import_pkcs3(tls->dh, file, GNUTLS_X509_FMT_PEM),
	             vnc_tls_files[VNC_TLS_DH], err) < 0)
		return -err->code;
	if (tls->anon)
		gnutls_anon_set_server_dh_params(tls->anon, tls->dh);
	else
		gnutls_certificate_set_dh_params(tls->x509, tls->dh);
	return 0;
}

static int set_priority(struct tls *tls, const char *priority, struct err *err)
{
	char text[sizeof(((struct vnc_tls *)NULL)->priority) + 64];

	snprintf(text, sizeof(text), "%s%s%s", *priority ? priority : PRIORITY,
	         tls->anon ? ":" : "", tls->anon ? ANONYMOUS : "");
	return complain(gnutls_priority_init(&tls->priority, text, NULL), "priority",
	                err);
}

static int load(struct tls *tls, const struct vnc_tls *config, const int *files,
                struct err *err)
{
	gnutls_datum_t data[VNC_TLS_FILES] = { 0 };
	int ret = 0;

	for (unsigned i = 0; i < VNC_TLS_FILES && !ret; i++)
		ret = read_file(files[i], &data[i], vnc_tls_files[i], err);
	if (!ret && tls->x509)
		ret = use_files(tls, data, err);
	if (!ret)
		ret = use_dh(tls, &data[VNC_TLS_DH], err);
	if (!ret)
		ret = set_priority(tls, config->priority, err);
	for (unsigned i = 0; i < VNC_TLS_FILES; i++) {
		if (data[i].data)
			explicit_bzero(data[i].data, data[i].size);
		free(data[i].data);
	}
	return ret;
}

struct tls *tls_new(const struct vnc_tls *config, const int *files, struct err *err)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	int ret = -1;

	if (tls) {
		tls->kind = config->kind;
		tls->verify = config->verify;
		tls->purpose.type = GNUTLS_DT_KEY_PURPOSE_OID;
		tls->purpose.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT;
		ret = config->kind == VNC_TLS_X509
		              ? gnutls_certificate_allocate_credentials(&tls->x509)
		              : gnutls_anon_allocate_server_credentials(&tls->anon);
	}
	if (ret < 0)
		err_sys(err, ENOMEM, "TLS");
	if (ret >= 0 && load(tls, config, files, err) >= 0)
		return tls;
	tls_free(tls);
	return NULL;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	if (tls->priority)
		gnutls_priority_deinit(tls->priority);
	if (tls->x509)
		gnutls_certificate_free_credentials(tls->x509);
	if (tls->anon)
		gnutls_anon_free_server_credentials(tls->anon);
	if (tls->dh)
		gnutls_dh_params_deinit(tls->dh);
	free(tls);
}

/* ---- sessions ---- */

static bool prepare(struct tls *tls, gnutls_session_t session)
{
	if (gnutls_priority_set(session, tls->priority) < 0)
		return false;
	if (tls->anon)
		return gnutls_credentials_set(session, GNUTLS_CRD_ANON, tls->anon) >= 0;
	if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->x509) < 0)
		return false;
	gnutls_certificate_server_set_request(session, tls->verify ? GNUTLS_CERT_REQUIRE
	                                                           : GNUTLS_CERT_IGNORE);
	if (tls->verify)
		gnutls_session_set_verify_cert2(session, &tls->purpose, 1, 0);
	return true;
}

struct tls_session *tls_open(struct tls *tls, int fd)
{
	struct tls_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (gnutls_init(&s->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) <
	    0) {
		free(s);
		return NULL;
	}
	gnutls_transport_set_int(s->session, fd);
	gnutls_handshake_set_timeout(s->session, GNUTLS_INDEFINITE_TIMEOUT);
	if (prepare(tls, s->session))
		return s;
	tls_close(s);
	return NULL;
}

void tls_close(struct tls_session *s)
{
	if (!s)
		return;
	if (s->up)
		gnutls_bye(s->session, GNUTLS_SHUT_WR);
	gnutls_deinit(s->session);
	free(s);
}

static bool waits(int ret)
{
	return ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED;
}

int tls_shake(struct tls_session *s)
{
	int ret;

	do
		ret = gnutls_handshake(s->session);
	while (ret < 0 && !waits(ret) && !gnutls_error_is_fatal(ret));
	s->up = ret >= 0;
	return s->up ? 1 : waits(ret) ? 0 : -1;
}

bool tls_is_writing(const struct tls_session *s)
{
	return gnutls_record_get_direction(s->session);
}

/* Errors of any kind end the connection. */
static ssize_t result(ssize_t ret)
{
	if (ret >= 0)
		return ret;
	errno = waits(ret) ? EAGAIN : EPIPE;
	return -1;
}

ssize_t tls_read(struct tls_session *s, void *data, size_t len)
{
	return result(gnutls_record_recv(s->session, data, len));
}

ssize_t tls_write(struct tls_session *s, const void *data, size_t len)
{
	ssize_t ret;

	len = len < MAX_RECORD ? len : MAX_RECORD;
	ret = s->writing ? gnutls_record_send(s->session, NULL, 0)
	                 : gnutls_record_send(s->session, data, len);
	if (waits(ret))
		s->writing = s->writing ? s->writing : len;
	else
		s->writing = 0;
	return result(ret);
}

bool tls_has_pending(const struct tls_session *s)
{
	return gnutls_record_check_pending(s->session);
}
