/* Answers for people and programs. Text from the server is printed without control characters: a display name must not
 * move somebody's cursor. */
#include "admin-api/ctl/ctl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

char *
ctl_fill(const char *pattern, const struct ctl_call *c, bool encode)
{
	struct alv_buf b;

	alv_buf_init(&b, 4000);
	for (const char *p = pattern; *p != '\0'; p++) {
		const char *arg;

		if (p[0] != '%' || p[1] < '1' || p[1] > '0' + CTL_ARGS_MAX) {
			alv_buf_byte(&b, (uint8_t)*p);
			continue;
		}
		arg = c->arg[*++p - '1'];
		for (; arg != NULL && *arg != '\0'; arg++)
			if (!encode || isalnum((unsigned char)*arg) || strchr("-._~", *arg) != NULL)
				alv_buf_byte(&b, (uint8_t)*arg);
			else
				alv_buf_printf(&b, "%%%02X", (unsigned char)*arg);
	}
	alv_buf_byte(&b, '\0');
	if (b.err == ALV_OK)
		return (char *)b.p;
	alv_buf_fini(&b);
	return NULL;
}

static void
add_safe(struct alv_buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		alv_buf_byte(b, (unsigned char)*s < ' ' || *s == 0x7f ? '?' : (uint8_t)*s);
}

/* One value as a word; arrays with commas, a broker as id=host:port. */
static void
add_value(struct alv_buf *b, const json_t *v)
{
	size_t	i;
	json_t *item;

	if (json_is_string(v)) {
		add_safe(b, json_string_value(v));
	} else if (json_is_integer(v)) {
		alv_buf_printf(b, "%lld", (long long)json_integer_value(v));
	} else if (json_is_real(v)) {
		alv_buf_printf(b, "%.10g", json_real_value(v));
	} else if (json_is_boolean(v)) {
		alv_buf_z(b, json_is_true(v) ? "yes" : "no");
	} else if (json_is_object(v) && json_object_get(v, "bootstrap") != NULL) {
		add_value(b, json_object_get(v, "bootstrap"));
	} else if (json_is_object(v)) {
		add_value(b, json_object_get(v, "id"));
		alv_buf_byte(b, '=');
		add_value(b, json_object_get(v, "host"));
		alv_buf_byte(b, ':');
		add_value(b, json_object_get(v, "port"));
	} else if (json_array_size(v) > 0) {
		json_array_foreach(v, i, item) {
			if (i > 0)
				alv_buf_byte(b, ',');
			add_value(b, item);
		}
	} else {
		alv_buf_byte(b, '-');
	}
}

/* row NULL: the title. */
static void
cell(const struct ctl_column *col, const json_t *row, struct alv_buf *b)
{
	alv_buf_init(b, 64 * 1024);
	if (row == NULL)
		alv_buf_z(b, col->title);
	else
		add_value(b, json_object_get(row, col->field));
	alv_buf_byte(b, '\0');
}

static size_t
width(const struct ctl_column *col, const json_t *rows)
{
	size_t	i, max = strlen(col->title);
	json_t *row;

	json_array_foreach(rows, i, row) {
		struct alv_buf b;

		cell(col, row, &b);
		if (b.n > max + 1)
			max = b.n - 1;
		alv_buf_fini(&b);
	}
	return max;
}

static bool
shown(const struct ctl_column *col, const json_t *rows)
{
	/* A password is there once in a life. */
	return strcmp(col->field, "password") != 0 || json_object_get(json_array_get(rows, 0), "password") != NULL;
}

static void
print_row(const struct ctl_column *columns, const json_t *rows, const json_t *row)
{
	const char *gap = "";

	for (const struct ctl_column *c = columns; c->title != NULL; c++) {
		struct alv_buf b;
		bool	       last = c[1].title == NULL || (c[2].title == NULL && !shown(c + 1, rows));

		if (!shown(c, rows))
			continue;
		cell(c, row, &b);
		printf("%s%-*s", gap, last ? 0 : (int)width(c, rows), b.err == ALV_OK ? (const char *)b.p : "-");
		alv_buf_wipe(&b);
		gap = "  ";
	}
	printf("\n");
}

static void
print_rows(const struct ctl_column *columns, const json_t *rows)
{
	size_t	i;
	json_t *row;

	print_row(columns, rows, NULL);
	json_array_foreach(rows, i, row)
		print_row(columns, rows, row);
}

static void
print_line(const char *before, const json_t *text)
{
	struct alv_buf b;

	alv_buf_init(&b, 64 * 1024);
	add_safe(&b, json_is_string(text) ? json_string_value(text) : "");
	printf("%s%.*s\n", before, (int)b.n, (const char *)b.p);
	alv_buf_fini(&b);
}

static void
print_notes(const json_t *answer)
{
	size_t	i;
	json_t *note;

	json_array_foreach(json_object_get(answer, "notes"), i, note)
		print_line("note: ", note);
}

/* An answer in words: its text, and what is to be said beside it. */
static void
print_text(const json_t *answer)
{
	print_line("", json_object_get(answer, "text"));
	print_notes(answer);
}

void
ctl_print(const struct ctl_call *c, const struct ctl_command *cmd, const json_t *answer)
{
	static const struct ctl_column made[] = { { "NAME", "name" }, { "PASSWORD", "password" }, { NULL, NULL } };
	json_t *items = json_object_get(answer, "items"), *scope = json_object_get(answer, "scope"), *rows;

	if (c->opt.output != NULL && strcmp(c->opt.output, "json") == 0) {
		if (answer != NULL) {
			json_dumpf(answer, stdout, JSON_INDENT(2));
			printf("\n");
		}
		return;
	}
	if (answer == NULL) {
		char *text = cmd->done == NULL ? NULL : ctl_fill(cmd->done, c, false);

		printf("%s\n", text == NULL ? "done" : text);
		free(text);
		return;
	}
	if (cmd->columns == NULL) {
		print_text(answer);
		return;
	}
	rows = !json_is_array(items) ? json_pack("[O]", answer) :
	    json_object_get(json_array_get(items, 0), "limits") != NULL ? ctl_quota_rows(items) : json_incref(items);
	print_rows(cmd->columns, rows);
	if (json_array_size(json_object_get(answer, "passwords")) > 0)
		print_rows(made, json_object_get(answer, "passwords"));
	if (json_is_string(scope))
		print_line("", scope);
	print_notes(answer);
	json_decref(rows);
}

void
ctl_print_problem(long status, const json_t *problem)
{
	const char    *detail = json_string_value(json_object_get(problem, "detail"));
	const char    *title = json_string_value(json_object_get(problem, "title"));
	const char    *pointer = json_string_value(json_object_get(problem, "pointer"));
	struct alv_buf b;

	alv_buf_init(&b, 64 * 1024);
	add_safe(&b, title == NULL ? "the server refused" : title);
	if (pointer != NULL && *pointer != '\0') {
		alv_buf_z(&b, ": ");
		add_safe(&b, pointer);
	}
	if (detail != NULL) {
		alv_buf_z(&b, ": ");
		add_safe(&b, detail);
	}
	fprintf(stderr, "alcovectl: %.*s (%ld)\n", (int)b.n, (const char *)b.p, status);
	alv_buf_fini(&b);
}
