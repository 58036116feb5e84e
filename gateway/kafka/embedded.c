/* Names inside the bytes that members of a classic group send each other through the coordinator.
 * Always the old encoding, with the version in front. More lenient than a walk, because every client writes these
 * bytes on its own: a later version is read as the last one known, fields that end the value early are simply not
 * there, and what follows the last field is handed on. Lengths and counts are checked all the same.
 * Small and whole, so it reads by cursor and writes into one piece of the arena. */
#include <alcove/kafka.h>

#include "kafka/cursor.h"
#include "kafka/value.h"

#define NAMES (1ull << KFK_KIND_TOPIC_NAME | 1ull << KFK_KIND_GROUP_ID | 1ull << KFK_KIND_TXN_ID)

enum { VERSION_FIELD = 2, SPARE = 64 };

struct pass {
	struct kfk_cursor	 in;
	const struct kfk_schema *schema;
	int16_t			 version;
	kfk_map_fn		 map;
	void			*arg;
	struct alv_arena	*arena;
	uint8_t			*out;
	size_t			 n, cap;
	bool			 in_array, drop;	/* the element around disappears */
};

static enum alv_err copy_fields(struct pass *p, uint16_t first, uint16_t count);

/* n more bytes of output; NULL: no memory. */
static uint8_t *
extend(struct pass *p, size_t n)
{
	if (n > p->cap - p->n) {
		size_t	 cap = p->cap * 2 + n;
		uint8_t *out = alv_arena_alloc(p->arena, cap);

		if (out == NULL)
			return NULL;
		if (p->n > 0)
			memcpy(out, p->out, p->n);
		p->out = out;
		p->cap = cap;
	}
	p->n += n;
	return p->out + p->n - n;
}

static enum alv_err
copy_raw(struct pass *p, size_t n)
{
	uint8_t *to;

	if (n > p->in.left)
		return ALV_E_SHORT;
	to = extend(p, n);
	if (to == NULL)
		return ALV_E_NOMEM;
	kfk_cursor_copy(&p->in, to, n);
	return p->in.err;
}

static enum alv_err
put_string(struct pass *p, struct alv_str s)
{
	uint8_t *to;

	if (s.n > INT16_MAX)
		return ALV_E_LENGTH;
	to = extend(p, 2 + s.n);
	if (to == NULL)
		return ALV_E_NOMEM;
	alv_put_be16(to, s.p == NULL ? UINT16_MAX : (uint16_t)s.n);
	if (s.p != NULL)
		memcpy(to + 2, s.p, s.n);
	return ALV_OK;
}

static enum alv_err
copy_string(struct pass *p, const struct kfk_field *f)
{
	struct alv_str s = kfk_cursor_str16(&p->in, p->arena), mapped = s;
	enum alv_err   err;

	if (p->in.err)
		return p->in.err;
	if (s.p == NULL && (f->array || !kfk_versions_has(f->nullable, p->version)))
		return ALV_E_NULL_VALUE;
	if (s.p != NULL && (NAMES >> f->kind & 1) && !p->drop) {
		err = p->map(p->arg, (enum kfk_kind)f->kind, s, p->arena, &mapped);
		if (err == ALV_E_NOT_FOUND && p->in_array)
			p->drop = true;
		else if (err)
			return err;
	}
	return p->drop ? ALV_OK : put_string(p, mapped);
}

/* The int32 in front of bytes and arrays: at most as many as bytes are left. */
static enum alv_err
copy_count(struct pass *p, int32_t *n)
{
	enum alv_err err = copy_raw(p, 4);

	if (err)
		return err;
	*n = (int32_t)alv_be32(p->out + p->n - 4);
	return *n < -1 || (*n > 0 && (size_t)*n > p->in.left) ? ALV_E_LENGTH : ALV_OK;
}

/* A field that is no array, or an element of one. */
static enum alv_err
copy_value(struct pass *p, const struct kfk_field *f)
{
	enum alv_err err;
	int32_t	     n;

	if (f->type == KFK_STRUCT)
		return copy_fields(p, f->first, f->count);
	if (f->type == KFK_STRING)
		return copy_string(p, f);
	if (kfk_type_size(f->type) > 0)
		return copy_raw(p, kfk_type_size(f->type));
	err = copy_count(p, &n);
	return err || n <= 0 ? err : copy_raw(p, (size_t)n);
}

static enum alv_err
copy_array(struct pass *p, const struct kfk_field *f)
{
	bool	     outer_array = p->in_array, outer_drop = p->drop;
	size_t	     count_at = p->n;
	int32_t	     n, kept;
	enum alv_err err = copy_count(p, &n);

	if (err)
		return err;
	p->in_array = true;
	kept = n;
	for (int32_t i = 0; i < n && !err; i++) {
		size_t before = p->n;

		p->drop = outer_drop;
		err = copy_value(p, f);
		if (p->drop && !outer_drop) {
			p->n = before;
			kept--;
		}
	}
	alv_put_be32(p->out + count_at, (uint32_t)kept);
	p->in_array = outer_array;
	p->drop = outer_drop;
	return err;
}

static enum alv_err
copy_fields(struct pass *p, uint16_t first, uint16_t count)
{
	enum alv_err err = ALV_OK;

	for (uint16_t i = first; i < first + count && !err; i++) {
		const struct kfk_field *f = &p->schema->fields[i];

		if (first == 0 && p->in.left == 0)
			break;		/* an older or lazier client stopped here */
		if (kfk_versions_has(f->in, p->version))
			err = f->array ? copy_array(p, f) : copy_value(p, f);
	}
	return err;
}

enum alv_err
kfk_embedded_map(const struct kfk_schema *s, struct alv_str in, kfk_map_fn map, void *arg, struct alv_arena *a,
    struct alv_str *out)
{
	struct pass  p = { .schema = s, .map = map, .arg = arg, .arena = a };
	enum alv_err err;

	*out = in;
	if (in.n == 0)
		return ALV_OK;
	kfk_cursor_flat(&p.in, in);
	p.cap = in.n + SPARE;
	p.out = alv_arena_alloc(a, p.cap);
	if (p.out == NULL)
		return ALV_E_NOMEM;
	err = copy_raw(&p, VERSION_FIELD);
	if (err)
		return err;
	p.version = (int16_t)alv_be16(p.out);
	if (p.version < 0)
		return ALV_E_VALUE;
	if (p.version > s->versions.hi)
		p.version = s->versions.hi;
	err = copy_fields(&p, 0, s->top);
	if (!err)
		err = copy_raw(&p, p.in.left);
	if (!err)
		*out = alv_str_make(p.out, p.n);
	return err;
}
