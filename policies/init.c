/* `alcove init DIR`: everything a first run needs, in a folder that is not there yet.
 * Invariant: all files or none. They are written into a folder beside DIR, tried, and then the folder is renamed;
 * rename(2) refuses where DIR holds anything. The admin token is shown once and kept only as its SHA-256. */
#include "policies/cert.h"
#include "policies/option.h"

#include <alcove/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

enum { NAMES_MAX = 64, PATH_LEN = 1024, TOKEN_BYTES = 32, KEY_BYTES = 32 };

static const char default_domain[] = "alcove.localhost";
static const char default_bootstrap[] = "127.0.0.1:9092";
static const char token_head[] = "alcove_";

/* What is in a folder that init made, for cleaning up. */
static const char *const files[] = { "alcove.yaml", "ca.pem", "ca.key", "server.pem", "server.key", "state.key", "tokens" };
static const char	 state_folder[] = "state";

struct work {
	const struct pol_init *in;
	const char	      *domain, *bootstrap;
	char		       tmp[PATH_LEN];
	char		       token[64];
	struct alv_buf	      *err;
};

static enum alv_err
fail(struct work *w, enum alv_err e, const char *what, const char *path)
{
	alv_buf_printf(w->err, "alcove init: cannot %s %s: %s\n", what, path, e == ALV_E_SYSTEM ? strerror(errno) : alv_err_text(e));
	return e;
}

