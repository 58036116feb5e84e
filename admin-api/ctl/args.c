/* Words into a command and its options, by the two tables. */
#include "admin-api/ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>

struct option {
	const char *name;
	size_t	    at;
	bool	    flag, common;
};

static const struct option options[] = {
#define COMMON(name, field, value, help) { name, offsetof(struct ctl_options, field), false, true },
#define OPTION(name, field, value, help) { name, offsetof(struct ctl_options, field), false, false },
#define FLAG(name, field, help)		 { name, offsetof(struct ctl_options, field), true, false },
#include "admin-api/ctl/option.def"
#undef COMMON
#undef OPTION
#undef FLAG
	{ "help", offsetof(struct ctl_options, help), true, true },
};

int
ctl_args_count(const char *args)
{
	int n = *args != '\0';

	for (; *args != '\0'; args++)
		n += *args == ' ';
	return n;
}

static const struct option *
option_find(const char *name, size_t n)
{
	for (size_t i = 0; i < ALV_COUNT(options); i++)
		if (strlen(options[i].name) == n && memcmp(options[i].name, name, n) == 0)
			return &options[i];
	return NULL;
}

static bool
in_words(const char *words, const char *w)
{
	size_t n = strlen(w);

	for (const char *p = strstr(words, w); p != NULL; p = strstr(p + 1, w))
		if ((p == words || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' '))
			return true;
	return false;
}

/* "--name value", "--name=value", "-o value". Returns how many words were taken, 0 after an error. */
static int
take_option(char **argv, int left, struct ctl_options *o, bool seen[ALV_COUNT(options)])
{
	const char	    *word = argv[0], *name, *eq, *value = NULL;
	const struct option *opt;
	int		     took = 1;

	name = strcmp(word, "-o") == 0 ? "output" : strcmp(word, "-h") == 0 ? "help" : strncmp(word, "--", 2) == 0 ? word + 2 : "";
	eq = strchr(name, '=');
	opt = option_find(name, eq == NULL ? strlen(name) : (size_t)(eq - name));
	if (opt == NULL) {
		fprintf(stderr, "alcovectl: found the unknown option %.40s; alcovectl help lists all\n", word);
		return 0;
	}
	if (opt->flag ? eq != NULL : eq == NULL && left < 2) {
		fprintf(stderr, "alcovectl: --%s: %s\n", opt->name, opt->flag ? "found a value, expected none" : "its value is missing");
		return 0;
	}
	seen[opt - options] = true;
	if (opt->flag) {
		*(bool *)(void *)((char *)o + opt->at) = true;
		return 1;
	}
	value = eq != NULL ? eq + 1 : argv[took++];
	memcpy((char *)o + opt->at, &value, sizeof(value));
	return took;
}

static const struct ctl_command *
command_find(const char *noun, const char *verb)
{
	for (size_t i = 0; i < ctl_ncommands; i++)
		if (strcmp(ctl_commands[i].noun, noun) == 0 && (ctl_commands[i].verb[0] == '\0' || strcmp(ctl_commands[i].verb, verb) == 0))
			return &ctl_commands[i];
	return NULL;
}

static int
check_options(const struct ctl_command *cmd, const struct ctl_options *o, const bool seen[ALV_COUNT(options)])
{
	for (size_t i = 0; i < ALV_COUNT(options); i++)
		if (seen[i] && !options[i].common && !in_words(cmd->options, options[i].name)) {
			fprintf(stderr, "alcovectl: --%s is not for %s %s\n", options[i].name, cmd->noun, cmd->verb);
			return CTL_USAGE;
		}
	if (o->output != NULL && strcmp(o->output, "json") != 0 && strcmp(o->output, "text") != 0) {
		fprintf(stderr, "alcovectl: --output: found \"%.20s\", expected json or text\n", o->output);
		return CTL_USAGE;
	}
	return CTL_OK;
}

