/* Between the files of state/ and their tests: running statements. */
#ifndef STO_STORE_INT_H
#define STO_STORE_INT_H

#include <sqlite3.h>

#include "state/seal.h"
#include "state/store.h"

enum sto_sql {
#define SQL(name, text) STO_SQL_##name,
#include "state/sql.def"
#undef SQL
	STO_SQL_COUNT
};

enum { STO_SECRET_BYTES = 32, STO_WORDS_MAX = 512 };

struct sto_store {
	sqlite3	       *db;
	sqlite3_stmt   *stmt[STO_SQL_COUNT];
	int		lock;		/* descriptor of the lock file */
	char	       *file;
	struct sto_key	key;
	uint8_t		fake_secret[STO_SECRET_BYTES];
	struct sto_who	who;
	bool		open;		/* a transaction is */
	size_t		audited;	/* rows of the audit that it wrote */
	uint64_t	revision;	/* of this transaction, 0: none taken yet */
	char		words[STO_WORDS_MAX];
};

struct sto_arg {
	enum { STO_ARG_TEXT, STO_ARG_INT, STO_ARG_BLOB, STO_ARG_REAL } type;
	struct alv_str s;	/* null: NULL */
	int64_t	       i;
	double	       r;
};
#define STO_T(str)  ((struct sto_arg){ .type = STO_ARG_TEXT, .s = (str) })
#define STO_Z(z)    ((struct sto_arg){ .type = STO_ARG_TEXT, .s = alv_str_of(z) })
#define STO_I(n)    ((struct sto_arg){ .type = STO_ARG_INT, .i = (int64_t)(n) })
#define STO_R(n)    ((struct sto_arg){ .type = STO_ARG_REAL, .r = (n) })
#define STO_B(p, n) ((struct sto_arg){ .type = STO_ARG_BLOB, .s = alv_str_make(p, n) })

/* Bound and ready for the first step; NULL: failed, words are set. Ends with sto_done. */
#define sto_query(s, which, ...) \
	sto_query_args((s), (which), (const struct sto_arg[]){ __VA_ARGS__ }, \
	    sizeof((const struct sto_arg[]){ __VA_ARGS__ }) / sizeof(struct sto_arg))
sqlite3_stmt *sto_query_args(struct sto_store *s, enum sto_sql which, const struct sto_arg *arg, size_t n) ALV_MUST;
/* OK: a row; NOT_FOUND: no more; STORE. */
enum alv_err sto_step(struct sto_store *s, sqlite3_stmt *q) ALV_MUST;
void	     sto_done(sqlite3_stmt *q);
/* To the end, rows ignored. */
#define sto_run(s, which, ...) \
	sto_run_args((s), (which), (const struct sto_arg[]){ __VA_ARGS__ }, \
	    sizeof((const struct sto_arg[]){ __VA_ARGS__ }) / sizeof(struct sto_arg))
enum alv_err sto_run_args(struct sto_store *s, enum sto_sql which, const struct sto_arg *arg, size_t n) ALV_MUST;
/* Several statements without parameters. */
enum alv_err sto_exec(struct sto_store *s, const char *sql) ALV_MUST;
/* Sets the words from SQLite's last error; answers STORE. */
enum alv_err sto_failed(struct sto_store *s, const char *doing);

/* Column i as a view that lives until the next step; NULL gives a null view. */
struct alv_str sto_col(sqlite3_stmt *q, int i);
/* Copied with its NUL; STORE when it does not fit: the row is not one of ours. */
enum alv_err sto_col_copy(struct sto_store *s, sqlite3_stmt *q, int i, char *out, size_t cap) ALV_MUST;

/* The number that a statement answers for a tenant. */
enum alv_err sto_count(struct sto_store *s, enum sto_sql which, struct alv_str tenant, size_t *n) ALV_MUST;
/* Columns of a rule from the front; views that live until the next step. */
struct pol_rule sto_rule_read(sqlite3_stmt *q);
/* A row of quota: its entity, views that live until the next step, and one value. STORE, with words: none that we wrote. */
enum alv_err sto_quota_read(struct sto_store *s, sqlite3_stmt *q, struct pol_quota_entity *e, enum pol_quota_key *key,
    double *value) ALV_MUST;
/* A row of host_name. STORE, with words: none that we wrote. */
enum alv_err sto_own_read(struct sto_store *s, struct alv_str tenant, struct alv_str bootstrap, struct alv_str node_pattern,
    struct ten_own *o) ALV_MUST;

/* This transaction's revision; takes it from the counter at first. */
enum alv_err sto_revision(struct sto_store *s, uint64_t *r) ALV_MUST;
enum alv_err sto_tenant_touch(struct sto_store *s, struct alv_str tenant, uint64_t *revision) ALV_MUST;

/* An audit row in the making: what an object was before, then what it became. The SQL gives one text or no row. */
struct sto_audit {
	struct sto_store *s;
	const char	 *what;
	struct alv_str	  tenant, object;
	enum sto_sql	  json;
	struct sto_arg	  key[6];
	size_t		  nkey;
	struct alv_buf	  before;
};
enum alv_err sto_audit_before(struct sto_audit *a) ALV_MUST;	/* also frees itself on failure */
enum alv_err sto_audit_after(struct sto_audit *a) ALV_MUST;	/* writes the row; frees */
void	     sto_audit_drop(struct sto_audit *a);

enum alv_err sto_migrate(struct sto_store *s) ALV_MUST;

/* The directory of `file` must be local, and the lock ours. *lock: a descriptor to close at the end. */
enum alv_err sto_lock(const char *file, int *lock, struct alv_buf *words) ALV_MUST;
/* The name of a file system on which locks or mmap cannot be trusted, NULL: a good one. */
const char  *sto_fs_refused(uint64_t magic);

#endif
