package peers;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;

/** What is to be done, from NAME=VALUE arguments. run.py knows the names. */
final class Job implements Serializable {
	static final long WAIT_MS = 30 * 60_000;   // from the last change of a cart to its reminder

	private final Map<String, String> values = new HashMap<>();

	Job(String[] args) {
		for (String arg : args) {
			String[] pair = arg.split("=", 2);
			values.put(pair[0], pair[1]);
		}
	}

	String get(String name) {
		String value = values.get(name);
		if (value == null)
			throw new IllegalArgumentException("missing: " + name);
		return value;
	}

	String get(String name, String otherwise) {
		return values.getOrDefault(name, otherwise);
	}

	boolean is(String name, String value) {
		return value.equals(values.get(name));
	}

	long ms(String name) {
		return Long.parseLong(get(name));
	}

	/** What goes to the engine's own configuration: arguments that begin with the prefix. */
	Map<String, String> under(String prefix) {
		Map<String, String> found = new HashMap<>();
		values.forEach((k, v) -> {
			if (k.startsWith(prefix))
				found.put(k.substring(prefix.length()), v);
		});
		return found;
	}
}