static bool
is_noun(const char *word)
{
	for (size_t i = 0; i < ctl_ncommands; i++)
		if (strcmp(ctl_commands[i].noun, word) == 0)
			return true;
	return false;
}

/* "tenant create, get or list". */
static void
print_verbs(const char *noun)
{
	const char *before = " ";
	size_t	    last = ctl_ncommands;

	while (strcmp(ctl_commands[last - 1].noun, noun) != 0)
		last--;
	fputs(noun, stderr);
	for (size_t i = 0; i < last; i++) {
		if (strcmp(ctl_commands[i].noun, noun) != 0)
			continue;
		fprintf(stderr, "%s%s", i + 1 == last ? " or " : before, ctl_commands[i].verb);
		before = ", ";
	}
}

static int
unknown(const char **word, int nwords)
{
	if (nwords == 0) {
		fprintf(stderr, "alcovectl: no command; alcovectl help lists all commands\n");
	} else if (!is_noun(word[0])) {
		fprintf(stderr, "alcovectl: found the unknown command %.40s; alcovectl help lists all commands\n", word[0]);
	} else {
		fprintf(stderr, "alcovectl: found %.40s %.40s, expected ", word[0], nwords > 1 ? word[1] : "alone");
		print_verbs(word[0]);
		fprintf(stderr, "; alcovectl help %.40s says more\n", word[0]);
	}
	return CTL_USAGE;
}

static int
pick(const char **word, int nwords, struct ctl_call *c, const struct ctl_command **cmd)
{
	int from, n;

	if (nwords > 1 && strcmp(word[0], "help") == 0) {
		word++;
		nwords--;
		c->opt.help = true;
	}
	*cmd = nwords == 0 ? NULL : command_find(word[0], nwords > 1 ? word[1] : "");
	if (*cmd == NULL && c->opt.help && (nwords == 0 || (nwords == 1 && is_noun(word[0])))) {
		c->noun = nwords == 0 ? NULL : word[0];
		return CTL_OK;
	}
	if (*cmd == NULL)
		return unknown(word, nwords);
	from = (*cmd)->verb[0] == '\0' ? 1 : 2;
	n = ctl_args_count((*cmd)->args);
	if (c->opt.help)
		return CTL_OK;
	if (nwords - from != n) {
		fprintf(stderr, "alcovectl: %s %s: found %d words, expected %d: %s\n", (*cmd)->noun, (*cmd)->verb, nwords - from, n,
		    n == 0 ? "none" : (*cmd)->args);
		return CTL_USAGE;
	}
	for (int i = 0; i < n; i++)
		c->arg[i] = word[from + i];
	return CTL_OK;
}

static const char *
first(const char *a, const char *b)
{
	return a != NULL && *a != '\0' ? a : b;
}

int
ctl_args_parse(int argc, char **argv, struct ctl_call *c, const struct ctl_command **cmd)
{
	const char *word[8];
	bool	    seen[ALV_COUNT(options)] = { false }, words_only = false;
	int	    nwords = 0, r;

	memset(c, 0, sizeof(*c));
	for (int i = 1; i < argc;) {
		if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0') {
			int took = 1;

			words_only = strcmp(argv[i], "--") == 0;
			if (!words_only)
				took = take_option(argv + i, argc - i, &c->opt, seen);
			if (took == 0)
				return CTL_USAGE;
			i += took;
			continue;
		}
		if (nwords == (int)ALV_COUNT(word)) {
			fprintf(stderr, "alcovectl: too many words\n");
			return CTL_USAGE;
		}
		word[nwords++] = argv[i++];
	}
	r = pick(word, nwords, c, cmd);
	if (r == CTL_OK && *cmd != NULL)
		r = check_options(*cmd, &c->opt, seen);
	c->opt.url = first(first(c->opt.url, getenv("ALCOVE_URL")), "https://127.0.0.1:8443");
	c->opt.ca = first(first(c->opt.ca, getenv("ALCOVE_CA")), NULL);
	return r;
}
