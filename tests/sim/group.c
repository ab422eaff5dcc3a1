// The simulated group coordinator: members, generations, an eager range assignment.
#include "sim.h"

#define MEMBERS_MAX 256

struct member {
	struct proc *proc;
	char instance[32];
	bool in, joined;
	int32_t generation;
	bool has[PARTITIONS];
	int64_t beat_us;
	int token;               // of its member id; a static member that joins anew gets another
};

static struct member members[MEMBERS_MAX];
static int n_members, next_token = 1;
static int32_t generation;
static bool rebalancing;
static int64_t rebalance_us;

static void
rebalance(const char *why)
{
	if (!rebalancing)
		rebalance_us = sim.now_us;
	sim_trace("group: rebalance, %s", why);
	sim_count(P_REBALANCE, !rebalancing);
	rebalancing = true;
	for (int i = 0; i < n_members; i++)
		members[i].joined = false;
}

// A static member that is known takes its seat again, with no rebalance.
static int
seat_of(const struct proc *p)
{
	for (int i = 0; i < n_members; i++)
		if (p->is_static && members[i].in && strcmp(members[i].instance, p->instance) == 0)
			return i;
	return -1;
}

int
group_join(struct proc *p, int old)
{
	int seat = seat_of(p);

	(void)old;
	if (seat >= 0) {
		struct member *was = &members[seat], *m = &members[n_members];
		MR_ASSERT(n_members < MEMBERS_MAX);
		*m = *was;
		was->in = false;
		m->proc = p;
		m->token = next_token++;
		m->beat_us = sim.now_us;
		m->joined = true;
		sim_trace("group: %s takes its seat again", p->name);
		return n_members++;
	}
	MR_ASSERT(n_members < MEMBERS_MAX);
	if (!rebalancing)
		rebalance("a member joins");
	struct member *m = &members[n_members];
	*m = (struct member){.proc = p, .in = true, .joined = true, .generation = -1, .beat_us = sim.now_us};
	m->token = next_token++;
	memcpy(m->instance, p->instance, sizeof(m->instance));
	return n_members++;
}

void
group_leave(int number)
{
	if (members[number].in)
		rebalance("a member leaves");
	members[number].in = false;
}

bool
group_has(int number)
{
	return members[number].in;
}

bool
group_rebalancing(void)
{
	return rebalancing;
}

void
group_rejoin(int number)
{
	members[number].joined = true;
}

int32_t
group_generation_of(int number)
{
	const struct member *m = &members[number];

	return m->in && m->joined && !rebalancing ? m->generation : -1;
}

size_t
group_assigned(int number, int32_t *numbers)
{
	size_t n = 0;

	for (int32_t i = 0; i < PARTITIONS; i++)
		if (members[number].has[i])
			numbers[n++] = i;
	return n;
}

void
group_token(int number, struct mr_group *g)
{
	*g = (struct mr_group){.generation = members[number].generation, .member = true, .n = sizeof(int)};
	memcpy(g->bytes, &members[number].token, sizeof(int));
}

bool
group_accepts(const struct mr_group *g)
{
	int token;

	memcpy(&token, g->bytes, sizeof(token));
	for (int i = 0; i < n_members; i++)
		if (members[i].in && members[i].token == token)
			return members[i].generation == g->generation;
	return false;
}

static void
assign(void)
{
	int present[MEMBERS_MAX], n = 0;

	generation++;
	rebalancing = false;
	for (int i = 0; i < n_members; i++) {
		memset(members[i].has, 0, sizeof(members[i].has));
		if (!members[i].in)
			continue;
		members[i].generation = generation;
		present[n++] = i;
	}
	for (int32_t i = 0; i < PARTITIONS && n > 0; i++) {
		int per = PARTITIONS / n, more = PARTITIONS % n, at = 0, to = 0;
		for (; at < n; at++) {
			to += per + (at < more);
			if (i < to)
				break;
		}
		members[present[at]].has[i] = true;
	}
	sim_trace("group: generation %d, %d members", generation, n);
}

void
group_tick(void)
{
	bool all = true, any = false;

	for (int i = 0; i < n_members; i++) {
		struct member *m = &members[i];
		if (!m->in)
			continue;
		if (proc_online(m->proc) && m->proc->group_cut_until_us <= sim.now_us)
			m->beat_us = sim.now_us;
		if (sim.now_us - m->beat_us > sim.session_us) {
			m->in = false;
			sim_count(P_EXPIRED, 1);
			rebalance("a member has expired");
			all = false;
			continue;
		}
		any = true;
		all &= m->joined;
	}
	if (rebalancing && any && all && sim.now_us - rebalance_us > 100 * MS)
		assign();
}
