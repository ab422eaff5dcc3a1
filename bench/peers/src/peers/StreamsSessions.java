package peers;

import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.state.SessionStore;

/** Kafka Streams' DSL: session windows that are emitted once, when they are closed. */
final class StreamsSessions {
	static KStream<String, Output> build(KStream<String, Event> events, Job job) {
		Duration gap = Duration.ofMillis(job.ms("gap")), grace = Duration.ofMillis(job.ms("grace"));
		// Closed sessions are looked for once a second of the wall clock and leave by retention alone, so it must be
		// longer than the event time that passes in a second, which is much where a topic is drained.
		Duration kept = gap.plus(grace).plusMillis(job.ms("kept"));
		Materialized.StoreType store =
		    job.is("store", "memory") ? Materialized.StoreType.IN_MEMORY : Materialized.StoreType.ROCKS_DB;

		return events.groupByKey(Grouped.with(Serdes.String(), null))
		    .windowedBy(SessionWindows.ofInactivityGapAndGrace(gap, grace))
		    .emitStrategy(EmitStrategy.onWindowClose())
		    .aggregate(Session::new, (user, e, s) -> s.add(e), (user, a, b) -> a.merge(b),
		        Materialized.<String, Session, SessionStore<Bytes, byte[]>>as("sessions").withStoreType(store)
		            .withKeySerde(Serdes.String()).withValueSerde(StreamsRun.serde(Session.CODEC)).withRetention(kept)
		            .withCachingDisabled())
		    .toStream((window, s) -> window.key())
		    .mapValues((user, s) -> s.closed(user));
	}
}
