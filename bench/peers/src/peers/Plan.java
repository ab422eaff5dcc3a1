package peers;

import java.io.Serializable;

/** The job's lengths of time, and whether the shopper's record holds the sessions too. */
record Plan(long gapMs, long graceMs, boolean sessions) implements Serializable {
	static Plan of(Job job, boolean sessions) {
		return new Plan(job.ms("gap"), job.ms("grace"), sessions);
	}

	/** An event at exactly the gap still belongs to the session. */
	long dueMs(Session s) {
		return s.endMs + gapMs + 1;
	}
}
