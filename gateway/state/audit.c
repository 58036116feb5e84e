/* The audit: what an object was and what it became, as JSON that SQLite itself made from the row, in the transaction
 * that changed it. The JSON statements name no secret column; that is all there is to keep secrets out.
 * Rows are never changed. Those of tenants' own changes are bounded for each tenant: how many there are is counted beside them
 * (audit_native), and how many the oldest made room. */
#include <alcove/check.h>
#include <alcove/clock.h>
#include <alcove/str.h>

#include "state/store_int.h"

enum { JSON_MAX = 128 * 1024, TRIM_MORE = 100 };

/* No row: the buffer stays empty. */
static enum alv_err
read_json(struct sto_audit *a, struct alv_buf *out)
{
	sqlite3_stmt *q = sto_query_args(a->s, a->json, a->key, a->nkey);
	enum alv_err  err;

	alv_buf_init(out, JSON_MAX);
	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(a->s, q);
	if (!err)
		alv_buf_str(out, sto_col(q, 0));
	sto_done(q);
	return err == ALV_E_NOT_FOUND ? ALV_OK : err ? err : out->err;
}

enum alv_err
sto_audit_before(struct sto_audit *a)
{
	enum alv_err err = read_json(a, &a->before);

	if (err)
		alv_buf_fini(&a->before);
	return err;
}

static struct alv_str
text_or_null(const struct alv_buf *b)
{
	return b->n == 0 ? ALV_STR_NULL : alv_str_make(b->p, b->n);
}

enum alv_err
sto_audit_after(struct sto_audit *a)
{
	const struct sto_who *who = &a->s->who;
	struct alv_buf	      after;
	enum alv_err	      err = read_json(a, &after);

	if (!err)
		err = sto_run(a->s, STO_SQL_AUDIT_ADD, STO_I(alv_wall_ms()), STO_Z(who->actor), STO_Z(who->origin),
		    STO_Z(a->what), STO_T(a->tenant), STO_T(a->object), STO_T(text_or_null(&a->before)),
		    STO_T(text_or_null(&after)), STO_I(who->native));
	a->s->audited += !err;
	alv_buf_fini(&after);
	alv_buf_fini(&a->before);
	return err;
}

void
sto_audit_drop(struct sto_audit *a)
{
	alv_buf_fini(&a->before);
}

/* ---- the bound ---------------------------------------------------------------------------------------------- */

static enum alv_err
count_kept(struct sto_store *s, struct alv_str tenant, size_t *kept)
{
	sqlite3_stmt *q = sto_query(s, STO_SQL_AUDIT_KEPT, STO_T(tenant), STO_I(s->audited));
	enum alv_err  err;

	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(s, q);
	if (!err) {
		*kept = (size_t)sqlite3_column_int64(q, 0);
		err = sto_step(s, q) == ALV_E_NOT_FOUND ? ALV_OK : ALV_E_STORE;
	}
	sto_done(q);
	return err ? ALV_E_STORE : ALV_OK;
}

enum alv_err
sto_audit_trim(struct sto_store *s, struct alv_str tenant, size_t max, size_t *dropped)
{
	size_t	     kept = 0, n, most = 2 * s->audited + TRIM_MORE;
	enum alv_err err;

	*dropped = 0;
	ALV_CHECK(s->open && s->who.native);
	if (s->audited == 0)
		return ALV_OK;
	err = count_kept(s, tenant, &kept);
	if (err || max == 0 || kept <= max)
		return err;
	n = kept - max < most ? kept - max : most;
	err = sto_run(s, STO_SQL_AUDIT_DROP, STO_T(tenant), STO_I(n));
	if (!err)
		err = sto_run(s, STO_SQL_AUDIT_DROPPED, STO_T(tenant), STO_I(n), STO_I(alv_wall_ms()));
	if (!err)
		*dropped = n;
	return err;
}
