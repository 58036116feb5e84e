/* How clients say who they are, and why that fails: what logins are counted by. */
#ifndef ALCOVE_LOGIN_H
#define ALCOVE_LOGIN_H

enum alv_login_by {
#define BY(id, label) ALV_BY_##id,
#define FAULT(id, label, help)
#include <alcove/tbl/login.def>
#undef BY
#undef FAULT
	ALV_LOGIN_BYS
};

enum alv_login_fault {
	ALV_LOGIN_OK,
#define BY(id, label)
#define FAULT(id, label, help) ALV_LOGIN_##id,
#include <alcove/tbl/login.def>
#undef BY
#undef FAULT
	ALV_LOGIN_FAULTS
};

#endif