static enum alv_err
write_file(struct work *w, const char *name, mode_t mode, const struct alv_buf *content)
{
	char	path[PATH_LEN + 32];
	int	fd;
	ssize_t n;

	if (content->err)
		return fail(w, content->err, "make", name);
	snprintf(path, sizeof(path), "%s/%s", w->tmp, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return fail(w, ALV_E_SYSTEM, "create", path);
	n = write(fd, content->p, content->n);
	if (n != (ssize_t)content->n || fchmod(fd, mode) != 0 || fsync(fd) != 0) {
		close(fd);
		return fail(w, ALV_E_SYSTEM, "write", path);
	}
	return close(fd) == 0 ? ALV_OK : fail(w, ALV_E_SYSTEM, "write", path);
}

/* ---- certificates --------------------------------------------------------------------------- */

static enum alv_err
write_pair(struct work *w, const char *cert_name, const char *key_name, const struct pol_pair *p)
{
	struct alv_buf cert, key;
	enum alv_err   e = ALV_E_CRYPTO;

	alv_buf_init(&cert, 64 * 1024);
	alv_buf_init(&key, 64 * 1024);
	if (pol_cert_pem(p->cert, &cert) && pol_key_pem(p->key, &key)) {
		e = write_file(w, cert_name, 0644, &cert);
		if (!e)
			e = write_file(w, key_name, 0600, &key);
	} else {
		e = fail(w, e, "make", cert_name);
	}
	alv_buf_fini(&cert);
	alv_buf_wipe(&key);
	return e;
}

static enum alv_err
make_certificates(struct work *w)
{
	struct pol_pair ca = { NULL, NULL }, server = { NULL, NULL };
	struct alv_str	names[NAMES_MAX + 5];
	char		wild[300];
	size_t		n = 0;
	enum alv_err	e;

	snprintf(wild, sizeof(wild), "*.%s", w->domain);
	names[n++] = alv_str_of(wild);
	names[n++] = alv_str_of(w->domain);
	names[n++] = ALV_STR("localhost");
	names[n++] = ALV_STR("127.0.0.1");
	names[n++] = ALV_STR("::1");
	for (size_t i = 0; i < w->in->nsans; i++)
		names[n++] = alv_str_of(w->in->sans[i]);
	if (!pol_cert_ca(&ca, "Alcove development CA") || !pol_cert_server(&server, &ca, "Alcove", names, n))
		e = fail(w, ALV_E_CRYPTO, "make", "certificates");
	else if ((e = write_pair(w, "ca.pem", "ca.key", &ca)) == ALV_OK)
		e = write_pair(w, "server.pem", "server.key", &server);
	pol_cert_fini(&ca);
	pol_cert_fini(&server);
	return e;
}

/* ---- secrets -------------------------------------------------------------------------------- */

static enum alv_err
make_state_key(struct work *w)
{
	uint8_t	       raw[KEY_BYTES];
	unsigned char  text[KEY_BYTES * 2];
	struct alv_buf b;
	enum alv_err   e;

	alv_buf_init(&b, 256);
	if (RAND_priv_bytes(raw, sizeof(raw)) != 1)
		return fail(w, ALV_E_CRYPTO, "make", "state.key");
	alv_buf_add(&b, text, (size_t)EVP_EncodeBlock(text, raw, sizeof(raw)));
	alv_buf_byte(&b, '\n');
	e = write_file(w, "state.key", 0600, &b);
	OPENSSL_cleanse(raw, sizeof(raw));
	OPENSSL_cleanse(text, sizeof(text));
	alv_buf_wipe(&b);
	return e;
}

static enum alv_err
make_token(struct work *w)
{
	uint8_t	       raw[TOKEN_BYTES], hash[SHA256_DIGEST_LENGTH];
	struct alv_buf b;
	enum alv_err   e;
	size_t	       n;

	if (RAND_priv_bytes(raw, sizeof(raw)) != 1)
		return fail(w, ALV_E_CRYPTO, "make", "an admin token");
	/* A word in front: a secret scanner finds it, and no shell takes it for an option. */
	memcpy(w->token, token_head, sizeof(token_head));
	n = sizeof(token_head) - 1;
	n += (size_t)EVP_EncodeBlock((unsigned char *)w->token + n, raw, sizeof(raw));
	OPENSSL_cleanse(raw, sizeof(raw));
	/* URL-safe, no padding: it travels in headers and shells. */
	for (size_t i = 0; i < n; i++)
		w->token[i] = w->token[i] == '+' ? '-' : w->token[i] == '/' ? '_' : w->token[i];
	while (n > 0 && w->token[n - 1] == '=')
		w->token[--n] = '\0';
	SHA256((const unsigned char *)w->token, n, hash);
	alv_buf_init(&b, 1024);
	alv_buf_z(&b, "# role:name:SHA-256 of the bearer token, in hex\nplatform-admin:admin:");
	for (size_t i = 0; i < sizeof(hash); i++)
		alv_buf_printf(&b, "%02x", hash[i]);
	alv_buf_z(&b, "\n");
	e = write_file(w, "tokens", 0600, &b);
	alv_buf_fini(&b);
	return e;
}

/* ---- alcove.yaml ---------------------------------------------------------------------------- */

static const char yaml_listeners[] =
    "# Alcove's configuration, made by `alcove init`. All options: docs/configuration.md\n"
    "# Relative paths start at this file's folder. Check it after a change: alcove check -c alcove.yaml\n"
    "\n"
    "listeners:\n"
    "  # Every tenant has host names of its own: <tenant>.%s for the bootstrap, b<node>-<tenant>.%s\n"
    "  # for a broker. Clients must be able to resolve them (one wildcard DNS entry, or lines in /etc/hosts).\n"
    "  - name: main\n"
    "    bind: 0.0.0.0:9192\n"
    "    endpoint: sni\n"
    "    domain: %s\n"
    "    tls:\n"
    "      certificate.file: server.pem\n"
    "      key.file: server.key\n"
    "  # The same without DNS, for this machine only: all tenants share the port, users log in as <tenant>/<user>.\n"
    "  # Broker n is at port 19093 + n.\n"
    "  - name: local\n"
    "    bind: 127.0.0.1:19092\n"
    "    endpoint: port\n"
    "    node.ports: 19093-19112\n"
    "    node.id.first: 0\n"
    "    tls:\n"
    "      certificate.file: server.pem\n"
    "      key.file: server.key\n";

static const char yaml_rest[] =
    "\n"
    "upstream:\n"
    "  bootstrap.servers: \"%s\"\n"
    "  security.protocol: PLAINTEXT    # or SSL, SASL_PLAINTEXT, SASL_SSL\n"
    "  # ssl:\n"
    "  #   ca.file: kafka-ca.pem\n"
    "  # sasl:\n"
    "  #   mechanism: SCRAM-SHA-512\n"
    "  #   username: alcove\n"
    "  #   password.file: kafka-password\n"
    "\n"
    "# The REST API; alcovectl speaks it too. `tokens` holds hashes of the tokens that open it.\n"
    "admin:\n"
    "  bind: 127.0.0.1:8443\n"
    "  tokens.file: tokens\n"
    "  tls:\n"
    "    certificate.file: server.pem\n"
    "    key.file: server.key\n"
    "\n"
    "# /healthz, /readyz and /metrics.\n"
    "ops:\n"
    "  bind: 127.0.0.1:9464\n"
    "\n"
    "# Tenants, users and aliases. Keep state.key: what the database holds of passwords cannot be read without it.\n"
    "state:\n"
    "  file: state/alcove.db\n"
    "  key.file: state.key\n"
    "\n"
    "log:\n"
    "  level: info\n"
    "  format: text\n";

static enum alv_err
make_yaml(struct work *w)
{
	struct alv_buf b;
	enum alv_err   e;

	alv_buf_init(&b, 64 * 1024);
	alv_buf_printf(&b, yaml_listeners, w->domain, w->domain, w->domain);
	alv_buf_printf(&b, yaml_rest, w->bootstrap);
	e = write_file(w, "alcove.yaml", 0644, &b);
	alv_buf_fini(&b);
	return e;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static void
remove_tmp(struct work *w)
{
	char path[PATH_LEN + 32];

	for (size_t i = 0; i < ALV_COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->tmp, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/%s", w->tmp, state_folder);
	rmdir(path);
	rmdir(w->tmp);
}

/* What was written must load; else an input slipped through that should have been refused. */
static enum alv_err
try_it(struct work *w)
{
	char		   path[PATH_LEN + 32];
	struct pol_config *c;
	enum alv_err	   e;

	snprintf(path, sizeof(path), "%s/%s", w->tmp, state_folder);
	if (mkdir(path, 0700) != 0)
		return fail(w, ALV_E_SYSTEM, "create", path);
	snprintf(path, sizeof(path), "%s/alcove.yaml", w->tmp);
	e = pol_config_load(path, &c, w->err);
	if (!e)
		pol_config_free(c);
	return e;
}

static enum alv_err
put_in_place(struct work *w, const char *dir)
{
	if (chmod(w->tmp, 0755) != 0)
		return fail(w, ALV_E_SYSTEM, "change the mode of", w->tmp);
	if (rename(w->tmp, dir) == 0)
		return ALV_OK;
	if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
		alv_buf_printf(w->err, "alcove init: found something at %s, expected an empty or new folder; nothing was changed\n", dir);
		return ALV_E_EXISTS;
	}
	return fail(w, ALV_E_SYSTEM, "create", dir);
}

static enum alv_err
refuse(struct work *w, const char *what, const char *found, const char *expected)
{
	alv_buf_printf(w->err, "alcove init: %s: found '%.200s', expected %s\n", what, found, expected);
	return ALV_E_VALUE;
}

static enum alv_err
check_input(struct work *w)
{
	const struct pol_init *in = w->in;
	struct pol_bind	       b;
	const char	      *at = w->bootstrap;

	if (!pol_domain_legal(alv_str_of(w->domain)) || strlen(w->domain) > 200)
		return refuse(w, "domain", w->domain, "a domain name");
	for (;;) {
		size_t n = strcspn(at, ",");

		if (!pol_bind_parse(alv_str_make(at, n), 1, 65535, &b))
			return refuse(w, "bootstrap", w->bootstrap, "host:port, or several with commas between them");
		if (at[n] == '\0')
			break;
		at += n + 1;
	}
	if (in->nsans > NAMES_MAX)
		return refuse(w, "names", "too many", "at most 64");
	for (size_t i = 0; i < in->nsans; i++) {
		struct alv_str s = alv_str_of(in->sans[i]);

		if (s.n > 2 && s.p[0] == '*' && s.p[1] == '.')
			s = alv_str_make(s.p + 2, s.n - 2);
		if (!pol_host_legal(s))
			return refuse(w, "name", in->sans[i], "a host name or address");
	}
	return ALV_OK;
}

/* The path without slashes at its end. "." and ".." cannot be replaced under the feet of the shell that stands there. */
static enum alv_err
folder_name(struct work *w, char *dir, size_t cap)
{
	size_t	    n = strlen(w->in->dir);
	const char *last;

	while (n > 1 && w->in->dir[n - 1] == '/')
		n--;
	if (n == 0 || n + 16 >= cap)
		return refuse(w, "folder", w->in->dir, "the path of a new folder");
	memcpy(dir, w->in->dir, n);
	dir[n] = '\0';
	last = strrchr(dir, '/');
	last = last == NULL ? dir : last + 1;
	if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return refuse(w, "folder", w->in->dir, "the name of a new folder");
	return ALV_OK;
}

static void
tell(const struct work *w, const char *dir, struct alv_buf *out)
{
	alv_buf_printf(out,
	    "Made %s:\n"
	    "  alcove.yaml             the configuration, with comments\n"
	    "  ca.pem, ca.key          a development CA; clients trust ca.pem\n"
	    "  server.pem, server.key  for *.%s, %s, localhost, 127.0.0.1, ::1%s\n"
	    "  state.key               seals credentials in the database: keep it\n"
	    "  tokens                  hashes of admin tokens\n"
	    "\n"
	    "Admin token, shown this once:\n"
	    "  %s\n"
	    "\n"
	    "Next:\n"
	    "  alcove check -c %s/alcove.yaml\n"
	    "  alcove run -c %s/alcove.yaml\n",
	    dir, w->domain, w->domain, w->in->nsans > 0 ? " and the names given" : "", w->token, dir, dir);
}

enum alv_err
pol_init_dir(const struct pol_init *in, struct alv_buf *out, struct alv_buf *err)
{
	struct work  w = { .in = in, .err = err };
	char	     dir[PATH_LEN - 16];
	enum alv_err e;

	w.domain = in->domain == NULL ? default_domain : in->domain;
	w.bootstrap = in->bootstrap == NULL ? default_bootstrap : in->bootstrap;
	if ((e = check_input(&w)) || (e = folder_name(&w, dir, sizeof(dir))))
		return e;
	snprintf(w.tmp, sizeof(w.tmp), "%s.XXXXXX", dir);
	if (mkdtemp(w.tmp) == NULL)
		return fail(&w, ALV_E_SYSTEM, "create a folder beside", dir);
	if ((e = make_certificates(&w)) || (e = make_state_key(&w)) || (e = make_token(&w)) || (e = make_yaml(&w)) ||
	    (e = try_it(&w)) || (e = put_in_place(&w, dir)))
		remove_tmp(&w);
	else
		tell(&w, dir, out);
	OPENSSL_cleanse(w.token, sizeof(w.token));
	return e;
}
