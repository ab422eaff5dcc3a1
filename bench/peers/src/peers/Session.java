package peers;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** A session, open or closed: what is counted of it. */
final class Session {
	static final Codec<Session> CODEC = new SessionCodec();

	long startMs = Long.MAX_VALUE, endMs = Long.MIN_VALUE, revenueMicros;
	int events, orders;

	Session add(Event e) {
		startMs = Math.min(startMs, e.ms);
		endMs = Math.max(endMs, e.ms);
		events++;
		if (e.kind == Event.ORDERED) {
			orders++;
			revenueMicros += Math.round(e.revenue * 1e6);
		}
		return this;
	}

	Session merge(Session other) {
		startMs = Math.min(startMs, other.startMs);
		endMs = Math.max(endMs, other.endMs);
		events += other.events;
		orders += other.orders;
		revenueMicros += other.revenueMicros;
		return this;
	}

	Output closed(String user) {
		return Output.session(user, "{\"user\":\"" + user + "\",\"started\":" + startMs + ",\"ended\":" + endMs
		    + ",\"events\":" + events + ",\"orders\":" + orders + ",\"revenue_micros\":" + revenueMicros + "}");
	}

	private static final class SessionCodec implements Codec<Session> {
		@Override
		public void write(Session s, DataOutput out) throws IOException {
			out.writeLong(s.startMs);
			out.writeLong(s.endMs);
			out.writeLong(s.revenueMicros);
			out.writeInt(s.events);
			out.writeInt(s.orders);
		}

		@Override
		public Session read(DataInput in) throws IOException {
			Session s = new Session();

			s.startMs = in.readLong();
			s.endMs = in.readLong();
			s.revenueMicros = in.readLong();
			s.events = in.readInt();
			s.orders = in.readInt();
			return s;
		}
	}
}
