package peers;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.function.Consumer;

/**
 * The whole job for one user, as one record: open sessions, count and sum, carts that wait. Both engines
 * run it where they do best with a state of one's own; `Windows` does without sessions here.
 */
final class Shopper {
	static final Codec<Shopper> CODEC = new ShopperCodec();
	static final long NEVER = Long.MAX_VALUE;

	private record Cart(String id, long addedMs) {
		long dueMs() {
			return addedMs + Job.WAIT_MS;
		}
	}

	long timerMs = NEVER;   // the one timer that the engine keeps for this user
	private long views;
	private double spend;
	private ArrayList<Session> sessions = new ArrayList<>(1);
	private ArrayList<Cart> carts = new ArrayList<>(0);

	/** Applies an event; what is due up to the watermark was due before it. False: nothing changed. */
	boolean apply(Event e, Plan plan, long watermarkMs, Consumer<Output> out) {
		long nowMs = Math.max(watermarkMs, e.ms - plan.graceMs());

		boolean changed = fire(e.user, plan, nowMs, out) || plan.sessions() || e.kind != Event.OTHER;
		if (plan.sessions())
			join(new Session().add(e), plan, nowMs);
		if (e.kind == Event.VIEWED)
			views++;
		else if (e.kind == Event.ADDED)
			added(e, nowMs, out);
		else if (e.kind == Event.ORDERED)
			ordered(e, out);
		return changed;
	}

	/** Closes the sessions and ends the waits that are due; whether there were any. */
	boolean fire(String user, Plan plan, long nowMs, Consumer<Output> out) {
		boolean closed = sessions.removeIf(s -> {
			boolean over = plan.dueMs(s) <= nowMs;
			if (over)
				out.accept(s.closed(user));
			return over;
		});
		boolean ended = carts.removeIf(c -> {
			boolean over = c.dueMs() <= nowMs;
			if (over)
				out.accept(reminder(user, c));
			return over;
		});
		return closed || ended;
	}

	long nextMs(Plan plan) {
		long next = NEVER;

		for (Session s : sessions)
			next = Math.min(next, plan.dueMs(s));
		for (Cart c : carts)
			next = Math.min(next, c.dueMs());
		return next;
	}

	/** The event's own session takes in those it touches. What is over already came late and is dropped. */
	private void join(Session own, Plan plan, long nowMs) {
		for (int i = sessions.size() - 1; i >= 0; i--) {
			Session s = sessions.get(i);
			if (own.startMs - s.endMs <= plan.gapMs() && s.startMs - own.endMs <= plan.gapMs()) {
				own.merge(s);
				sessions.remove(i);
			}
		}
		if (plan.dueMs(own) > nowMs)
			sessions.add(own);
	}

	private int find(String cart) {
		for (int i = 0; i < carts.size(); i++)
			if (carts.get(i).id.equals(cart))
				return i;
		return -1;
	}

	private void added(Event e, long nowMs, Consumer<Output> out) {
		int at = find(e.cart);
		Cart cart = new Cart(e.cart, e.ms);

		if (at >= 0 && carts.get(at).addedMs > e.ms)
			return;
		if (at >= 0)
			carts.remove(at);
		if (cart.dueMs() <= nowMs)
			out.accept(reminder(e.user, cart));
		else
			carts.add(cart);
	}

	private void ordered(Event e, Consumer<Output> out) {
		int at = find(e.cart);

		if (at >= 0 && e.ms >= carts.get(at).addedMs && e.ms <= carts.get(at).dueMs())
			carts.remove(at);
		spend += e.revenue;
		out.accept(Output.action(e.user, "{\"template\":\"order\",\"user\":\"" + e.user + "\",\"at\":" + e.ms
		    + ",\"views\":" + views + ",\"spend\":" + spend + "}"));
	}

	private static Output reminder(String user, Cart c) {
		return Output.action(user, "{\"template\":\"cart-reminder\",\"user\":\"" + user + "\",\"at\":" + c.addedMs
		    + ",\"cart\":\"" + c.id + "\"}");
	}

	private static final class ShopperCodec implements Codec<Shopper> {
		@Override
		public void write(Shopper s, DataOutput out) throws IOException {
			out.writeLong(s.timerMs);
			out.writeLong(s.views);
			out.writeDouble(s.spend);
			out.writeByte(s.sessions.size());
			for (Session session : s.sessions)
				Session.CODEC.write(session, out);
			out.writeByte(s.carts.size());
			for (Cart c : s.carts) {
				out.writeUTF(c.id);
				out.writeLong(c.addedMs);
			}
		}

		@Override
		public Shopper read(DataInput in) throws IOException {
			Shopper s = new Shopper();

			s.timerMs = in.readLong();
			s.views = in.readLong();
			s.spend = in.readDouble();
			for (int n = in.readByte(); n > 0; n--)
				s.sessions.add(Session.CODEC.read(in));
			for (int n = in.readByte(); n > 0; n--)
				s.carts.add(new Cart(in.readUTF(), in.readLong()));
			return s;
		}
	}
}
