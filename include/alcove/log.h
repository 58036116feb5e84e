/* One line per event, as text or JSON. A line says who, what was being done, how it ended.
 * Secrets and payload never; values are escaped, so text chosen by tenants cannot forge a line.
 * Any thread; a line is one write(2). */
#ifndef ALCOVE_LOG_H
#define ALCOVE_LOG_H

#include <alcove/str.h>

enum alv_log_level { ALV_LOG_DEBUG, ALV_LOG_INFO, ALV_LOG_WARN, ALV_LOG_ERROR };
enum alv_log_format { ALV_LOG_TEXT, ALV_LOG_JSON };

/* A key with a value. Made by the ALV_KV_* macros; views need to live for the call only. */
struct alv_kv {
	const char    *key;
	enum { ALV_KV_STR, ALV_KV_INT } type;
	struct alv_str s;
	int64_t	       i;
};

#define ALV_KV_S(k, str)  ((struct alv_kv){ .key = (k), .type = ALV_KV_STR, .s = (str) })
#define ALV_KV_Z(k, cstr) ((struct alv_kv){ .key = (k), .type = ALV_KV_STR, .s = alv_str_of(cstr) })
#define ALV_KV_I(k, n)	  ((struct alv_kv){ .key = (k), .type = ALV_KV_INT, .i = (int64_t)(n) })

/* alv_log(ALV_LOG_INFO, "connection closed", ALV_KV_Z("reason", r), ALV_KV_I("age_ms", a)) */
#define alv_log(level, event, ...) \
	alv_log_kv((level), (event), (const struct alv_kv[]){ { .key = NULL }, ##__VA_ARGS__ }, \
	    sizeof((const struct alv_kv[]){ { .key = NULL }, ##__VA_ARGS__ }) / sizeof(struct alv_kv))

void alv_log_kv(enum alv_log_level level, const char *event, const struct alv_kv *kv, size_t n);

/* Level and format may be set anew at any time, fd before threads start. fd defaults to 2, level to INFO, format to TEXT. */
void alv_log_setup(int fd, enum alv_log_level lowest, enum alv_log_format format);

#endif
