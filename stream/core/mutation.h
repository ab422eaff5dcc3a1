// Steps that the simulator leaves out on purpose, to see that a run without them is found wrong.
// Outside of it (MR_SIM, see tests/sim) each is plain `false`: nothing of this is in a real build.
#ifndef MR_CORE_MUTATION_H
#define MR_CORE_MUTATION_H

#ifdef MR_SIM
#include <stdbool.h>

// Name, and what is done wrong; stream/README.md says which promise each one breaks.
#define MR_MUTATION_LIST(X) \
	X(SKIP_EPOCH, "skip-epoch", "the store does not look at the epoch") \
	X(ACCEPT_ANY_W, "accept-any-w", "the store takes a chunk whose w is not the next") \
	X(READ_WITHOUT_FENCE, "read-without-fence", "pages are read without their fence") \
	X(TICK_WITHOUT_OFFSETS, "tick-without-offsets", "a transaction with only ticks carries no offsets") \
	X(B_BEFORE_A, "b-before-a", "a transaction is committed while the one before it is under way") \
	X(JOURNAL_END_AS_WRITTEN, "journal-end-as-written", "what was aborted counts as the journal's end") \
	X(STAMP_BEYOND_COMMIT, "stamp-beyond-commit", "pages are written before their inputs are committed") \
	X(EVICT_HELD, "evict-held", "a user is evicted whose newest encoding is held") \
	X(APPLY_TWICE, "apply-twice", "a replay applies what a page has already") \
	X(SEEN_OUTSIDE_PAGE, "seen-outside-page", "the memory of messageIds is not in the page") \
	X(CLAMP_BY_RECORD, "clamp-by-record", "event times are clamped by the record's own time") \
	X(GUESS_UNKNOWN, "guess-unknown", "a commit without an answer counts as done") \
	X(PUBLISH_REPLAY, "publish-replay", "what a replay decides is published") \
	X(REPLAY_WITHOUT_BOUND, "replay-without-bound", "a replay clamps by today's clock") \
	X(NO_TOMBSTONE, "no-tombstone", "an emptied user's page is deleted without a tombstone") \
	X(INDEX_APART, "index-apart", "a page changes without its entry in the timer index") \
	X(REPLAY_UNDER_NEW, "replay-under-new", "what is left is replayed under the new configuration") \
	X(NEVER_FULL, "never-full", "inputs are applied however many messages wait for their acknowledgement") \
	X(SKIP_OFFSETS_WAIT, "skip-offsets-wait", "a take-over does not wait for a predecessor's offsets")

// Those for which seeds are too few: each is found by the case that is made for it (tests/sim/cases.c).
#define MR_MUTATION_CASE_LIST(X) \
	X(ACCEPT_NEWER_STORE, "accept-newer-store", "a store that is ahead of the journal is taken") \
	X(TICK_WITHOUT_BOUND, "tick-without-bound", "a replay fires all that is due where the tick stopped early") \
	X(IGNORE_DIGEST, "ignore-digest", "a replay does not compare its inputs with the journal's digest") \
	X(LEAVE_IDLE_JOURNAL, "leave-idle-journal", "the journal of an idle task is not written anew") \
	X(EXPIRED_IS_NEW, "expired-is-new", "a task whose journal has expired counts as a new one") \
	X(SLEEP_WITH_ROOM, "sleep-with-room", "a lane whose memory was full waits although there is room again") \
	X(SEND_AT_ONCE, "send-at-once", "messages are sent while many are on their way") \
	X(HEADLESS_IN_SILENCE, "headless-in-silence", "a replay without the state before it says nothing") \
	X(LEAVE_EFFECTS_OPEN, "leave-effects-open", "a take-over leaves a dead owner's effects open")

enum mr_mutation {
#define X(name, word, text) MR_MUTATION_##name,
	MR_MUTATION_LIST(X)
	MR_MUTATION_CASE_LIST(X)
#undef X
	MR_MUTATIONS
};
bool mr_mutated(enum mr_mutation);
#define MR_MUTATION(name) mr_mutated(MR_MUTATION_##name)
#else
#define MR_MUTATION(name) false
#endif

#endif
