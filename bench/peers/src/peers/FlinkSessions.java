package peers;

import java.time.Duration;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Flink's session windows, aggregated as events come ("Window Functions" in its documentation: incremental is cheaper). */
final class FlinkSessions implements AggregateFunction<Event, Session, Session>,
    WindowFunction<Session, Output, String, TimeWindow> {
	private static final TypeInformation<Session> SESSIONS = new FlinkCodecType<>(Session.class, Session.CODEC);

	static DataStream<Output> build(KeyedStream<Event, String> events, Job job) {
		FlinkSessions both = new FlinkSessions();

		return events.window(EventTimeSessionWindows.withGap(Duration.ofMillis(job.ms("gap"))))
		    .aggregate(both, both, SESSIONS, TypeInformation.of(Output.class)).uid("sessions");
	}

	@Override
	public Session createAccumulator() {
		return new Session();
	}

	@Override
	public Session add(Event e, Session s) {
		return s.add(e);
	}

	@Override
	public Session getResult(Session s) {
		return s;
	}

	@Override
	public Session merge(Session a, Session b) {
		return a.merge(b);
	}

	@Override
	public void apply(String user, TimeWindow window, Iterable<Session> sessions, Collector<Output> out) {
		for (Session s : sessions)
			out.collect(s.closed(user));
	}
}
