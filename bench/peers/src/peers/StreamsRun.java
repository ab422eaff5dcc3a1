package peers;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.TimestampExtractor;

/** Kafka Streams: configuration, source, sink. The jobs are StreamsShopper, StreamsSessions, StreamsCounts. */
final class StreamsRun {
	// A value's serde does not see the key: the processors set the user.
	private static final Serde<Event> EVENTS = Serdes.serdeFrom((topic, e) -> null, (topic, json) -> Event.parse("", json));
	private static final Serde<Output> OUTPUTS = Serdes.serdeFrom((topic, o) -> o.value(), (topic, bytes) -> null);

	static void run(Job job) throws InterruptedException {
		KafkaStreams streams = new KafkaStreams(topology(job), properties(job));
		CountDownLatch ended = new CountDownLatch(1);

		streams.setUncaughtExceptionHandler(e -> {
			e.printStackTrace();
			return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
		});
		streams.setStateListener((to, from) -> {
			if (to == KafkaStreams.State.ERROR || to == KafkaStreams.State.NOT_RUNNING)
				ended.countDown();
		});
		Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
		streams.start();
		ended.await();
	}

	private static Properties properties(Job job) {
		Properties p = new Properties();

		p.put(StreamsConfig.APPLICATION_ID_CONFIG, job.get("app"));
		p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.get("brokers"));
		p.put(StreamsConfig.STATE_DIR_CONFIG, job.get("dir"));
		p.putAll(job.under("streams."));
		return p;
	}

	static Topology topology(Job job) {
		StreamsBuilder builder = new StreamsBuilder();
		TimestampExtractor time = job.is("job", "counts") ? (r, before) -> System.currentTimeMillis() : StreamsRun::time;
		KStream<String, Event> events = builder.stream(job.get("topic"),
		    Consumed.with(Serdes.String(), EVENTS).withTimestampExtractor(time));

		switch (job.get("job")) {
		case "shopper" -> write(job, StreamsShopper.build(events, job, true));
		case "windows" -> {
			write(job, StreamsSessions.build(events, job));
			write(job, StreamsShopper.build(events, job, false));
		}
		case "sessions" -> write(job, StreamsSessions.build(events, job));
		case "counts" -> write(job, StreamsCounts.build(events, job));
		default -> throw new IllegalArgumentException(job.get("job"));
		}
		return builder.build();
	}

	private static long time(ConsumerRecord<Object, Object> r, long before) {
		return ((Event)r.value()).ms;
	}

	private static void write(Job job, KStream<String, Output> outputs) {
		String app = job.get("app");

		outputs.to((user, o, context) -> o.topic(app), Produced.with(Serdes.String(), OUTPUTS));
	}

	/** Any codec's values in a store. */
	static <T> Serde<T> serde(Codec<T> codec) {
		return Serdes.serdeFrom((topic, value) -> {
			ByteArrayOutputStream out = new ByteArrayOutputStream(128);
			try {
				codec.write(value, new DataOutputStream(out));
			} catch (IOException e) {
				throw new UncheckedIOException(e);
			}
			return out.toByteArray();
		}, (topic, bytes) -> {
			try {
				return bytes == null ? null : codec.read(new DataInputStream(new ByteArrayInputStream(bytes)));
			} catch (IOException e) {
				throw new UncheckedIOException(e);
			}
		});
	}
}
