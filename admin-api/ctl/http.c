/* One request by libcurl. TLS is always verified; redirects and proxies are not followed, for the token goes along. */
#include "admin-api/ctl/ctl.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 64 * 1024 * 1024, CONNECT_S = 10, TOTAL_S = 60 };

static size_t
take(char *p, size_t size, size_t n, void *arg)
{
	struct alv_buf *b = arg;

	alv_buf_add(b, p, size * n);
	return b->err == ALV_OK ? size * n : 0;
}

static struct curl_slist *
headers(const struct ctl_call *c, bool body)
{
	struct curl_slist *all = NULL;
	struct alv_buf	   line;

	alv_buf_init(&line, 8192);
	alv_buf_printf(&line, "Authorization: Bearer %s", c->token);
	alv_buf_byte(&line, '\0');
	all = curl_slist_append(all, (const char *)line.p);
	alv_buf_wipe(&line);
	if (body)
		all = curl_slist_append(all, "Content-Type: application/json");
	if (c->opt.if_match != NULL) {
		alv_buf_init(&line, 8192);
		alv_buf_printf(&line, "If-Match: \"%s\"", c->opt.if_match);
		alv_buf_byte(&line, '\0');
		all = curl_slist_append(all, (const char *)line.p);
		alv_buf_fini(&line);
	}
	return all;
}

static void
wipe_headers(struct curl_slist *all)
{
	if (all != NULL)
		explicit_bzero(all->data, strlen(all->data));
	curl_slist_free_all(all);
}

static void
set_up(CURL *h, const struct ctl_call *c, const char *method, const char *url, struct curl_slist *list, char *body, struct alv_buf *in)
{
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)TOTAL_S);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, in);
	if (c->opt.ca != NULL)
		curl_easy_setopt(h, CURLOPT_CAINFO, c->opt.ca);
	if (body != NULL) {
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
	} else if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, 0L);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, "");
	}
}

/* A token in the clear is only for this machine. */
static bool
safe_url(const char *url)
{
	static const char *const local[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };

	if (strncmp(url, "https://", 8) == 0)
		return true;
	for (size_t i = 0; i < ALV_COUNT(local); i++) {
		size_t n = strlen(local[i]);

		if (strncmp(url, local[i], n) == 0 && (url[n] == '\0' || url[n] == ':' || url[n] == '/'))
			return true;
	}
	return false;
}

int
ctl_http(const struct ctl_call *c, const char *method, const char *path, const json_t *body, long *status, json_t **answer)
{
	char		   url[4096], words[CURL_ERROR_SIZE] = "", *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	size_t		   n = strlen(c->opt.url);
	struct curl_slist *list = headers(c, body != NULL);
	CURL		  *h = curl_easy_init();
	CURLcode	   r = CURLE_OUT_OF_MEMORY;
	struct alv_buf	   in;

	alv_buf_init(&in, ANSWER_MAX);
	snprintf(url, sizeof(url), "%.*s%s", (int)(n > 0 && c->opt.url[n - 1] == '/' ? n - 1 : n), c->opt.url, path);
	if (h != NULL && list != NULL && (body == NULL || text != NULL) && safe_url(url)) {
		set_up(h, c, method, url, list, text, &in);
		curl_easy_setopt(h, CURLOPT_ERRORBUFFER, words);
		r = curl_easy_perform(h);
		curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, status);
	} else if (!safe_url(url)) {
		snprintf(words, sizeof(words), "found a URL without https, which is for this machine only");
	}
	if (r != CURLE_OK)
		fprintf(stderr, "alcovectl: %s: %s\n", c->opt.url, words[0] != '\0' ? words : curl_easy_strerror(r));
	else
		*answer = json_loadb((const char *)in.p, in.n, JSON_DECODE_ANY, NULL);
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
	wipe_headers(list);
	curl_easy_cleanup(h);
	alv_buf_wipe(&in);
	return r == CURLE_OK ? CTL_OK : CTL_UNREACHABLE;
}
