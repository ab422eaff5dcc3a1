package peers;

import java.time.Duration;
import java.util.PriorityQueue;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams' Processor API: one record a user in a key-value store, and a stream-time punctuator. The
 * timers are in the heap and made anew from the store, which costs nothing while it runs.
 */
final class StreamsShopper implements Processor<String, Event, String, Output> {
	private static final String STORE = "shoppers";

	private record Timer(long ms, String user) {
	}

	private final Plan plan;
	private final PriorityQueue<Timer> timers = new PriorityQueue<>((a, b) -> Long.compare(a.ms, b.ms));
	private ProcessorContext<String, Output> context;
	private KeyValueStore<String, Shopper> shoppers;

	private StreamsShopper(Plan plan) {
		this.plan = plan;
	}

	static KStream<String, Output> build(KStream<String, Event> events, Job job, boolean sessions) {
		Plan plan = Plan.of(job, sessions);

		return events.process(new org.apache.kafka.streams.processor.api.ProcessorSupplier<String, Event, String, Output>() {
			@Override
			public Processor<String, Event, String, Output> get() {
				return new StreamsShopper(plan);
			}

			@Override
			public java.util.Set<StoreBuilder<?>> stores() {
				return java.util.Set.of(store(job));
			}
		});
	}

	/** With the record cache: a user's record reaches the store and its changelog once a commit, not once an event. */
	private static StoreBuilder<KeyValueStore<String, Shopper>> store(Job job) {
		KeyValueBytesStoreSupplier kind =
		    job.is("store", "memory") ? Stores.inMemoryKeyValueStore(STORE) : Stores.persistentKeyValueStore(STORE);

		return Stores.keyValueStoreBuilder(kind, Serdes.String(), StreamsRun.serde(Shopper.CODEC)).withCachingEnabled();
	}

	@Override
	public void init(ProcessorContext<String, Output> given) {
		context = given;
		shoppers = context.getStateStore(STORE);
		try (KeyValueIterator<String, Shopper> all = shoppers.all()) {
			all.forEachRemaining((KeyValue<String, Shopper> s) -> {
				if (s.value.timerMs != Shopper.NEVER)
					timers.add(new Timer(s.value.timerMs, s.key));
			});
		}
		context.schedule(Duration.ofSeconds(1), PunctuationType.STREAM_TIME, this::punctuate);
	}

	@Override
	public void process(Record<String, Event> r) {
		Event e = r.value();
		Shopper shopper = shoppers.get(r.key());

		e.user = r.key();
		if (shopper == null)
			shopper = new Shopper();
		if (shopper.apply(e, plan, context.currentStreamTimeMs() - plan.graceMs(), this::write))
			keep(e.user, shopper);
	}

	private void punctuate(long nowMs) {
		long watermarkMs = nowMs - plan.graceMs();

		while (!timers.isEmpty() && timers.peek().ms <= watermarkMs) {
			String user = timers.poll().user;
			Shopper shopper = shoppers.get(user);
			shopper.fire(user, plan, watermarkMs, this::write);
			shopper.timerMs = Shopper.NEVER;
			keep(user, shopper);
		}
	}

	/** One timer a user: where it turns out too early, it is set again when it fires. */
	private void keep(String user, Shopper shopper) {
		long nextMs = shopper.nextMs(plan);

		if (nextMs < shopper.timerMs) {
			shopper.timerMs = nextMs;
			timers.add(new Timer(nextMs, user));
		}
		shoppers.put(user, shopper);
	}

	private void write(Output o) {
		context.forward(new Record<>(o.user(), o, context.currentStreamTimeMs()));
	}
}
