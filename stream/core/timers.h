// When users' timers are due: a heap of users by the earliest due of each, ties by user id.
// An entry may be older than its user's earliest due (a timer that moves on with every event costs
// no sift): it is put right when it comes to the top.
#ifndef MR_CORE_TIMERS_H
#define MR_CORE_TIMERS_H

#include "core/user.h"

struct mr_timers;

struct mr_timers *mr_timers_new(void);
void mr_timers_free(struct mr_timers *);
// The user with the earliest timer due at or before `until_ms`; NULL if none.
struct mr_user *mr_timers_first(struct mr_timers *, int64_t until_ms, int64_t *due_ms);
// After the user's timers changed in any way.
void mr_timers_update(struct mr_timers *, struct mr_user *);
void mr_timers_remove(struct mr_timers *, struct mr_user *);
size_t mr_timers_size(const struct mr_timers *);   // how many users have a heap entry
// How many users have a heap entry due at or before `due_ms`, counting at most `max`.
size_t mr_timers_count(const struct mr_timers *, int64_t due_ms, size_t max);

// The user's own list. Bound: MR_TIMERS_MAX a user.
#define MR_TIMERS_MAX 1024
int64_t mr_user_due(const struct mr_user *);                       // MR_DUE_NEVER: none
bool mr_user_timer_set(struct mr_user *, uint16_t op, uint64_t key, int64_t due_ms);  // false: bound
void mr_user_timer_clear(struct mr_user *, uint16_t op, uint64_t key);
const struct mr_user_timer *mr_user_timer_find(const struct mr_user *, uint16_t op, uint64_t key);
void mr_user_timers_changed(struct mr_user *);                     // otherwise than by these calls
struct mr_user_timer mr_user_timer_take(struct mr_user *);         // the earliest, by (due, number)

#endif
