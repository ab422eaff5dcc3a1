package peers;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Flink's process function: one value a user, one event-time timer a user. */
final class FlinkShopper extends KeyedProcessFunction<String, Event, Output> {
	private final Plan plan;
	private transient ValueState<Shopper> shoppers;

	private FlinkShopper(Plan plan) {
		this.plan = plan;
	}

	static DataStream<Output> build(KeyedStream<Event, String> events, Job job, boolean sessions) {
		return events.process(new FlinkShopper(Plan.of(job, sessions)), TypeInformation.of(Output.class)).uid("shopper");
	}

	@Override
	public void open(OpenContext context) {
		shoppers = getRuntimeContext().getState(
		    new ValueStateDescriptor<>("shopper", new FlinkCodecSerializer<>(Shopper.CODEC)));
	}

	@Override
	public void processElement(Event e, Context context, Collector<Output> out) throws Exception {
		Shopper shopper = shoppers.value();

		if (shopper == null)
			shopper = new Shopper();
		if (shopper.apply(e, plan, context.timerService().currentWatermark(), out::collect))
			keep(shopper, context);
	}

	@Override
	public void onTimer(long ms, OnTimerContext context, Collector<Output> out) throws Exception {
		Shopper shopper = shoppers.value();

		shopper.fire(context.getCurrentKey(), plan, context.timerService().currentWatermark(), out::collect);
		shopper.timerMs = Shopper.NEVER;
		keep(shopper, context);
	}

	/** One timer a user: where it turns out too early, it is set again when it fires (Flink's "timer coalescing"). */
	private void keep(Shopper shopper, Context context) throws Exception {
		long nextMs = shopper.nextMs(plan);

		if (nextMs < shopper.timerMs) {
			shopper.timerMs = nextMs;
			context.timerService().registerEventTimeTimer(nextMs);
		}
		shoppers.update(shopper);
	}
}
