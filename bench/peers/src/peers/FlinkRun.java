package peers;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Flink: configuration, source, sink, all in this process. The jobs are FlinkShopper, FlinkSessions, FlinkCounts. */
final class FlinkRun {
	static final TypeInformation<Event> EVENTS = new FlinkCodecType<>(Event.class, Event.CODEC);

	static void run(Job job) throws Exception {
		Configuration conf = Configuration.fromMap(job.under("flink."));
		StreamExecutionEnvironment env =
		    StreamExecutionEnvironment.createLocalEnvironment(Integer.parseInt(job.get("parallel")), conf);
		KeyedStream<Event, String> events = keyed(env.fromSource(source(job), watermarks(job), "events"), job);

		switch (job.get("job")) {
		case "shopper" -> write(job, FlinkShopper.build(events, job, true));
		case "windows" -> write(job, FlinkSessions.build(events, job).union(FlinkShopper.build(events, job, false)));
		case "sessions" -> write(job, FlinkSessions.build(events, job));
		case "counts" -> write(job, FlinkCounts.build(events, job));
		default -> throw new IllegalArgumentException(job.get("job"));
		}
		env.execute(job.get("app"));
	}

	/**
	 * In one task there is nothing to exchange: what Kafka keyed can be taken as keyed (Flink's documentation,
	 * "Reinterpreting a pre-partitioned data stream as keyed stream"), and all operators form one chain.
	 */
	private static KeyedStream<Event, String> keyed(DataStream<Event> events, Job job) {
		if (job.is("parallel", "1"))
			return DataStreamUtils.reinterpretAsKeyedStream(events, e -> e.user, TypeInformation.of(String.class));
		return events.keyBy(e -> e.user);
	}

	private static WatermarkStrategy<Event> watermarks(Job job) {
		if (job.is("job", "counts"))
			return WatermarkStrategy.noWatermarks();
		return WatermarkStrategy.<Event>forBoundedOutOfOrderness(Duration.ofMillis(job.ms("grace")))
		    .withTimestampAssigner((e, of) -> e.ms);
	}

	private static KafkaSource<Event> source(Job job) {
		return KafkaSource.<Event>builder().setBootstrapServers(job.get("brokers")).setTopics(job.get("topic"))
		    .setGroupId(job.get("app")).setStartingOffsets(OffsetsInitializer.earliest()).setDeserializer(new Reader()).build();
	}

	private static void write(Job job, DataStream<Output> outputs) {
		Properties producer = new Properties();
		DeliveryGuarantee guarantee =
		    job.is("sink", "exactly_once") ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE;

		producer.putAll(job.under("producer."));
		outputs.sinkTo(KafkaSink.<Output>builder().setBootstrapServers(job.get("brokers")).setKafkaProducerConfig(producer)
		    .setDeliveryGuarantee(guarantee).setTransactionalIdPrefix(job.get("app")).setRecordSerializer(new Writer(job.get("app")))
		    .build());
	}

	private static final class Reader implements KafkaRecordDeserializationSchema<Event> {
		@Override
		public void deserialize(ConsumerRecord<byte[], byte[]> r, Collector<Event> out) {
			out.collect(Event.parse(new String(r.key(), StandardCharsets.UTF_8), r.value()));
		}

		@Override
		public TypeInformation<Event> getProducedType() {
			return EVENTS;
		}
	}

	private record Writer(String app) implements KafkaRecordSerializationSchema<Output> {
		@Override
		public ProducerRecord<byte[], byte[]> serialize(Output o, KafkaSinkContext context, Long timestamp) {
			return new ProducerRecord<>(o.topic(app), o.user().getBytes(StandardCharsets.UTF_8), o.value());
		}
	}
}
