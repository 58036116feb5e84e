/* Fetching by libcurl. What may be got wrong is said here once: the scheme that was configured and no other, no redirect, no proxy,
 * no reuse, bounded time and size, and the address is looked at when it is known. */
#include "jwks/fetch.h"

#include <alcove/oauth.h>
#include <alcove/str.h>

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fetch {
	const struct jwk_ask *ask;
	struct alv_buf	     *out;
	bool		      refused, large;
};

static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct fetch *f = arg;

	(void)purpose;
	if (!jwk_address_may(&a->addr, a->addrlen, f->ask->allowed, f->ask->nallowed)) {
		f->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	alv_buf_add(f->out, p, size * n);
	f->large = f->out->err == ALV_E_LIMIT;
	return f->out->err ? 0 : size * n;
}

static int
on_progress(void *arg, curl_off_t dl, curl_off_t dnow, curl_off_t ul, curl_off_t unow)
{
	struct fetch *f = arg;

	(void)dl;
	(void)dnow;
	(void)ul;
	(void)unow;
	return atomic_load(f->ask->stop);
}

static bool
set_up(CURL *c, struct fetch *f, struct curl_slist *headers)
{
	const struct jwk_ask *a = f->ask;
	const char	     *scheme = strncmp(a->url, "http:", 5) == 0 ? "http" : "https";
	CURLcode	      r = CURLE_OK;

#define SET(option, value)							\
	do {									\
		if (r == CURLE_OK)						\
			r = curl_easy_setopt(c, CURLOPT_##option, value);	\
	} while (0)
	SET(URL, a->url);
	SET(PROTOCOLS_STR, scheme);
	SET(FOLLOWLOCATION, 0L);
	SET(PROXY, "");
	SET(NOSIGNAL, 1L);
	SET(QUICK_EXIT, 1L);	/* a resolver that does not answer would be waited for, beyond any time that is set here */
	SET(CONNECTTIMEOUT_MS, a->connect_ms);
	SET(TIMEOUT_MS, a->all_ms);
	SET(MAXFILESIZE, (long)AUT_JWKS_MAX);
	SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(HTTPHEADER, headers);
	SET(SSL_VERIFYPEER, 1L);
	SET(SSL_VERIFYHOST, 2L);
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (a->ca_file != NULL) {
		SET(CAINFO, a->ca_file);
		SET(CAPATH, NULL);
	}
	SET(OPENSOCKETFUNCTION, on_socket);
	SET(OPENSOCKETDATA, f);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, f);
	SET(NOPROGRESS, 0L);
	SET(XFERINFOFUNCTION, on_progress);
	SET(XFERINFODATA, f);
#undef SET
	return r == CURLE_OK;
}

static bool
run(CURL *c, const struct fetch *f, char why[static JWK_WHY])
{
	CURLcode r = curl_easy_perform(c);
	long	 status = 0;

	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (f->refused)
		snprintf(why, JWK_WHY, "it leads to an address that is neither the Internet's nor in jwks.endpoint.networks");
	else if (f->large || r == CURLE_FILESIZE_EXCEEDED)
		snprintf(why, JWK_WHY, "found more than %d bytes, expected at most that", AUT_JWKS_MAX);
	else if (r != CURLE_OK)
		snprintf(why, JWK_WHY, "%s", curl_easy_strerror(r));
	else if (status != 200)
		snprintf(why, JWK_WHY, "found HTTP status %ld, expected 200", status);
	return r == CURLE_OK && status == 200;
}

bool
jwk_fetch(const struct jwk_ask *a, struct alv_buf *out, char why[static JWK_WHY])
{
	struct fetch	   f = { .ask = a, .out = out };
	CURL		  *c = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/jwk-set+json, application/json");
	bool		   good = false;

	alv_buf_init(out, AUT_JWKS_MAX);
	if (c == NULL || headers == NULL || !set_up(c, &f, headers))
		snprintf(why, JWK_WHY, "out of memory");
	else
		good = run(c, &f, why);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return good;
}

bool
jwk_read(const char *file, struct alv_buf *out, char why[static JWK_WHY])
{
	int	    fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	uint8_t	    part[4096];
	ssize_t	    n = -1;

	alv_buf_init(out, AUT_JWKS_MAX);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while ((n = read(fd, part, sizeof(part))) > 0 && !out->err)
			alv_buf_add(out, part, (size_t)n);
	if (n < 0)
		snprintf(why, JWK_WHY, "found no file that can be read (%s)", fd < 0 ? strerror(errno) : "no regular file");
	else if (out->err)
		snprintf(why, JWK_WHY, "found more than %d bytes, expected at most that", AUT_JWKS_MAX);
	if (fd >= 0)
		close(fd);
	return n >= 0 && !out->err;
}
