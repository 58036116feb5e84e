/* Any bytes as what administrators send and write: JSON bodies by every table, request heads, the tokens file. The first
 * byte says which. What must hold: no crash; a body is bound within its fields' bounds or refused with a detail that
 * does not repeat a password; what held a password is wiped; a head that is taken has one reading; a tokens file is
 * taken or refused with its name, and no hash is repeated. */
#include "admin-api/body.h"
#include "admin-api/change.h"
#include "admin-api/raw.h"
#include "admin-api/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEEDLE "zq7w"	/* marks a password */

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char detail[4096];
static int  answers;

/* In the place of answer.c's, which needs a connection (the linker's --wrap): what would be told. */
void __wrap_adm_problem(struct adm_req *r, enum adm_problem p, const char *pointer, const char *fmt, ...) ALV_PRINTF(4, 5);

void
__wrap_adm_problem(struct adm_req *r, enum adm_problem p, const char *pointer, const char *fmt, ...)
{
	va_list ap;

	(void)r;
	MUST((unsigned)p < ADM_PROBLEMS);
	MUST(pointer == NULL || pointer[0] == '\0' || pointer[0] == '/');
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	answers++;
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

/* A field's name may be repeated, and a needle in one is no password. */
static bool
needle_in_names(const uint8_t *data, size_t n)
{
	json_t	   *o = json_loadb((const char *)data, n, JSON_DECODE_ANY, NULL);
	const char *name;
	json_t	   *v;
	bool	    found = o == NULL || !json_is_object(o);

	json_object_foreach(o, name, v)
		found |= strstr(name, NEEDLE) != NULL;
	json_decref(o);
	return found;
}

static void
check_bound(const struct adm_change *c, const struct adm_body *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct adm_field *f = &b->fields[i];
		const char	       *at = (const char *)c + f->at;

		MUST(adm_body_has(c, b, f->name) == ((c->seen >> i & 1) != 0));
		MUST((f->flags & ADM_REQUIRED) == 0 || (c->seen >> i & 1) != 0);
		if (f->type == ADM_STRING)
			MUST(memchr(at, '\0', f->size) != NULL && alv_str_utf8(alv_str_of(at)));
	}
}

static void
body(unsigned which, const uint8_t *data, size_t n)
{
	static struct adm_change c;
	struct adm_route	 route = { .body = &adm_bodies[which % ADM_BODIES] };
	h2o_req_t		 req = { .entity = { .base = malloc(n + 1), .len = n } };
	struct adm_req		 r = { .h2o = &req, .route = &route };
	bool			 secret = false, good;

	MUST(req.entity.base != NULL);
	memcpy(req.entity.base, data, n);
	memset(&c, 0, sizeof(c));
	c.con.rules = pol_rules_new();
	c.con.quotas = pol_quota_list_new();
	MUST(c.con.rules != NULL && c.con.quotas != NULL);
	answers = 0;
	good = adm_body_read(&r, &c);
	MUST(answers == (good ? 0 : 1));
	for (size_t i = 0; i < route.body->n; i++)
		secret |= (route.body->fields[i].flags & ADM_SECRET) != 0;
	for (size_t i = 0; i < n && secret; i++)
		MUST(req.entity.base[i] == '\0');
	if (good)
		check_bound(&c, route.body);
	else if (strstr(detail, NEEDLE) != NULL)
		MUST(needle_in_names(data, n));
	pol_rules_free(c.con.rules);
	pol_quota_list_free(c.con.quotas);
	free(req.entity.base);
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static void
head(const uint8_t *data, size_t n)
{
	struct alv_str s = alv_str_make(n == 0 ? (const uint8_t *)"" : data, n), params[ADM_PARAMS_MAX] = { { NULL, 0 } };
	const char    *cut = n == 0 ? NULL : memchr(s.p, '\n', n);
	char	       allow[64];

	if (adm_raw_check(s) == NULL) {
		const char *end = memmem(s.p, n, "\r\n\r\n", 4);

		MUST(end != NULL);
		for (const char *p = s.p; p < end; p++)
			MUST(*p != '\0' && (*p != '\n' || (p > s.p && p[-1] == '\r')));
	}
	if (cut != NULL) {
		struct alv_str method = alv_str_make(s.p, (size_t)(cut - s.p));
		struct alv_str path = alv_str_make(cut + 1, n - method.n - 1);
		const struct adm_route *found = adm_route_find(method, path, params, allow);

		MUST(memchr(allow, '\0', sizeof(allow)) != NULL);
		for (size_t i = 0; found != NULL && i < ADM_PARAMS_MAX && params[i].p != NULL; i++)
			MUST(params[i].p >= path.p && params[i].p + params[i].n <= path.p + path.n);
	}
}

/* ---- the tokens file --------------------------------------------------------------------------------------------- */

static void
tokens(const uint8_t *data, size_t n)
{
	int		   fd = memfd_create("tokens", MFD_CLOEXEC);
	char		   path[64];
	struct adm_tokens *t;
	struct adm_who	   who;
	struct alv_buf	   err;

	MUST(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	alv_buf_init(&err, 4096);
	if (adm_tokens_load(path, &t, &err) == ALV_OK) {
		MUST(t != NULL && err.n == 0);
		/* Whoever made a file that knows this hash? */
		MUST(adm_tokens_find(t, ALV_STR("no token of anybody"), &who) == ALV_E_AUTH);
		adm_tokens_free(t);
	} else {
		MUST(t == NULL && err.n > strlen(path) && memcmp(err.p, path, strlen(path)) == 0);
		for (size_t i = 0; i < err.n; i++)
			MUST(err.p[i] == '\n' || (err.p[i] >= 0x20 && err.p[i] < 0x7f));
		MUST(memmem(err.p, err.n, NEEDLE, strlen(NEEDLE)) == NULL);
	}
	alv_buf_fini(&err);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	switch (data[0] % 4) {
	case 0:
		tokens(data + 1, n - 1);
		break;
	case 1:
		head(data + 1, n - 1);
		break;
	default:
		body(data[0] / 4, data + 1, n - 1);
	}
	return 0;
}
