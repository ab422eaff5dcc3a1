package peers;

import java.time.Duration;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingProcessingTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Nexmark q12: how many bids a user made in ten seconds of the wall clock. */
final class FlinkCounts implements AggregateFunction<Event, Long, Long>, WindowFunction<Long, Output, String, TimeWindow> {
	static DataStream<Output> build(KeyedStream<Event, String> events, Job job) {
		FlinkCounts both = new FlinkCounts();

		return events.window(TumblingProcessingTimeWindows.of(Duration.ofMillis(job.ms("window"))))
		    .aggregate(both, both, TypeInformation.of(Long.class), TypeInformation.of(Output.class)).uid("counts");
	}

	@Override
	public Long createAccumulator() {
		return 0L;
	}

	@Override
	public Long add(Event e, Long n) {
		return n + 1;
	}

	@Override
	public Long getResult(Long n) {
		return n;
	}

	@Override
	public Long merge(Long a, Long b) {
		return a + b;
	}

	@Override
	public void apply(String user, TimeWindow window, Iterable<Long> counts, Collector<Output> out) {
		for (Long n : counts)
			out.collect(Output.count(user, n));
	}
}
