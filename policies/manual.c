/* docs/configuration.md from the table of options. */
#include "policies/option.h"

#include <alcove/str.h>

#include <inttypes.h>

static const char intro[] =
    "# Configuration\n\n"
    "<!-- Made by `make docs` from policies/option.def: change it there. -->\n\n"
    "`alcove run -c alcove.yaml` reads one YAML file; `alcove check -c alcove.yaml` only checks it. The file is checked whole before\n"
    "anything is done, and every error is told at once, as `file:line: key: found ..., expected ...`. Keys that nobody knows,\n"
    "values of the wrong type and impossible values are errors, and so are YAML's anchors, aliases and tags.\n\n"
    "Dots inside a key are part of its name: `certificate.file` is one key in the section `tls`. Where an option means the same\n"
    "as one of Kafka's, it has Kafka's name. Lists may be written as YAML lists or as one text with commas. Paths that do not\n"
    "begin with `/` start at the folder of the configuration file. A secret file (a key, a password, tokens) must not be open\n"
    "to everyone: its mode ends in 0.\n\n"
    "The column *changed* says what becomes of another value when a running gateway reads the file anew (SIGHUP, or it sees\n"
    "that the file changed): it counts at once, for new connections only, or needs a restart. A file that changes anything\n"
    "of the last kind is refused whole, with a line in the log that names the keys; so is one with an error in it.\n\n"
    "Complete files to start from are in [policies/examples](../policies/examples); `alcove init` writes one that runs.\n";

static void
dotted(struct alv_buf *out, struct alv_str path)
{
	static const struct { struct alv_str path; const char *shown; } lists[] = {
		{ { "listeners/", 10 }, "listeners[]." }, { { "oauth/issuers/", 14 }, "oauth.issuers[]." },
	};
	size_t at = 0;

	for (size_t i = 0; i < ALV_COUNT(lists); i++) {
		if (!alv_str_starts(path, lists[i].path))
			continue;
		alv_buf_z(out, lists[i].shown);
		at = lists[i].path.n;
	}
	for (; at < path.n; at++)
		alv_buf_byte(out, (uint8_t)(path.p[at] == '/' ? '.' : path.p[at]));
}

/* Words behind the type: "one of `a`, `b`". */
static void
words(struct alv_buf *out, const char *list)
{
	for (;;) {
		size_t n = strcspn(list, "|");

		alv_buf_printf(out, "`%.*s`", (int)n, list);
		if (list[n] == '\0')
			return;
		alv_buf_z(out, ", ");
		list += n + 1;
	}
}

static void
value(struct alv_buf *out, const struct pol_option *o)
{
	alv_buf_z(out, pol_value_type(o));
	if (o->type == POL_T_CHOICE || o->type == POL_T_CHOICES || o->type == POL_T_WORD) {
		alv_buf_z(out, " ");
		words(out, o->words);
	} else if (o->type == POL_T_NUMBER) {
		alv_buf_printf(out, "%s%s, %" PRIu64 " to %" PRIu64, o->words[0] == '\0' ? "" : " of ", o->words, o->lo, o->hi);
	}
}

static const char *const takes[] = {
	[POL_TAKES_RESTART] = "restart", [POL_TAKES_NEW] = "new connections", [POL_TAKES_ONCE] = "at once"
};

static void
row(struct alv_buf *out, const struct pol_option *o)
{
	alv_buf_z(out, "| `");
	dotted(out, alv_str_of(o->path));
	alv_buf_z(out, "` | ");
	value(out, o);
	if (o->dflt == pol_required)
		alv_buf_z(out, " | required | ");
	else if (o->dflt == NULL)
		alv_buf_z(out, " | | ");
	else
		alv_buf_printf(out, " | `%s` | ", o->dflt);
	alv_buf_printf(out, "%s | %s |\n", takes[o->takes], o->help);
}

static bool
in_section(const struct pol_option *o, const struct pol_section *s)
{
	size_t n = strlen(s->path);

	if (n == 0)
		return strchr(o->path, '/') == NULL;
	return strncmp(o->path, s->path, n) == 0 && o->path[n] == '/';
}

void
pol_config_doc(struct alv_buf *out)
{
	alv_buf_z(out, intro);
	for (size_t i = 0; i < pol_nsections; i++) {
		const struct pol_section *s = &pol_sections[i];

		alv_buf_printf(out, "\n## %s\n\n%s\n\n| key | value | default | changed | |\n|---|---|---|---|---|\n",
		    s->path[0] == '\0' ? "Top level" : s->path, s->help);
		for (size_t k = 0; k < pol_noptions; k++)
			if (in_section(&pol_options[k], s))
				row(out, &pol_options[k]);
	}
}
