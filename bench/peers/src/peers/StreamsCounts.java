package peers;

import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;

/** Nexmark q12: how many bids a user made in ten seconds of the wall clock, which StreamsRun takes as event time. */
final class StreamsCounts {
	static KStream<String, Output> build(KStream<String, Event> events, Job job) {
		Duration size = Duration.ofMillis(job.ms("window"));
		Materialized.StoreType store =
		    job.is("store", "memory") ? Materialized.StoreType.IN_MEMORY : Materialized.StoreType.ROCKS_DB;

		return events.groupByKey(Grouped.with(Serdes.String(), null))
		    .windowedBy(TimeWindows.ofSizeWithNoGrace(size))
		    .emitStrategy(EmitStrategy.onWindowClose())
		    .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("counts").withStoreType(store)
		        .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()).withRetention(size.multipliedBy(2))
		        .withCachingDisabled())
		    .toStream((window, n) -> window.key())
		    .mapValues((user, n) -> Output.count(user, n));
	}
}
