/* How each type looks on the wire. */
#include "kafka/value.h"

size_t
kfk_type_size(uint8_t type)
{
	static const uint8_t sizes[] = {
		[KFK_BOOL] = 1,	  [KFK_INT8] = 1,  [KFK_INT16] = 2,   [KFK_UINT16] = 2, [KFK_INT32] = 4,
		[KFK_UINT32] = 4, [KFK_INT64] = 8, [KFK_FLOAT64] = 8, [KFK_UUID] = 16,	[KFK_STRUCT] = 0,
	};

	return sizes[type];
}

void
kfk_value_read(uint8_t type, const uint8_t *p, struct kfk_value *v)
{
	uint64_t bits;

	switch ((enum kfk_type)type) {
	case KFK_BOOL:
		v->i = p[0] != 0;
		return;
	case KFK_INT8:
		v->i = (int8_t)p[0];
		return;
	case KFK_INT16:
		v->i = (int16_t)alv_be16(p);
		return;
	case KFK_UINT16:
		v->i = alv_be16(p);
		return;
	case KFK_INT32:
		v->i = (int32_t)alv_be32(p);
		return;
	case KFK_UINT32:
		v->i = alv_be32(p);
		return;
	case KFK_INT64:
		v->i = (int64_t)alv_be64(p);
		return;
	case KFK_FLOAT64:
		bits = alv_be64(p);
		memcpy(&v->d, &bits, sizeof(v->d));
		return;
	case KFK_UUID:
		memcpy(v->id.b, p, sizeof(v->id.b));
		return;
	case KFK_STRING:
	case KFK_BYTES:
	case KFK_RECORDS:
	case KFK_STRUCT:
		return;
	}
}

enum alv_err
kfk_length_write(struct kfk_emit *e, bool compact, bool wide, int64_t n)
{
	if (n > (wide ? INT32_MAX - 1 : INT16_MAX))
		return ALV_E_LENGTH;
	if (compact)
		kfk_emit_uvarint(e, (uint32_t)(n + 1));
	else if (wide)
		kfk_emit_be32(e, (uint32_t)n);
	else
		kfk_emit_be16(e, (uint16_t)n);
	return ALV_OK;
}

static enum alv_err
write_bytes(struct kfk_emit *e, const struct kfk_field *f, int16_t version, const struct kfk_value *v)
{
	bool	     compact = kfk_versions_has(f->flexible, version), wide = kfk_type_wide(f->type);
	size_t	     n = v->bytes != NULL ? v->bytes->n : v->s.n;
	enum alv_err err;

	if (v->is_null && !kfk_versions_has(f->nullable, version))
		return ALV_E_NULL_VALUE;
	if (n > INT32_MAX)
		return ALV_E_LENGTH;
	err = kfk_length_write(e, compact, wide, v->is_null ? -1 : (int64_t)n);
	if (err || v->is_null)
		return err;
	if (v->bytes != NULL)
		kfk_emit_chain(e, v->bytes);
	else
		kfk_emit_copy(e, v->s.p, v->s.n);
	return ALV_OK;
}

enum alv_err
kfk_value_write(struct kfk_emit *e, const struct kfk_field *f, int16_t version, const struct kfk_value *v)
{
	const uint8_t byte = (uint8_t)(f->type == KFK_BOOL ? v->i != 0 : v->i);
	uint64_t      bits;

	switch ((enum kfk_type)f->type) {
	case KFK_BOOL:
	case KFK_INT8:
		kfk_emit_copy(e, &byte, 1);
		return ALV_OK;
	case KFK_INT16:
	case KFK_UINT16:
		kfk_emit_be16(e, (uint16_t)v->i);
		return ALV_OK;
	case KFK_INT32:
	case KFK_UINT32:
		kfk_emit_be32(e, (uint32_t)v->i);
		return ALV_OK;
	case KFK_INT64:
		kfk_emit_be64(e, (uint64_t)v->i);
		return ALV_OK;
	case KFK_FLOAT64:
		memcpy(&bits, &v->d, sizeof(bits));
		kfk_emit_be64(e, bits);
		return ALV_OK;
	case KFK_UUID:
		kfk_emit_copy(e, v->id.b, sizeof(v->id.b));
		return ALV_OK;
	case KFK_STRING:
	case KFK_BYTES:
	case KFK_RECORDS:
		return write_bytes(e, f, version, v);
	case KFK_STRUCT:
		break;
	}
	return ALV_E_TYPE;
}
