// Every user's values as an expression would read them now: millrace.profile.v1, sorted by user.
#ifndef MR_RUN_PROFILES_H
#define MR_RUN_PROFILES_H

#include "core/task.h"

#include <stdio.h>

void mr_profiles_print(struct mr_task **, size_t n, FILE *out);

#endif
