/* Help, from the two tables. */
#include "admin-api/ctl/ctl.h"

#include <stdio.h>

static const struct {
	const char *name, *value, *help;
	bool	    common;
} options[] = {
#define COMMON(name, field, value, help) { name, value, help, true },
#define OPTION(name, field, value, help) { name, value, help, false },
#define FLAG(name, field, help)		 { name, NULL, help, false },
#include "admin-api/ctl/option.def"
#undef COMMON
#undef OPTION
#undef FLAG
};

static void
print_option(size_t i)
{
	char left[40];

	snprintf(left, sizeof(left), "--%s%s%s", options[i].name, options[i].value == NULL ? "" : " ", options[i].value == NULL ? "" : options[i].value);
	printf("  %-24s %s\n", left, options[i].help);
}

static void
print_common(void)
{
	printf("\nwith every command:\n");
	for (size_t i = 0; i < ALV_COUNT(options); i++)
		if (options[i].common)
			print_option(i);
	printf("\nexit codes: 0 done, 1 refused by the server, 2 usage, 3 the server cannot be reached\n");
}

void
ctl_help_all(const char *noun)
{
	printf("usage: alcovectl %s%sCOMMAND [options]\n\n", noun == NULL ? "" : noun, noun == NULL ? "" : " ");
	for (size_t i = 0; i < ctl_ncommands; i++) {
		char left[64];

		if (noun != NULL && strcmp(noun, ctl_commands[i].noun) != 0)
			continue;
		snprintf(left, sizeof(left), "%s %s%s%s", ctl_commands[i].noun, ctl_commands[i].verb, ctl_commands[i].verb[0] == '\0' ? "" : " ",
		    ctl_commands[i].args);
		printf("  %-40s %s\n", left, ctl_commands[i].help);
	}
	printf("\n--help behind a command lists its options.\n");
	print_common();
}

void
ctl_help_command(const struct ctl_command *cmd)
{
	const char *w = cmd->options;

	printf("usage: alcovectl %s%s%s%s%s [options]\n\n%s\n", cmd->noun, cmd->verb[0] == '\0' ? "" : " ", cmd->verb, cmd->args[0] == '\0' ? "" : " ",
	    cmd->args, cmd->help);
	if (*w != '\0')
		printf("\noptions:\n");
	for (; *w != '\0'; w += strcspn(w, " "), w += *w == ' ')
		for (size_t i = 0; i < ALV_COUNT(options); i++)
			if (strlen(options[i].name) == strcspn(w, " ") && strncmp(options[i].name, w, strlen(options[i].name)) == 0)
				print_option(i);
	print_common();
}
