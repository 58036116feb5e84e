/* One growing piece of memory with a ceiling. Invariant: n <= cap <= limit; once err is set nothing changes. */
#include <alcove/buf.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

void
alv_buf_init(struct alv_buf *b, size_t limit)
{
	*b = (struct alv_buf){ .limit = limit };
}

void
alv_buf_fini(struct alv_buf *b)
{
	free(b->p);
	*b = (struct alv_buf){ .limit = b->limit };
}

void
alv_buf_wipe(struct alv_buf *b)
{
	if (b->p != NULL)
		OPENSSL_cleanse(b->p, b->cap);
	alv_buf_fini(b);
}

static bool
make_room(struct alv_buf *b, size_t n)
{
	size_t	 cap = b->cap == 0 ? 256 : b->cap;
	uint8_t *p;

	if (b->err)
		return false;
	if (n > b->limit - b->n) {
		b->err = ALV_E_LIMIT;
		return false;
	}
	if (b->n + n <= b->cap)
		return true;
	while (cap < b->n + n)
		cap *= 2;
	if (cap > b->limit)
		cap = b->limit;
	/* Not realloc: what it leaves behind could hold a secret. */
	p = malloc(cap);
	if (p == NULL) {
		b->err = ALV_E_NOMEM;
		return false;
	}
	if (b->n > 0)
		memcpy(p, b->p, b->n);
	if (b->p != NULL) {
		OPENSSL_cleanse(b->p, b->n);
		free(b->p);
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void
alv_buf_add(struct alv_buf *b, const void *p, size_t n)
{
	if (n == 0 || !make_room(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
alv_buf_str(struct alv_buf *b, struct alv_str s)
{
	alv_buf_add(b, s.p, s.n);
}

void
alv_buf_z(struct alv_buf *b, const char *z)
{
	alv_buf_add(b, z, strlen(z));
}

void
alv_buf_byte(struct alv_buf *b, uint8_t v)
{
	alv_buf_add(b, &v, 1);
}

void
alv_buf_be16(struct alv_buf *b, uint16_t v)
{
	uint8_t p[2];

	alv_put_be16(p, v);
	alv_buf_add(b, p, sizeof(p));
}

void
alv_buf_be32(struct alv_buf *b, uint32_t v)
{
	uint8_t p[4];

	alv_put_be32(p, v);
	alv_buf_add(b, p, sizeof(p));
}

void
alv_buf_printf(struct alv_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int	n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	/* One byte more than is kept: vsnprintf ends with a NUL. */
	if (n >= 0 && make_room(b, (size_t)n + 1)) {
		vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}
