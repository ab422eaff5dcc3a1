package peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.time.LocalDate;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the jobs need of an event. Read with Jackson's streaming parser, which skips the rest: several
 * times as quick as binding the whole document.
 */
final class Event {
	static final byte OTHER = 0, VIEWED = 1, ADDED = 2, ORDERED = 3;
	static final LongAdder READ = new LongAdder();   // by this process; Main prints it
	static final Codec<Event> CODEC = new EventCodec();
	private static final JsonFactory JSON = new JsonFactory();

	String user, cart = "";
	byte kind;
	long ms;
	double revenue;

	/** As Millrace has it: with the times that an app sends along, the clock of the device is corrected. */
	static Event parse(String user, byte[] json) {
		Event e = new Event();
		long timestamp = 0, original = 0, sent = 0, received = 0;

		e.user = user;
		try (JsonParser p = JSON.createParser(json)) {
			p.nextToken();
			while (p.nextToken() == JsonToken.FIELD_NAME) {
				String name = p.currentName();
				p.nextToken();
				switch (name) {
				case "event" -> e.kind = kindOf(p.getText());
				case "timestamp" -> timestamp = time(p.getText());
				case "originalTimestamp" -> original = time(p.getText());
				case "sentAt" -> sent = time(p.getText());
				case "receivedAt" -> received = time(p.getText());
				case "properties" -> e.properties(p);
				default -> p.skipChildren();
				}
			}
		} catch (IOException bad) {
			throw new IllegalArgumentException(bad);
		}
		e.ms = received != 0 && sent != 0 && original != 0 ? received - (sent - original) : timestamp;
		READ.increment();
		return e;
	}

	private void properties(JsonParser p) throws IOException {
		while (p.nextToken() == JsonToken.FIELD_NAME) {
			String name = p.currentName();
			p.nextToken();
			switch (name) {
			case "cart_id" -> cart = p.getText();
			case "revenue" -> revenue = p.getDoubleValue();
			default -> p.skipChildren();
			}
		}
	}

	private static byte kindOf(String name) {
		return switch (name) {
		case "Product Viewed" -> VIEWED;
		case "Product Added" -> ADDED;
		case "Order Completed" -> ORDERED;
		default -> OTHER;
		};
	}

	/** 2026-03-02T00:00:02.507Z, and no other form: several times as quick as Instant.parse. */
	static long time(String s) {
		long day = LocalDate.of(number(s, 0, 4), number(s, 5, 7), number(s, 8, 10)).toEpochDay();
		long seconds = (day * 24 + number(s, 11, 13)) * 3600 + number(s, 14, 16) * 60 + number(s, 17, 19);

		return seconds * 1000 + number(s, 20, 23);
	}

	private static int number(String s, int from, int to) {
		int n = 0;

		for (int i = from; i < to; i++)
			n = n * 10 + s.charAt(i) - '0';
		return n;
	}

	private static final class EventCodec implements Codec<Event> {
		@Override
		public void write(Event e, DataOutput out) throws IOException {
			out.writeUTF(e.user);
			out.writeByte(e.kind);
			out.writeLong(e.ms);
			if (e.kind == ADDED || e.kind == ORDERED) {
				out.writeUTF(e.cart);
				out.writeDouble(e.revenue);
			}
		}

		@Override
		public Event read(DataInput in) throws IOException {
			Event e = new Event();

			e.user = in.readUTF();
			e.kind = in.readByte();
			e.ms = in.readLong();
			if (e.kind == ADDED || e.kind == ORDERED) {
				e.cart = in.readUTF();
				e.revenue = in.readDouble();
			}
			return e;
		}
	}
}
